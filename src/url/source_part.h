// The last part of a path: the source URL in its three forms, and the extension behind it
// (urls.md sections 3.1 to 3.3). Plain functions, any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "imgring/base/error.h"
#include "imgring/config/config.h"

namespace imgring::url {

struct SourcePart {
  std::string url;
  std::string extension;  // empty: none
  bool encrypted = false;
};
// `parts`: what the options left, split at every slash.
Result<SourcePart> decode_source(std::span<const std::string_view> parts,
                                 const config::UrlConfig& config);

// What every failure of an encrypted source URL says: whether its padding, its text or the list of
// allowed sources is to blame is nobody's business.
std::unexpected<Error> bad_encrypted_source();
// IV and ciphertext of AES-CBC with PKCS#7; the key's length picks AES-128, 192 or 256.
Result<std::string> decrypt_source_url(std::string_view bytes, std::string_view key);

}  // namespace imgring::url
