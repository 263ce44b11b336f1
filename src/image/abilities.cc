// One question to libvips for each loader and saver.
#include "imgring/image/abilities.h"

#include "encoders.h"
#include "imgring/image/loader.h"
#include "imgring/mem/loop_thread.h"

namespace imgring::image {

format::Abilities ask_abilities() {
  IMGRING_CHECK_OFF_LOOP();
  format::Abilities can;
  for (int i = 1; i < kImageTypeCount; ++i) {
    const auto type = static_cast<ImageType>(i);
    if (has_loader(type)) can.loads.add(type);
    if (has_saver(type) && codec_works(type)) can.saves.add(type);
  }
  return can;
}

}  // namespace imgring::image
