// OpenSSL's digests.
#include "imgring/info/digests.h"

#include <openssl/evp.h>

#include <array>

#include "imgring/base/check.h"

namespace imgring::info {

std::string digest_of(ByteSpan file, url::HashKind kind) {
  const std::array<const EVP_MD*, url::kHashKindCount> algorithms = {EVP_md5(), EVP_sha1(),
                                                                     EVP_sha256(), EVP_sha512()};
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const int done = EVP_Digest(file.data(), file.size(), digest.data(), &size,
                              algorithms[static_cast<std::size_t>(kind)], nullptr);
  IMGRING_CHECK(done == 1);
  IMGRING_CHECK(size == url::kHashKinds[static_cast<std::size_t>(kind)].size_bytes);
  return std::string(as_text(ByteSpan(digest).first(size)));
}

}  // namespace imgring::info
