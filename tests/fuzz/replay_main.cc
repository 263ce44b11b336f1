// replay TARGET FILE…: runs a fuzz target over files, and over all files of folders: how the corpus
// is replayed where there is no fuzzer.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "target.h"

namespace {

using imgring::replay::Target;

const Target* target_named(std::string_view name) {
  const Target* target = Target::first;
  while (target != nullptr && target->name != name) target = target->next;
  return target;
}

bool replayed(const Target& target, const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "cannot read %s\n", path.c_str());
    return false;
  }
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  // A copy of exact size on the heap: a read past the end is seen by the address sanitizer.
  const std::vector<std::uint8_t> bytes(text.begin(), text.end());
  target.run(bytes.data(), bytes.size());
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  const Target* target = count > 1 ? target_named(arguments[1]) : nullptr;
  if (target == nullptr) {
    std::fprintf(stderr, "replay TARGET FILE…; targets:");
    for (target = Target::first; target != nullptr; target = target->next) {
      std::fprintf(stderr, " %.*s", static_cast<int>(target->name.size()), target->name.data());
    }
    std::fprintf(stderr, "\n");
    return 2;
  }
  std::size_t files = 0;
  for (int i = 2; i < count; ++i) {
    const std::filesystem::path path = arguments[i];
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) {
      if (!replayed(*target, path)) return 1;
      ++files;
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      if (!entry.is_regular_file()) continue;
      if (!replayed(*target, entry.path())) return 1;
      ++files;
    }
  }
  std::printf("%zu inputs replayed\n", files);
  return files > 0 ? 0 : 1;
}
