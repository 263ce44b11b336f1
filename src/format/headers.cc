// Which reader looks at a header: the row of its format says so.
#include "imgring/format/headers.h"

#include "imgring/format/format.h"

namespace imgring::format {
namespace {

std::optional<SourceFacts> read_by(HeaderReader reader, ByteSpan source, int frames_max) {
  if (reader == nullptr) return std::nullopt;
  const SourceFacts facts = reader(source, frames_max);
  if (facts.width <= 0 || facts.height <= 0) return std::nullopt;
  return facts;
}

}  // namespace

std::optional<SourceFacts> facts_of_header(ByteSpan source, ImageType type, int frames_max) {
  return read_by(facts_of(type).header, source, frames_max);
}

std::optional<SourceFacts> probe_header(ByteSpan source, ImageType type) {
  return read_by(facts_of(type).probe, source, 1);
}

}  // namespace imgring::format
