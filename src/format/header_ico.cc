// The directory of an icon.
#include "header_fields.h"
#include "imgring/format/headers.h"
#include "imgring/format/ico_directory.h"

namespace imgring::format {

// The picture that image/ico_reader.cc tries first.
SourceFacts read_ico_header(ByteSpan s, int) {
  const auto entries = ico_entries(s);
  if (entries.empty()) return {};
  return facts_of_size(ImageType::kIco, static_cast<std::uint32_t>(entries.front().width),
                       static_cast<std::uint32_t>(entries.front().height));
}

}  // namespace imgring::format
