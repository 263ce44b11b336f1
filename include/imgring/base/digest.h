// Hash sums by name: MD5, SHA-1, SHA-256, SHA-512. Values; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "imgring/base/text.h"

namespace imgring {

enum class DigestKind : std::uint8_t { kNone, kMd5, kSha1, kSha256, kSha512 };
inline constexpr std::size_t kDigestKindCount = 5;
// "none", "md5", "sha1", "sha256", "sha512".
std::string_view name_of(DigestKind kind) noexcept;
std::optional<DigestKind> digest_by_name(std::string_view name) noexcept;
std::size_t size_bytes_of(DigestKind kind) noexcept;

// Of bytes that come in pieces. kNone: of nothing.
class Digest {
 public:
  explicit Digest(DigestKind kind);
  ~Digest();
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  void add(ByteSpan bytes);
  // Its bytes; nothing may be added then. Empty: the library has no such sum.
  std::string end();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace imgring
