// One after the other, each URL once.
#include "imgring/service/watermarks.h"

#include <algorithm>
#include <string>
#include <utility>

#include "imgring/base/uri.h"
#include "imgring/format/format.h"
#include "imgring/pipeline/estimate.h"
#include "imgring/pipeline/plan.h"
#include "imgring/service/refusals.h"

namespace imgring::service {
namespace {

// A mark is copied once on a loop, 30 ms for so many.
constexpr std::int64_t kMarkBytesMax = std::int64_t{64} << 20;

Error of_mark(Error error, const std::string& url) {
  error.detail = "watermark " + display_text(url) + ": " + error.detail;
  return error;
}

Result<FetchedPtr> accept_mark(const ImageRequest& request, const std::string& url,
                               source::SourceAnswer answer) {
  const ByteSpan body = answer.body.bytes();
  auto mark = std::make_shared<FetchedPicture>();
  pipeline::AuxImage& image = mark->image;
  image.type = type_of_source(body, url, answer.head.headers.get("content-type"));
  if (image.type == ImageType::kUnknown) {
    return fail(ErrorCode::kUnknownType, "its content is of no known image type");
  }
  if (!request.snapshot->abilities.can_load(image.type)) {
    return fail(ErrorCode::kSourceUnsupported,
                "this libvips can't load " + std::string(facts_of(image.type).name));
  }
  image.bytes = as_text(body);
  pipeline::measure(&image);
  mark->bytes = std::move(answer.grant.bytes);
  mark->bytes.shrink_to(image.bytes.size());
  return mark;
}

Result<void> check_size(const FetchedPicture& mark, const url::RequestOptions& options) {
  const std::int64_t most = options.max_src_file_size_bytes;
  if (mark.fits(most)) return {};
  return fail(ErrorCode::kSourceTooLarge, "over " + std::to_string(most) + " bytes");
}

loop::Task<Result<FetchedPtr>> fetch_mark(Services& services, loop::Scope& scope,
                                          ImageRequest& request, std::string url) {
  const url::RequestOptions& options = request.parsed->options;
  FetchedPtr kept = services.watermarks.find(url, services.loop.now());
  if (kept != nullptr) {
    const Result<void> small = check_size(*kept, options);
    if (!small) co_return std::unexpected(of_mark(small.error(), url));
    co_return kept;
  }
  source::SourceRequest wanted;
  wanted.url = url;
  wanted.size_bytes_max = options.max_src_file_size_bytes > 0
                              ? std::min(options.max_src_file_size_bytes, kMarkBytesMax)
                              : kMarkBytesMax;
  for (const auto& [name, value] : request.config().server.custom_request_headers) {
    wanted.headers.set(name, value);
  }
  Result<source::SourceAnswer> answer = co_await services.sources.fetch(scope, wanted);
  if (scope.cancelled()) {
    co_return std::unexpected(cancelled_error(scope, "the watermark is downloaded"));
  }
  if (!answer) {
    if (answer.error().code == ErrorCode::kOverloaded) {
      services.metrics.count_refusal(observe::Refusal::kDownloadBudget);
    }
    co_return std::unexpected(of_mark(std::move(answer).error(), url));
  }
  Result<FetchedPtr> mark = accept_mark(request, url, std::move(*answer));
  if (!mark) co_return std::unexpected(of_mark(std::move(mark).error(), url));
  services.watermarks.keep(std::move(url), *mark, services.loop.now());
  co_return mark;
}

}  // namespace

loop::Task<Result<Marks>> fetch_watermarks(Services& services, loop::Scope& scope,
                                           ImageRequest& request, const SourceImage& source) {
  const url::RequestOptions& options = request.parsed->options;
  Marks marks;
  if (pipeline::skips_processing(source.type, options, request.config().processing)) {
    co_return marks;
  }
  const auto& pipelines = options.pipelines;
  for (std::size_t i = 0; i < pipelines.size(); ++i) {
    if (!pipelines[i].watermark.fetched()) continue;
    marks.resize(i + 1);
    const std::string& url = pipelines[i].watermark.url;
    for (std::size_t before = 0; before < i && marks[i] == nullptr; ++before) {
      const bool same = marks[before] != nullptr && pipelines[before].watermark.url == url;
      if (same) marks[i] = marks[before];
    }
    if (marks[i] != nullptr) continue;
    const RunningPhase phase(request.time, Phase::kDownloading, services.loop);
    IMGRING_CO_TRY(marks[i], co_await fetch_mark(services, scope, request, url));
  }
  co_return marks;
}

}  // namespace imgring::service
