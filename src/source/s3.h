// s3:// sources: signed GETs over the HTTP client. One per core, loop thread.
// Owns: what it learned of the buckets' regions (bounded). Not guarded by address: the endpoint is
// the operator's. Keys of AWS roles and instances are not built yet.
#pragma once

#include <ctime>
#include <functional>
#include <string>
#include <unordered_map>

#include "aws_signature.h"
#include "body.h"
#include "imgring/config/config.h"
#include "imgring/http/client.h"
#include "imgring/source/source.h"
#include "imgring/url/source_url.h"

namespace imgring::source {

inline constexpr std::size_t kBucketRegionsMax = 1024;  // full: any goes

struct S3Options {
  std::string region;      // IMGPROXY_S3_REGION, else the profile's, else us-west-1
  std::string endpoint;    // empty: AWS
  bool path_style = true;  // with an endpoint
  std::vector<std::string> allowed_buckets, denied_buckets;
  std::string query_separator;
  AwsCredentials credentials;
};
// IMGPROXY_S3_ENDPOINT with a scheme; empty: AWS.
std::string s3_endpoint(const config::SourceConfig& config);
S3Options s3_options(const config::SourceConfig& config, const ReadVariable& variable);

// A signed GET of an object, for `now`. Errors: kSourceUnreachable.
struct S3Object {
  std::string bucket, key, version, region;
};
Result<http::ClientRequest> s3_request(const S3Options& options, const S3Object& object,
                                       const http::Headers& wanted, std::time_t now);
// nullopt: may be read; else why not.
std::optional<std::string> bucket_refusal(const S3Options& options, std::string_view bucket);

class S3Source final : public Source {
 public:
  S3Source(const BodyParts& parts, http::Client& client, S3Options options)
      : parts_(parts), client_(client), options_(std::move(options)) {}
  loop::Task<Result<SourceAnswer>> fetch(loop::Scope& scope, const SourceRequest& request) override;
  loop::Task<Result<OpenedSource>> open(loop::Scope& scope, const SourceRequest& request) override;

 private:
  loop::Task<Result<http::ExchangePtr>> ask(loop::Scope& scope, const SourceRequest& request);
  // True when the answer names another region than the one asked: remembered.
  bool learn_region(const S3Object& object, const http::ResponseHead& head);

  BodyParts parts_;
  http::Client& client_;
  S3Options options_;
  std::unordered_map<std::string, std::string> regions_;  // by bucket
};

}  // namespace imgring::source
