// AWS Signature Version 4 of a GET, and where its keys come from. Plain functions and values.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace imgring::source {

struct AwsCredentials {
  std::string key_id, secret, session_token;
  explicit operator bool() const noexcept { return !key_id.empty() && !secret.empty(); }
};
struct AwsProfile {
  AwsCredentials credentials;
  std::string region;  // may be empty
};
// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION first, then the shared
// files (AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE, ~/.aws) with AWS_PROFILE. Reads files: at
// the start only.
using ReadVariable = std::function<std::string(const char* name)>;
AwsProfile load_aws_profile(const ReadVariable& variable);

// What is signed. Everything is canonical already: the path encoded, query pairs encoded and
// sorted, header names lower case and sorted.
struct AwsRequest {
  std::string path = "/";
  std::string query;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string payload_sha256;
  std::string time;  // 20130524T000000Z; also in x-amz-date
};
struct AwsScope {
  std::string region, service;
};
// The value of Authorization.
std::string aws_authorization(const AwsRequest& request, const AwsCredentials& credentials,
                              const AwsScope& scope);
// SHA-256 of no bytes.
std::string_view empty_sha256() noexcept;
// Everything but unreserved characters as %XX; slashes stay when told.
enum class Slash : bool { kEncode, kKeep };
std::string aws_encode(std::string_view text, Slash slash);

}  // namespace imgring::source
