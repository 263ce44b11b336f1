// Out of /proc/self/statm and /proc/self/smaps.
#include "imgring/mem/own_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

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

namespace {

struct Mapping {
  AddressRange range;
  bool unchanged_file = false;
};

// "7f00-7f10 r-xp 00002000 fe:00 1234   /usr/lib/x.so"; nothing where the line is no mapping's
// first.
std::optional<Mapping> mapping_of(std::string_view line) {
  Mapping out;
  const auto hex = [&](std::uintptr_t& to, char behind) {
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), to, 16);
    if (error != std::errc() || end == line.data() + line.size() || *end != behind) return false;
    line.remove_prefix(static_cast<std::size_t>(end - line.data()) + 1);
    return true;
  };
  if (!hex(out.range.begin, '-') || !hex(out.range.end, ' ')) return std::nullopt;
  const std::string_view rights = line.substr(0, 4);
  out.unchanged_file =
      (rights == "r-xp" || rights == "r--p") && line.find(" /") != std::string_view::npos;
  return out;
}

// Of "Anonymous:       12 kB".
std::uint64_t bytes_said(std::string_view line) {
  const std::size_t digit = line.find_first_of("0123456789");
  if (digit == std::string_view::npos) return 0;
  std::uint64_t kib = 0;
  std::from_chars(line.data() + digit, line.data() + line.size(), kib);
  return kib << 10;
}

}  // namespace

std::vector<AddressRange> unchanged_file_mappings(std::string_view smaps) {
  std::vector<AddressRange> out;
  Mapping now;
  const auto note = [&] {
    if (now.unchanged_file && now.range.resident_bytes > 0) out.push_back(now.range);
  };
  while (!smaps.empty()) {
    const std::size_t end = std::min(smaps.find('\n'), smaps.size());
    const std::string_view line = smaps.substr(0, end);
    smaps.remove_prefix(std::min(end + 1, smaps.size()));
    if (const auto next = mapping_of(line)) {
      note();
      now = *next;
    } else if (line.starts_with("Rss:")) {
      now.range.resident_bytes = bytes_said(line);
    } else if (line.starts_with("Anonymous:") || line.starts_with("Swap:")) {
      now.unchanged_file = now.unchanged_file && bytes_said(line) == 0;
    }
  }
  note();
  return out;
}

std::uint64_t unmap_start_pages() {
  std::ifstream file("/proc/self/smaps", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::uint64_t bytes = 0;
  for (const AddressRange& range : unchanged_file_mappings(text)) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel says addresses as numbers
    void* const at = reinterpret_cast<void*>(range.begin);
    if (madvise(at, range.end - range.begin, MADV_DONTNEED) == 0) bytes += range.resident_bytes;
  }
  return bytes;
}

}  // namespace imgring::mem
