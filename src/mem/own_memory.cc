// Out of /proc/self/statm.
#include "imgring/mem/own_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "imgring/base/text.h"

namespace imgring::mem {

Result<OwnMemory> parse_statm(std::string_view text, std::uint64_t page_size_bytes) {
  std::array<std::uint64_t, 3> pages = {};  // total, resident, of these shared (files and shmem)
  for (std::uint64_t& each : pages) {
    const std::size_t space = text.find(' ');
    const auto value = parse_int(text.substr(0, space));
    if (!value || *value < 0 || space == std::string_view::npos) {
      return fail(ErrorCode::kInternal, "/proc/self/statm cannot be understood");
    }
    each = static_cast<std::uint64_t>(*value);
    text.remove_prefix(space + 1);
  }
  // The kernel counts the two at slightly different moments.
  const std::uint64_t anon = pages[1] > pages[2] ? pages[1] - pages[2] : 0;
  return OwnMemory{.rss_bytes = pages[1] * page_size_bytes,
                   .rss_anon_bytes = anon * page_size_bytes,
                   .virtual_bytes = pages[0] * page_size_bytes};
}

Result<OwnMemory> own_memory() {
  std::array<char, 256> text;  // seven numbers
  const int fd = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(ErrorCode::kInternal, "/proc/self/statm cannot be opened");
  const ssize_t got = ::read(fd, text.data(), text.size());
  ::close(fd);
  if (got <= 0) return fail(ErrorCode::kInternal, "/proc/self/statm cannot be read");
  return parse_statm({text.data(), static_cast<std::size_t>(got)},
                     static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)));
}

}  // namespace imgring::mem
