// From a raw request target to a checked request: split, signature, options, presets, source URL.
// Plain functions over an immutable UrlRules value: no I/O, no loop, any thread (urls.md).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/base/error.h"
#include "imgring/base/log.h"
#include "imgring/config/config.h"
#include "imgring/url/info_options.h"
#include "imgring/url/processing_options.h"

namespace imgring::url {

// Defaults that come from request headers (urls.md section 8).
struct ClientFeatures {
  bool accepts_webp = false, accepts_avif = false, accepts_jxl = false;
  double dpr = 0;  // 0 = no hint
  int width = 0;   // 0 = no hint
};
struct FeatureHeaders {  // first value of each header, empty when absent
  std::string_view accept, sec_ch_dpr, dpr, sec_ch_width, width;
};
ClientFeatures detect_features(const FeatureHeaders& headers,
                               const config::ProcessingConfig& config);

struct ProcessingRequest {
  RequestOptions options;
  std::optional<InfoOptions> info;  // the info endpoint's; of the options, limits and time count
  std::string source_url;
  bool source_encrypted = false;      // by enc/: not to be shown to the client
  std::string options_text;           // as written in the URL (log)
  std::vector<std::string> warnings;  // arguments taken leniently, as imgproxy does (log)
  // Names of options that are not built and were left out (IMGRING_UNSUPPORTED_OPTIONS), once each.
  std::vector<std::string> ignored;
};

// Signature and path of a target, re-denormalised (urls.md section 2).
struct SplitTarget {
  std::string signature;
  std::string path;   // without the leading slash
  bool info = false;  // of the info endpoint: "info" stood before the signature
};
// `prefix`: IMGPROXY_PATH_PREFIX. `target`: the raw bytes of the request line.
Result<SplitTarget> split_target(std::string_view target, std::string_view prefix);
// The bytes signed: the path of a split target with a slash in front, unless it begins with one.
// imgproxy's rule: of "/SIG///w:10/..." that is "/w:10/...".
std::string signed_text(std::string_view path);
// The signature against signed_text.
Result<void> verify_signature(const SplitTarget& split, const config::UrlConfig& config);
// The signature of a path ("/w:10/plain/..."): URL-safe Base64 of the HMAC's first bytes.
struct SignInput {
  std::string_view path, key, salt;
  int size_bytes = 32;
};
std::string sign(const SignInput& input);

// Presets parsed and checked, patterns compiled. Built in main before the cores start; immutable.
class UrlRules {
 public:
  // All problems of presets, joined, as the error's detail. Warnings: skipped recursions.
  static Result<std::shared_ptr<const UrlRules>> build(const config::Config& config,
                                                       std::vector<std::string>* warnings);
  // Options, presets, source URL, allowed sources. `now_unix_s` judges `expires`.
  Result<ProcessingRequest> parse(std::string_view path, const ClientFeatures& features,
                                  std::int64_t now_unix_s) const;
  // The same of a path of the info endpoint.
  Result<ProcessingRequest> parse_info(std::string_view path, std::int64_t now_unix_s) const;
  // Source URL against IMGPROXY_ALLOWED_SOURCES (used again at each redirect).
  bool source_allowed(std::string_view source_url) const;
  ~UrlRules();

 private:
  UrlRules();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Options that differ from their defaults, under imgproxy's names: fields of the request log.
LogGroup log_fields(const RequestOptions& options);
// The same as one line: "width=300 gravity=sm" (explain).
std::string describe(const RequestOptions& options);

}  // namespace imgring::url
