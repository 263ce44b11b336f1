// Headers of pictures, in the order in which imgproxy has them.
#include "imgring/service/image_answer.h"

#include <string>
#include <utility>

#include "imgring/base/text.h"
#include "imgring/format/format.h"
#include "imgring/service/answers.h"

namespace imgring::service {

namespace {

void add_freshness(http::Response& response, const ImageRequest& request, const Origin& origin,
                   std::int64_t now_unix_s) {
  Freshness f;
  f.status = response.status;
  f.now_unix_s = now_unix_s;
  f.expires_unix_s = request.parsed->options.expires_unix_s;
  f.fallback_used = origin.replaced.has_value();
  f.source = origin.replaced ? nullptr : &origin.headers;
  if (auto value = cache_control(f, request.config())) {
    response.headers.add("Cache-Control", std::move(*value));
  }
}

void add_vary(http::Response& response, const config::Config& config) {
  std::string varies = vary(config);
  if (!varies.empty()) response.headers.add("Vary", std::move(varies));
}

// What the source said that goes on to the client; of a fallback, that it is one.
void add_origin(http::Response& response, const Origin& origin,
                const config::ServerConfig& config) {
  if (origin.replaced) {
    response.headers.add("X-Imgring-Fallback", "1");
    return;
  }
  add_validators(response, origin.headers, config);
  for (const std::string& name : config.response_headers_passthrough) {
    const std::string_view value = origin.headers.get(name);
    if (!value.empty()) response.headers.set(name, std::string(value));
  }
}

void add_debug(http::Response& response, const ResultImage& result) {
  const auto add = [&](const char* name, std::int64_t value) {
    response.headers.add(name, std::to_string(value));
  };
  add("X-Origin-Content-Length", static_cast<std::int64_t>(result.origin->size_bytes));
  add("X-Origin-Width", result.origin_width);
  add("X-Origin-Height", result.origin_height);
  add("X-Result-Width", result.result_width);
  add("X-Result-Height", result.result_height);
}

int status_of(const Origin& origin, const config::ProcessingConfig& config) {
  if (!origin.replaced) return 200;
  const int configured = config.fallback_image_http_code;
  return configured > 0 ? configured : origin.replaced->status();
}

}  // namespace

void add_ignored(http::Response& response, const ImageRequest& request) {
  const std::vector<std::string>& names = request.parsed->ignored;
  if (!names.empty()) response.headers.add("X-Imgring-Ignored", join(names, ", "));
}

void add_cache_tags(http::Response& response, const ImageRequest& request) {
  using enum config::CacheTagsFormat;
  const std::vector<std::string>& tags = request.parsed->options.cache_tags;
  const config::CacheTagsFormat format = request.config().server.cache_tags_format;
  if (tags.empty() || format == kNone) return;
  const std::string all = join(tags, ",");
  if (format != kCloudflare) response.headers.add("x-amz-meta-cache-tag", all);
  if (format != kCloudfront) response.headers.add("Cache-Tag", all);
}

void add_canonical(http::Response& response, const ImageRequest& request) {
  const bool shown =
      request.config().server.set_canonical_header && !request.parsed->source_encrypted;
  if (!shown) return;
  auto link = canonical_link(request.parsed->source_url);
  if (link) response.headers.add("Link", std::move(*link));
}

Answer not_modified(const ImageRequest& request, const Origin& origin, std::int64_t now_unix_s) {
  Answer answer;
  answer.response = base_response(304, request.id);
  add_cors(answer.response, request.config());
  add_freshness(answer.response, request, origin, now_unix_s);
  if (!request.parsed->info) add_vary(answer.response, request.config());
  add_validators(answer.response, origin.headers, request.config().server);
  add_ignored(answer.response, request);
  add_cache_tags(answer.response, request);
  return answer;
}

Answer describe_info(const ImageRequest& request, const ResultPtr& result,
                     std::int64_t now_unix_s) {
  const config::Config& config = request.config();
  const Origin& origin = *result->origin;
  Answer answer;
  http::Response& response = answer.response;
  response = base_response(200, request.id);
  add_cors(response, config);
  response.headers.add("Content-Type", "application/json");
  add_freshness(response, request, origin, now_unix_s);
  add_canonical(response, request);
  add_ignored(response, request);
  add_cache_tags(response, request);
  add_origin(response, origin, config.server);
  add_custom(response, config);
  answer.body = Bytes(result->bytes.span(), result);
  answer.of_part = result->of_part;
  return answer;
}

Answer describe(const ImageRequest& request, const ResultPtr& result, std::int64_t now_unix_s) {
  const config::Config& config = request.config();
  const url::RequestOptions& options = request.parsed->options;
  const Origin& origin = *result->origin;
  Answer answer;
  http::Response& response = answer.response;
  response = base_response(status_of(origin, config.processing), request.id);
  add_cors(response, config);
  const format::Format& facts = facts_of(result->type);
  response.headers.add("Content-Type", std::string(facts.mime));
  response.headers.add("Content-Disposition",
                       content_disposition({.filename = options.filename,
                                            .source_url = request.parsed->source_url,
                                            .extension = facts.extension,
                                            .attachment = options.return_attachment}));
  add_freshness(response, request, origin, now_unix_s);
  add_vary(response, config);
  add_canonical(response, request);
  add_ignored(response, request);
  // A fallback image may come with an error's status, which is nothing to purge by tags.
  if (response.status == 200) add_cache_tags(response, request);
  add_origin(response, origin, config.server);
  if (result->type == ImageType::kSvg) response.headers.add("X-Content-Type-Options", "nosniff");
  if (config.server.enable_debug_headers) add_debug(response, *result);
  add_custom(response, config);
  answer.body = Bytes(result->bytes.span(), result);
  answer.of_part = result->of_part;
  answer.error = origin.replaced;
  return answer;
}

}  // namespace imgring::service
