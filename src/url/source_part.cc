// Plain, Base64 and encrypted source URLs (see source_part.h). Any thread.
// Promises: whatever is wrong with an encrypted URL, the answer is the same. Without signature keys
// that hides little: a text that begins well and goes on wrong is asked for, and the answer tells.
#include "source_part.h"

#include <openssl/evp.h>

#include <climits>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "imgring/base/text.h"

namespace imgring::url {
namespace {

constexpr std::size_t kBlockBytes = 16;
struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
using CipherPtr = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

const EVP_CIPHER* cipher_for(std::size_t key_bytes) {
  if (key_bytes == 16) return EVP_aes_128_cbc();
  if (key_bytes == 24) return EVP_aes_192_cbc();
  return key_bytes == 32 ? EVP_aes_256_cbc() : nullptr;
}

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Parts are pieces of one text: what lies between the first's beginning and the last's end.
std::string_view whole(std::span<const std::string_view> parts) {
  const char* const end = parts.back().data() + parts.back().size();
  return {parts.front().data(), static_cast<std::size_t>(end - parts.front().data())};
}

Result<SourcePart> decode_plain(std::span<const std::string_view> parts) {
  const std::string_view text = whole(parts);
  const std::size_t at = text.find('@');
  const std::string_view encoded = text.substr(0, at);
  if (encoded.empty()) return fail(ErrorCode::kInvalidUrl, "the source URL is empty");
  SourcePart source;
  if (at != std::string_view::npos) source.extension = text.substr(at + 1);
  if (source.extension.find('@') != std::string_view::npos) {
    return fail(ErrorCode::kInvalidUrl, "several extensions: an @ of the source must be %40");
  }
  auto decoded = percent_decode(encoded);
  if (!decoded) return fail(ErrorCode::kInvalidUrl, "the source URL has a malformed escape");
  source.url = std::move(*decoded);
  return source;
}

// The bytes the parts stand for, joined without their slashes, and the extension.
Result<SourcePart> decode_base64(std::span<const std::string_view> parts, bool with_filename) {
  if (with_filename && parts.size() > 1) parts = parts.first(parts.size() - 1);
  std::string joined;
  for (const std::string_view part : parts) joined += part;
  const std::vector<std::string_view> pieces = split(joined, ".");
  if (pieces.size() > 2) return fail(ErrorCode::kInvalidUrl, "several extensions");
  std::string_view text = pieces[0];
  if (text.empty()) return fail(ErrorCode::kInvalidUrl, "the source URL is empty");
  // Of nothing but padding an empty URL is left, as in imgproxy: IMGPROXY_BASE_URL itself, or a
  // source that can't be reached.
  while (text.ends_with('=')) text.remove_suffix(1);
  auto decoded = base64url_decode(text);
  if (!decoded) return fail(ErrorCode::kInvalidUrl, "the source URL is not URL-safe Base64");
  SourcePart source{std::move(*decoded), {}};
  if (pieces.size() == 2) source.extension = pieces[1];
  return source;
}

}  // namespace

std::unexpected<Error> bad_encrypted_source() {
  return fail(ErrorCode::kInvalidUrl,
              "the encrypted source URL can't be decrypted, or is none that may be fetched");
}

Result<std::string> decrypt_source_url(std::string_view bytes, std::string_view key) {
  const EVP_CIPHER* const cipher = cipher_for(key.size());
  if (!cipher || bytes.size() < 2 * kBlockBytes || bytes.size() % kBlockBytes != 0) {
    return bad_encrypted_source();
  }
  if (bytes.size() > INT_MAX) return bad_encrypted_source();
  const CipherPtr context(EVP_CIPHER_CTX_new());
  if (!context) return fail(ErrorCode::kInternal, "no cipher context");
  const std::string_view body = bytes.substr(kBlockBytes);
  std::string plain(body.size() + kBlockBytes, '\0');
  auto* const out = reinterpret_cast<unsigned char*>(plain.data());
  int done = 0, rest = 0;
  const bool fine =
      EVP_DecryptInit_ex(context.get(), cipher, nullptr, octets(key), octets(bytes)) == 1 &&
      EVP_DecryptUpdate(context.get(), out, &done, octets(body), static_cast<int>(body.size())) ==
          1 &&
      EVP_DecryptFinal_ex(context.get(), out + done, &rest) == 1;
  if (!fine) return bad_encrypted_source();
  plain.resize(static_cast<std::size_t>(done + rest));
  return plain;
}

Result<SourcePart> decode_source(std::span<const std::string_view> parts,
                                 const config::UrlConfig& config) {
  if (parts.empty()) return fail(ErrorCode::kInvalidUrl, "there is no source URL");
  const bool marked = parts.size() > 1;
  if (marked && parts[0] == "plain") return decode_plain(parts.subspan(1));
  const bool encrypted = marked && parts[0] == "enc";
  IMGRING_TRY(SourcePart source, decode_base64(encrypted ? parts.subspan(1) : parts,
                                               config.base64_url_includes_filename));
  if (encrypted) {
    IMGRING_TRY(source.url, decrypt_source_url(source.url, config.source_url_encryption_key));
    if (source.url.empty()) return bad_encrypted_source();
    source.encrypted = true;
  }
  return source;
}

}  // namespace imgring::url
