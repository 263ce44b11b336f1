// The usual owners.
#include "imgring/base/bytes.h"

#include <cstdlib>

namespace imgring {

Bytes Bytes::of(std::string text) {
  // The text's own place: short ones live inside the string, which is not to move any more.
  auto owned = std::make_unique<std::string>(std::move(text));
  const ByteSpan span = as_bytes(*owned);
  return Bytes(span, std::move(owned));
}

Bytes Bytes::of_malloc(std::uint8_t* data, std::size_t size_bytes) {
  if (data == nullptr) return {};
  struct Free {
    void operator()(std::uint8_t* p) const noexcept { std::free(p); }
  };
  return Bytes({data, size_bytes}, std::unique_ptr<std::uint8_t, Free>(data));
}

}  // namespace imgring
