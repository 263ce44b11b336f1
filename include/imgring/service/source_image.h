// Third stage: the URL of a source to its picture, in memory and known by its header; or the
// fallback image in its place.
// A SourceImage belongs to its request and its job, whichever ends last. It is destroyed on the
// loop that fetched it: a lease goes back to its pool.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "imgring/base/bytes.h"
#include "imgring/base/error.h"
#include "imgring/format/source_facts.h"
#include "imgring/http/headers.h"
#include "imgring/service/request.h"
#include "imgring/service/services.h"
#include "imgring/source/source.h"

namespace imgring::service {

// What answers tell of a source: kept as long as what was made from it, without its bytes.
struct Origin {
  http::Headers headers;          // freshness and validators; none of a fallback's
  std::optional<Error> replaced;  // the error that the fallback image stands in for
  std::size_t size_bytes = 0;
  // Of the file: what the source announced, or what came of it; 0: it was not read to its end, and
  // nobody said.
  std::int64_t file_bytes = 0;
};

struct SourceImage {
  std::shared_ptr<const Origin> origin;
  bool not_modified = false;  // what the client has is still good: there are no bytes
  ImageType type = ImageType::kUnknown;
  std::optional<format::SourceFacts> facts;  // nullopt: the header can't be read here
  Bytes bytes;
  bool cut = false;  // the beginning of the file, which tells what the info endpoint is asked
  source::BodyGrant grant;  // of a fetched body
};
using SourcePtr = std::shared_ptr<SourceImage>;

// By its first bytes, the extension of its URL and the Content-Type.
ImageType type_of_source(ByteSpan body, std::string_view url, std::string_view content_type);
// A source's answer to a picture that this libvips can load. The error: what there is no picture
// for.
Result<SourcePtr> accept_source(const ImageRequest& request, source::SourceAnswer answer);
// The fallback image in the place of a source that failed (server.md section 2); null: none.
SourcePtr fall_back(const ImageRequest& request, const Error& error);
// All of it, in a request's time: counted as a job to come while its source is on its way.
loop::Task<Result<SourcePtr>> fetch_source(Services& services, loop::Scope& scope,
                                           ImageRequest& request);

}  // namespace imgring::service
