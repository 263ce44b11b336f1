// The request target: signature and path, and whether the first fits the second
// (urls.md sections 2 and 4). Plain functions, any thread.
// Promises: signatures are compared in constant time and all keys are tried.
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstddef>

#include "imgring/base/check.h"
#include "imgring/base/text.h"
#include "imgring/url/request.h"

namespace imgring::url {
namespace {

constexpr std::string_view kInfoEndpoint = "info";
constexpr std::size_t kDigestBytes = 32;
using Digest = std::array<unsigned char, kDigestBytes>;

Digest digest_of(std::string_view path, std::string_view key, std::string_view salt) {
  std::string message;
  message.reserve(salt.size() + path.size());
  message.append(salt).append(path);
  Digest digest{};
  unsigned size = 0;
  const unsigned char* done = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                                   reinterpret_cast<const unsigned char*>(message.data()),
                                   message.size(), digest.data(), &size);
  IMGRING_CHECK(done != nullptr);
  IMGRING_CHECK(size == kDigestBytes);
  return digest;
}

bool is_blank_char(char c) { return c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == ' '; }

// Proxies merge slashes: the last ":/x" before any white space becomes "://x" (imgproxy's greedy
// `^(\S+):/([^/])`), and ":///x" for the scheme local.
std::string repair_scheme(std::string_view plain) {
  std::size_t found = std::string_view::npos;
  for (std::size_t i = 0; i < plain.size() && !is_blank_char(plain[i]); ++i) {
    const bool here = i > 0 && i + 2 < plain.size() && plain[i] == ':' && plain[i + 1] == '/';
    if (here && plain[i + 2] != '/') found = i;
  }
  if (found == std::string_view::npos) return std::string(plain);
  const std::string_view scheme = plain.substr(0, found);
  std::string result(scheme);
  result += scheme == "local" ? ":///" : "://";
  result += plain.substr(found + 2);
  return result;
}

// Undoes what clients and proxies do to paths. The signature is checked over the result.
std::string redenormalise(std::string_view path) {
  constexpr std::string_view kPlain = "/plain/";
  std::string result;
  std::size_t plain = std::string_view::npos;
  if (path.starts_with(kPlain.substr(1))) {
    result = kPlain;
    plain = kPlain.size() - 1;
  } else if (const std::size_t at = path.find(kPlain); at != std::string_view::npos) {
    result = replace_all(path.substr(0, at), "%3A", ":") + std::string(kPlain);
    plain = at + kPlain.size();
  }
  if (plain == std::string_view::npos) {
    result = replace_all(path, "%3A", ":");
  } else {
    result += repair_scheme(path.substr(plain));
  }
  if (result.starts_with('/')) result.erase(0, 1);
  return result;
}

}  // namespace

Result<SplitTarget> split_target(std::string_view target, std::string_view prefix) {
  target = target.substr(0, target.find('?'));
  if (target.starts_with(prefix) && target.substr(prefix.size()).starts_with('/')) {
    target.remove_prefix(prefix.size() + 1);
  }
  if (target.starts_with('/')) target.remove_prefix(1);
  std::size_t slash = target.find('/');
  SplitTarget split;
  // Where signatures are off anything may stand for one but this.
  split.info = slash != std::string_view::npos &&
               percent_decode(target.substr(0, slash)).value_or("") == kInfoEndpoint;
  if (split.info) {
    target.remove_prefix(slash + 1);
    slash = target.find('/');
  }
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == target.size()) {
    return fail(ErrorCode::kInvalidUrl, "the path has no signature or nothing after it");
  }
  split.signature = target.substr(0, slash);
  split.path = redenormalise(target.substr(slash + 1));
  return split;
}

Result<void> verify_signature(const SplitTarget& split, const config::UrlConfig& config) {
  if (config.keys.empty()) {
    if (split.signature.find(':') == std::string::npos) return {};
    return fail(ErrorCode::kSignatureIsOption, "the signature has a colon");
  }
  bool fits = false;
  for (const std::string& trusted : config.trusted_signatures) {
    fits |= equal_constant_time(split.signature, trusted);
  }
  const auto given = base64url_decode(split.signature);
  const std::string path = signed_text(split.path);
  for (const config::KeySalt& pair : config.keys) {
    const Digest digest = digest_of(path, pair.key, pair.salt);
    const auto size = static_cast<std::size_t>(config.signature_size_bytes);
    const std::string_view kept = as_text(digest).substr(0, size);
    fits |= given && equal_constant_time(*given, kept);
  }
  if (fits) return {};
  return fail(ErrorCode::kForbidden, given ? "the signature does not fit the path"
                                           : "the signature is not URL-safe Base64");
}

std::string signed_text(std::string_view path) {
  return (path.starts_with('/') ? "" : "/") + std::string(path);
}

std::string sign(const SignInput& input) {
  const Digest digest = digest_of(input.path, input.key, input.salt);
  IMGRING_CHECK(input.size_bytes >= 1);
  const auto size = std::min(static_cast<std::size_t>(input.size_bytes), kDigestBytes);
  return base64url_encode(ByteSpan(digest).first(size));
}

}  // namespace imgring::url
