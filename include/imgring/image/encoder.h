// Finished images into bytes. Where the format allows it rows are pulled from the image on the
// calling thread (decision 3): JPEG by libjpeg-turbo, PNG by our own writer (libpng where that does
// not apply), WebP by libwebp; AVIF, HEIC, GIF, TIFF, JXL by the libvips saver on a memory image;
// ICO and BMP by our own writers. Helper threads only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "imgring/base/bytes.h"
#include "imgring/base/image_type.h"
#include "imgring/base/text.h"
#include "imgring/config/config.h"
#include "imgring/image/stop.h"
#include "imgring/image/vips_image.h"

namespace imgring::image {

class Shelter;

struct SaveParams {
  int quality = 80;                                  // 1..100
  config::EncoderOptions encoders;                   // what the request asks of them
  const config::ProcessingConfig* config = nullptr;  // their efforts and speeds
  bool strip_metadata_done = true;                   // metadata left on the image is to be written
  Shelter* shelter = nullptr;  // dangerous formats by a child; null: in this process
};

// kResultUnsupported: there is no saver; whether its codec works, Abilities tell. Other errors:
// kTimeout / kCancelled when `stop` was seen (the image is killed), vips_failure's.
Result<Bytes> save(VipsImage* image, ImageType type, const SaveParams& params,
                   const StopFlag& stop);

// Pulls the whole image into memory, strip by strip on this thread, looking at `stop` between
// strips.
// An image that is in memory already comes back as it is (another reference).
Result<VipsImagePtr> copy_to_memory(VipsImage* image, const StopFlag& stop);

}  // namespace imgring::image
