// Out of /proc/self/statm and /proc/self/smaps.
#include "imgring/mem/own_memory.h"

#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
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
  bool of_file = false, unchanged = false;
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
  out.of_file = (rights == "r-xp" || rights == "r--p") && line.find(" /") != std::string_view::npos;
  return out;
}

// Of "Anonymous:       12 kB".
std::optional<std::uint64_t> bytes_said(std::string_view line) {
  const std::size_t digit = line.find_first_of("0123456789");
  std::uint64_t kib = 0;
  if (digit == std::string_view::npos) return std::nullopt;
  const auto [end, error] = std::from_chars(line.data() + digit, line.data() + line.size(), kib);
  if (error != std::errc()) return std::nullopt;
  return kib << 10;
}

// What a walk over the loaded objects needs.
struct Unmapping {
  std::vector<AddressRange> unchanged;
  std::uint64_t bytes = 0;
};

// Where nobody may write, those mappings that are within: a list of a moment ago may name addresses
// that are something else by now, but not these.
int unmap_segments(dl_phdr_info* object, std::size_t, void* data) noexcept {
  auto& all = *static_cast<Unmapping*>(data);
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
    const std::uintptr_t begin = (object->dlpi_addr + segment.p_vaddr) / page * page;
    const std::uintptr_t end = object->dlpi_addr + segment.p_vaddr + segment.p_memsz + page - 1;
    for (const AddressRange& range : all.unchanged) {
      if (range.begin < begin || range.end > end / page * page) continue;
      // NOLINTNEXTLINE(performance-no-int-to-ptr): objects and the kernel say addresses as numbers
      void* const at = reinterpret_cast<void*>(range.begin);
      if (madvise(at, range.end - range.begin, MADV_DONTNEED) == 0) {
        all.bytes += range.resident_bytes;
      }
    }
  }
  return 0;
}

}  // namespace

std::vector<AddressRange> unchanged_file_mappings(std::string_view smaps) {
  std::vector<AddressRange> out;
  Mapping now;
  const auto note = [&] {
    if (now.of_file && now.unchanged && now.range.resident_bytes > 0) out.push_back(now.range);
  };
  while (!smaps.empty()) {
    const std::size_t end = std::min(smaps.find('\n'), smaps.size());
    const std::string_view line = smaps.substr(0, end);
    smaps.remove_prefix(std::min(end + 1, smaps.size()));
    if (const auto next = mapping_of(line)) {
      note();
      now = *next;
    } else if (line.starts_with("Rss:")) {
      now.range.resident_bytes = bytes_said(line).value_or(0);
    } else if (line.starts_with("Anonymous:")) {
      now.unchanged = bytes_said(line) == 0;
    } else if (line.starts_with("Swap:")) {
      now.unchanged = now.unchanged && bytes_said(line) == 0;
    }
  }
  note();
  return out;
}

std::uint64_t unmap_start_pages(int smaps_fd) {
  std::string text;
  std::array<char, 16 << 10> piece;
  for (ssize_t got = 1; got > 0;) {
    got = ::pread(smaps_fd, piece.data(), piece.size(), static_cast<off_t>(text.size()));
    if (got > 0) text.append(piece.data(), static_cast<std::size_t>(got));
  }
  Unmapping all{.unchanged = unchanged_file_mappings(text)};
  dl_iterate_phdr(unmap_segments, &all);
  return all.bytes;
}

std::uint64_t unmap_start_pages() {
  const int fd = ::open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const std::uint64_t bytes = unmap_start_pages(fd);
  ::close(fd);
  return bytes;
}

}  // namespace imgring::mem
