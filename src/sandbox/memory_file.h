// Anonymous memory files that two processes hand to each other (memfd_create(2)).
// Owns descriptor or mapping. Any thread. Promises: a sealed file never changes its size, so that
// reading a mapping of it cannot fault.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "imgring/base/error.h"
#include "imgring/base/text.h"
#include "imgring/loop/io.h"

namespace imgring::sandbox {

struct Piece {
  ByteSpan bytes;
  std::uint64_t offset = 0;
};
// Filled and sealed against every change; zeros between the pieces.
Result<loop::Fd> memory_file_of(std::span<const Piece> pieces);
// Zeros, which nobody can make longer.
Result<loop::Fd> empty_memory_file(std::size_t size_bytes);
// Cut to these bytes, so that whatever else was written holds no memory, and sealed against every
// change. An error when somebody holds a mapping that can be written.
Result<void> seal_content(int fd, std::size_t size_bytes);

// A private, read-only view of a whole file.
class Mapping {
 public:
  Mapping() = default;
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();
  // kBrokenImage when the file has not this size.
  static Result<Mapping> of(int fd, std::size_t size_bytes);
  ByteSpan bytes() const noexcept { return {first_, size_bytes_}; }

 private:
  const std::uint8_t* first_ = nullptr;
  std::size_t size_bytes_ = 0;
};

}  // namespace imgring::sandbox
