// Fetched, told what it is, or replaced.
#include "imgring/service/source_image.h"

#include <algorithm>
#include <string>
#include <utility>

#include "imgring/format/sniff.h"
#include "imgring/info/blocks.h"
#include "imgring/pipeline/read_facts.h"
#include "imgring/service/refusals.h"
#include "imgring/service/source_request.h"

namespace imgring::service {

namespace {

struct Coming {  // counted among a lane's jobs to come while it lives
  explicit Coming(std::atomic<int>& c) noexcept : count(c) { ++count; }
  ~Coming() { --count; }
  Coming(const Coming&) = delete;
  Coming& operator=(const Coming&) = delete;
  std::atomic<int>& count;
};

// Whether what came tells all that the info endpoint is asked for. Loop thread.
class HeaderWatch {
 public:
  explicit HeaderWatch(const ImageRequest& request)
      : wanted_(&*request.parsed->info), url_(&request.parsed->source_url) {}
  bool operator()(ByteSpan so_far) {
    if (wanted_->wants_file() || so_far.size() < next_bytes_) return false;
    // A header is walked from its beginning each time, and bytes may come one by one.
    constexpr std::size_t kMoreBytesMin = 4096;
    next_bytes_ = so_far.size() + std::max(kMoreBytesMin, so_far.size() / 4);
    if (type_ == ImageType::kUnknown) type_ = type_of_source(so_far, *url_, {});
    // What the Content-Type may make of it is not known here.
    if (type_ == ImageType::kUnknown || type_ == ImageType::kTiff) return false;
    return info::header_tells(so_far, type_, *wanted_);
  }

 private:
  const url::InfoOptions* wanted_;
  const std::string* url_;
  ImageType type_ = ImageType::kUnknown;
  std::size_t next_bytes_ = 0;
};

loop::Task<Result<source::SourceAnswer>> download(Services& services, loop::Scope& scope,
                                                  ImageRequest& request) {
  const RunningPhase phase(request.time, Phase::kDownloading, services.loop);
  const loop::Lane lane = request.lane.value_or(loop::Lane::kQuick);
  const Coming coming(services.shared.coming[static_cast<std::size_t>(lane)]);
  source::SourceRequest wanted = source_request(request, false);
  if (request.parsed->info) wanted.enough = HeaderWatch(request);
  co_return co_await services.sources.fetch(scope, wanted);
}

void read_header(SourceImage& image, const url::RequestOptions& options) {
  image.facts = pipeline::read_facts(image.bytes.span(), image.type, options.pages_max());
}

}  // namespace

ImageType type_of_source(ByteSpan body, std::string_view url, std::string_view content_type) {
  const std::string_view path = url.substr(0, url.find('?'));
  const std::size_t dot = path.rfind('.');
  const std::string_view extension = dot == std::string_view::npos ? "" : path.substr(dot);
  constexpr std::size_t kHeadBytes = 32 << 10;
  return format::detect_type(body.first(std::min(body.size(), kHeadBytes)), extension,
                             content_type);
}

Result<SourcePtr> accept_source(const ImageRequest& request, source::SourceAnswer answer) {
  auto image = std::make_shared<SourceImage>();
  auto origin = std::make_shared<Origin>();
  image->origin = origin;
  origin->headers = std::move(answer.head.headers);
  image->not_modified = answer.head.status == 304;
  if (image->not_modified) return image;
  const ByteSpan body = answer.body.bytes();
  origin->size_bytes = body.size();
  image->cut = answer.cut;
  origin->file_bytes = answer.head.content_length;
  if (origin->file_bytes < 0) {
    origin->file_bytes = image->cut ? 0 : static_cast<std::int64_t>(body.size());
  }
  image->bytes = Bytes(body, std::move(answer.body));
  image->grant = std::move(answer.grant);
  image->type =
      type_of_source(body, request.parsed->source_url, origin->headers.get("content-type"));
  if (image->type == ImageType::kUnknown) {
    return fail(ErrorCode::kUnknownType, "the source's content is of no known image type");
  }
  read_header(*image, request.parsed->options);
  return image;
}

namespace {

bool may_be_replaced(const Error& error) noexcept {
  return error.code != ErrorCode::kCancelled && error.code != ErrorCode::kTimeout &&
         error.code != ErrorCode::kOverloaded && !error.in_body;
}

// A picture in the place of a source that failed.
std::shared_ptr<SourceImage> stand_in(const ImageRequest& request, ImageType type, Bytes bytes,
                                      const Error& error) {
  auto image = std::make_shared<SourceImage>();
  auto origin = std::make_shared<Origin>();
  origin->replaced = error;
  origin->size_bytes = bytes.size();
  image->origin = std::move(origin);
  image->type = type;
  image->bytes = std::move(bytes);
  read_header(*image, request.parsed->options);
  return image;
}

// The answer for the URL's own fallback image as the picture; null: it is none that can be loaded.
SourcePtr accept_fallback(const ImageRequest& request, source::SourceAnswer answer,
                          const Error& error) {
  if (answer.head.status == 304) return nullptr;
  const ByteSpan body = answer.body.bytes();
  const ImageType type = type_of_source(body, request.parsed->options.fallback_image_url,
                                        answer.head.headers.get("content-type"));
  if (!request.snapshot->abilities.can_load(type)) return nullptr;
  SourcePtr image = stand_in(request, type, Bytes(body, std::move(answer.body)), error);
  image->grant = std::move(answer.grant);
  return image;
}

// A copy for who asks next, where there is room; what is larger is fetched each time.
void keep_fallback(Services& services, const std::string& url, const SourceImage& image) {
  constexpr std::size_t kKeptBytesMax = std::size_t{4} << 20;  // copied on a loop: 2 ms
  const ByteSpan bytes = image.bytes.span();
  if (bytes.size() > kKeptBytesMax) return;
  auto room = services.shared.ledger.part(mem::Part::kDownloads).try_grant(bytes.size());
  if (!room) return;
  auto kept = std::make_shared<FetchedPicture>();
  kept->image.type = image.type;
  kept->image.bytes = as_text(bytes);
  kept->bytes = std::move(*room);
  services.fallbacks.keep(url, kept, services.loop.now());
}

// Of the option fallback_image_url, from its source by the rules of all sources.
loop::Task<SourcePtr> fetch_fallback(Services& services, loop::Scope& scope, ImageRequest& request,
                                     Error error) {
  if (request.parsed->options.fallback_image_url.empty() || !may_be_replaced(error)) {
    co_return nullptr;
  }
  const RunningPhase phase(request.time, Phase::kDownloading, services.loop);
  const source::SourceRequest wanted = fallback_request(request);
  const FetchedPtr kept = services.fallbacks.find(wanted.url, services.loop.now());
  if (kept != nullptr && kept->fits(wanted.size_bytes_max)) {
    Bytes bytes(as_bytes(kept->image.bytes), kept);
    co_return stand_in(request, kept->image.type, std::move(bytes), error);
  }
  Result<source::SourceAnswer> answer = co_await services.sources.fetch(scope, wanted);
  if (scope.cancelled() || !answer) co_return nullptr;
  SourcePtr fallback = accept_fallback(request, std::move(*answer), error);
  if (fallback != nullptr) keep_fallback(services, wanted.url, *fallback);
  co_return fallback;
}

}  // namespace

SourcePtr fall_back(const ImageRequest& request, const Error& error) {
  const auto& fallback = request.snapshot->fallback;
  if (!fallback || request.parsed->info || !may_be_replaced(error)) return nullptr;
  return stand_in(request, fallback->type, Bytes(as_bytes(fallback->bytes), fallback), error);
}

loop::Task<Result<SourcePtr>> fetch_source(Services& services, loop::Scope& scope,
                                           ImageRequest& request) {
  Result<source::SourceAnswer> answer = co_await download(services, scope, request);
  if (scope.cancelled()) {
    co_return std::unexpected(cancelled_error(scope, "the source is downloaded"));
  }
  request.source_shown = true;
  Result<SourcePtr> image = fail(ErrorCode::kInternal);
  if (answer) {
    image = accept_source(request, std::move(*answer));
  } else {
    image = std::unexpected(std::move(answer).error());
  }
  if (!image) {
    if (image.error().code == ErrorCode::kOverloaded) {
      services.metrics.count_refusal(observe::Refusal::kDownloadBudget);
    }
    const Error error = image.error();
    SourcePtr fallback = co_await fetch_fallback(services, scope, request, error);
    if (scope.cancelled()) {
      co_return std::unexpected(cancelled_error(scope, "the fallback image is downloaded"));
    }
    if (!fallback) fallback = fall_back(request, error);
    if (!fallback) co_return image;
    image = std::move(fallback);
  }
  const ImageType type = (*image)->type;
  if (!(*image)->not_modified && !request.snapshot->abilities.can_load(type)) {
    const std::string name(facts_of(type).name);
    co_return fail(ErrorCode::kSourceUnsupported, "this libvips can't load " + name);
  }
  co_return image;
}

}  // namespace imgring::service
