// memfd_create, seals, mmap.
#include "memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace imgring::sandbox {
namespace {

Error refused(const char* what) {
  return Error(ErrorCode::kOverloaded, std::string(what) + ": " + std::strerror(errno));
}

#if !defined(MFD_NOEXEC_SEAL)
#define MFD_NOEXEC_SEAL 0x0008U
#endif

Result<loop::Fd> new_file() {
  // Some machines allow no other (vm.memfd_noexec); kernels before 6.3 do not know the flag.
  loop::Fd fd(memfd_create("imgring-sandbox", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL));
  if (!fd && errno == EINVAL) {
    fd = loop::Fd(memfd_create("imgring-sandbox", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  }
  if (!fd) return std::unexpected(refused("a memory file"));
  return fd;
}

constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW;

Result<void> write_piece(int fd, const Piece& piece) {
  for (std::size_t done = 0; done < piece.bytes.size();) {
    const ssize_t n = pwrite(fd, piece.bytes.data() + done, piece.bytes.size() - done,
                             static_cast<off_t>(piece.offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return std::unexpected(refused("writing a memory file"));
    done += static_cast<std::size_t>(n);
  }
  return {};
}

}  // namespace

Result<loop::Fd> memory_file_of(std::span<const Piece> pieces) {
  IMGRING_TRY(loop::Fd fd, new_file());
  for (const Piece& piece : pieces) IMGRING_TRY_VOID(write_piece(fd.get(), piece));
  if (fcntl(fd.get(), F_ADD_SEALS, kSizeSeals | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
    return std::unexpected(refused("sealing a memory file"));
  }
  return fd;
}

Result<loop::Fd> empty_memory_file(std::size_t size_bytes) {
  IMGRING_TRY(loop::Fd fd, new_file());
  if (ftruncate(fd.get(), static_cast<off_t>(size_bytes)) != 0 ||
      fcntl(fd.get(), F_ADD_SEALS, F_SEAL_GROW) != 0) {
    return std::unexpected(refused("a memory file for an answer"));
  }
  return fd;
}

Result<void> seal_content(int fd, std::size_t size_bytes) {
  // What somebody has cut shorter than that stays so: an error.
  if (ftruncate(fd, static_cast<off_t>(size_bytes)) == 0 &&
      fcntl(fd, F_ADD_SEALS, kSizeSeals | F_SEAL_WRITE | F_SEAL_SEAL) == 0) {
    return {};
  }
  return std::unexpected(refused("sealing an answer"));
}

Mapping::Mapping(Mapping&& other) noexcept
    : first_(std::exchange(other.first_, nullptr)),
      size_bytes_(std::exchange(other.size_bytes_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(first_, other.first_);
  std::swap(size_bytes_, other.size_bytes_);
  return *this;
}

Mapping::~Mapping() {
  if (first_ != nullptr) munmap(const_cast<std::uint8_t*>(first_), size_bytes_);
}

Result<Mapping> Mapping::of(int fd, std::size_t size_bytes) {
  struct stat facts = {};
  const bool right = fstat(fd, &facts) == 0 && size_bytes > 0 &&
                     static_cast<std::size_t>(facts.st_size) == size_bytes;
  if (!right) return fail(ErrorCode::kBrokenImage, "a memory file of another size");
  // Private: a sealed file takes no shared mapping before Linux 6.7. Nothing is copied for it.
  void* at = mmap(nullptr, size_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
  if (at == MAP_FAILED) return std::unexpected(refused("mapping a memory file"));
  Mapping mapping;
  mapping.first_ = static_cast<const std::uint8_t*>(at);
  mapping.size_bytes_ = size_bytes;
  return mapping;
}

}  // namespace imgring::sandbox
