// Where an object lives, the signed request for it, and wrong regions.
#include "s3.h"

#include <algorithm>

#include "http_source.h"
#include "imgring/base/text.h"

namespace imgring::source {

using loop::Scope;
using loop::Task;

namespace {

constexpr std::string_view kRegionHeader = "X-Amz-Bucket-Region";
constexpr std::size_t kErrorBodyBytesMax = 4096;

struct Place {
  url::HttpUrl url;  // its target is the path, encoded
};

// Fit to be a label of a host name below the certificate's wildcard.
bool fits_host(std::string_view bucket) noexcept {
  return bucket.size() >= 3 && bucket.size() <= 63 &&
         std::all_of(bucket.begin(), bucket.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

// The same below an endpoint of the operator's, where dots, underscores and capitals may be known.
bool fits_endpoint_host(std::string_view bucket) noexcept {
  constexpr std::string_view kMarks = "-._";
  return std::all_of(bucket.begin(), bucket.end(), [kMarks](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || kMarks.find(c) != std::string_view::npos;
  });
}

Result<Place> place_of(const S3Options& options, const S3Object& object) {
  const bool aws = options.endpoint.empty();
  const std::string china = object.region.starts_with("cn-") ? ".cn" : "";
  std::string base = options.endpoint;
  if (aws) base = "https://s3." + object.region + ".amazonaws.com" + china;
  while (base.ends_with('/')) base.pop_back();
  Place place;
  IMGRING_TRY(place.url, url::parse_http_url(base));
  std::string path = place.url.target == "/" ? std::string() : place.url.target;
  const bool by_path = aws ? !fits_host(object.bucket) : options.path_style;
  if (by_path) {
    path += "/" + aws_encode(object.bucket, Slash::kEncode);
  } else if (!fits_endpoint_host(object.bucket)) {
    return fail(ErrorCode::kSourceUnreachable,
                "s3: bucket " + object.bucket + " can't stand in a host name");
  } else {
    place.url.host = object.bucket + "." + place.url.host;
    place.url.host_header = object.bucket + "." + place.url.host_header;
  }
  place.url.target = path + "/" + aws_encode(object.key, Slash::kKeep);
  return place;
}

std::string time_text(std::time_t now) {
  std::tm tm{};
  gmtime_r(&now, &tm);
  char text[32];
  const std::size_t size = std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &tm);
  return std::string(text, size);
}

bool lists(const std::vector<std::string>& buckets, std::string_view bucket) noexcept {
  return std::find(buckets.begin(), buckets.end(), bucket) != buckets.end();
}

}  // namespace

std::string s3_endpoint(const config::SourceConfig& config) {
  const std::string& text = config.s3_endpoint;
  return text.empty() || text.find("://") != std::string::npos ? text : "http://" + text;
}

S3Options s3_options(const config::SourceConfig& config, const ReadVariable& variable) {
  AwsProfile profile = load_aws_profile(variable);
  S3Options options;
  options.credentials = std::move(profile.credentials);
  options.region = config.s3_region.empty() ? profile.region : config.s3_region;
  if (options.region.empty()) options.region = "us-west-1";
  options.endpoint = s3_endpoint(config);
  options.path_style = config.s3_endpoint_use_path_style;
  options.allowed_buckets = config.s3_allowed_buckets;
  options.denied_buckets = config.s3_denied_buckets;
  options.query_separator = config.query_separator;
  return options;
}

std::optional<std::string> bucket_refusal(const S3Options& options, std::string_view bucket) {
  if (!options.allowed_buckets.empty() && !lists(options.allowed_buckets, bucket)) {
    return std::string(bucket) + " is not in IMGPROXY_S3_ALLOWED_BUCKETS";
  }
  if (lists(options.denied_buckets, bucket)) {
    return std::string(bucket) + " is in IMGPROXY_S3_DENIED_BUCKETS";
  }
  return std::nullopt;
}

Result<http::ClientRequest> s3_request(const S3Options& options, const S3Object& object,
                                       const http::Headers& wanted, std::time_t now) {
  IMGRING_TRY(Place place, place_of(options, object));
  AwsRequest signing;
  signing.path = place.url.target;
  if (!object.version.empty()) {
    signing.query = "versionId=" + aws_encode(object.version, Slash::kEncode);
  }
  signing.payload_sha256 = empty_sha256();
  signing.time = time_text(now);
  signing.headers = {{"host", place.url.host_header},
                     {"x-amz-content-sha256", signing.payload_sha256},
                     {"x-amz-date", signing.time}};
  if (!options.credentials.session_token.empty()) {
    signing.headers.emplace_back("x-amz-security-token", options.credentials.session_token);
  }
  http::ClientRequest request;
  request.tls = place.url.https;
  request.trusted = true;
  request.host = place.url.host;
  request.port = place.url.port;
  request.host_header = place.url.host_header;
  request.target = signing.query.empty() ? signing.path : signing.path + "?" + signing.query;
  for (const std::string_view name : {"If-None-Match", "If-Modified-Since", "Range"}) {
    const bool conditional = name != "Range";
    if (!wanted.has(name) || (conditional && wanted.has("Range"))) continue;
    request.headers.add(std::string(name), std::string(wanted.get(name)));
  }
  for (std::size_t i = 1; i < signing.headers.size(); ++i) {  // the client writes Host
    request.headers.add(signing.headers[i].first, signing.headers[i].second);
  }
  request.headers.add("Authorization", aws_authorization(signing, options.credentials,
                                                         AwsScope{object.region, "s3"}));
  return request;
}

bool S3Source::learn_region(const S3Object& object, const http::ResponseHead& head) {
  const std::string region(head.headers.get(kRegionHeader));
  const bool wrong = head.status == 301 || head.status == 307 || head.status == 400;
  if (!wrong || region.empty() || region == object.region || !fits_host(region)) return false;
  if (regions_.size() >= kBucketRegionsMax) regions_.erase(regions_.begin());
  regions_.insert_or_assign(object.bucket, region);
  return true;
}

Task<Result<http::ExchangePtr>> S3Source::ask(Scope& scope, const SourceRequest& request) {
  IMGRING_CO_TRY(url::StorageUrl parsed,
                 url::parse_storage_url(request.url, options_.query_separator));
  if (parsed.bucket.empty() || parsed.key.empty()) {
    co_return fail(ErrorCode::kSourceUnreachable, "s3: a bucket and a key are needed");
  }
  if (const auto refusal = bucket_refusal(options_, parsed.bucket)) {
    co_return fail(ErrorCode::kSourceUnreachable, "s3: bucket " + *refusal);
  }
  // Some services resolve dots, and another bucket's object is meant then.
  const bool listed = !options_.allowed_buckets.empty() || !options_.denied_buckets.empty();
  if (listed && url::has_dot_segment("/" + parsed.bucket + "/" + parsed.key)) {
    co_return fail(ErrorCode::kSourceUnreachable,
                   "s3: a dot segment in bucket or key, while lists of buckets are set");
  }
  if (!options_.credentials) {
    co_return fail(ErrorCode::kSourceUnreachable,
                   "s3: no credentials in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or the "
                   "shared files");
  }
  S3Object object;
  object.bucket = parsed.bucket;
  object.key = parsed.key;
  object.version = parsed.version;
  for (bool first = true;; first = false) {
    const auto known = regions_.find(object.bucket);
    object.region = known == regions_.end() ? options_.region : known->second;
    IMGRING_CO_TRY(http::ClientRequest signed_request,
                   s3_request(options_, object, request.headers, parts_.loop.unix_s()));
    signed_request.paid = request.connection;
    Result<http::ExchangePtr> exchange = co_await client_.start(scope, signed_request);
    if (!exchange) {
      co_return fail(exchange.error().code,
                     "s3://" + object.bucket + "/" + object.key + ": " + exchange.error().detail,
                     exchange.error().status_override);
    }
    const bool elsewhere = first && learn_region(object, (*exchange)->head());
    if (!elsewhere) co_return exchange;
    co_await (*exchange)->drain(scope, kErrorBodyBytesMax);
  }
}

Task<Result<SourceAnswer>> S3Source::fetch(Scope& scope, const SourceRequest& request) {
  IMGRING_CO_TRY(http::ExchangePtr exchange, co_await ask(scope, request));
  IMGRING_CO_TRY_VOID(co_await check_status(scope, *exchange));
  co_return co_await read_answer(scope, parts_, *exchange, request);
}

Task<Result<OpenedSource>> S3Source::open(Scope& scope, const SourceRequest& request) {
  IMGRING_CO_TRY(http::ExchangePtr exchange, co_await ask(scope, request));
  co_return open_exchange(std::move(exchange));
}

}  // namespace imgring::source
