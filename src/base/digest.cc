// OpenSSL's.
#include "imgring/base/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace imgring {
namespace {

struct Row {
  std::string_view name;
  std::size_t size_bytes;
  const EVP_MD* (*kind)();
};
// In the order of DigestKind.
constexpr auto kRows = std::to_array<Row>({{"none", 0, nullptr},
                                           {"md5", 16, EVP_md5},
                                           {"sha1", 20, EVP_sha1},
                                           {"sha256", 32, EVP_sha256},
                                           {"sha512", 64, EVP_sha512}});

const Row& row_of(DigestKind kind) noexcept { return kRows[static_cast<std::size_t>(kind)]; }

}  // namespace

struct Digest::State {
  EVP_MD_CTX* context = nullptr;
  std::size_t size_bytes = 0;
};

std::string_view name_of(DigestKind kind) noexcept { return row_of(kind).name; }
std::size_t size_bytes_of(DigestKind kind) noexcept { return row_of(kind).size_bytes; }

std::optional<DigestKind> digest_by_name(std::string_view name) noexcept {
  const auto at = std::ranges::find(kRows, name, &Row::name);
  if (at == kRows.end()) return std::nullopt;
  return static_cast<DigestKind>(at - kRows.begin());
}

Digest::Digest(DigestKind kind) : state_(std::make_unique<State>()) {
  const Row& row = row_of(kind);
  if (row.kind == nullptr) return;
  state_->context = EVP_MD_CTX_new();
  if (state_->context == nullptr) return;
  if (EVP_DigestInit_ex(state_->context, row.kind(), nullptr) == 1) {
    state_->size_bytes = row.size_bytes;
  }
}

Digest::~Digest() { EVP_MD_CTX_free(state_->context); }

void Digest::add(ByteSpan bytes) {
  if (state_->size_bytes == 0 || bytes.empty()) return;
  if (EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) != 1) state_->size_bytes = 0;
}

std::string Digest::end() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
  unsigned size = 0;
  if (state_->size_bytes == 0) return {};
  if (EVP_DigestFinal_ex(state_->context, sum.data(), &size) != 1) return {};
  return {reinterpret_cast<const char*>(sum.data()), size};
}

}  // namespace imgring
