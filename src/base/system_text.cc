// An errno, its user and its cure in one sentence.
#include "imgring/base/system_text.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace imgring {
namespace {

struct Cure {
  int error;
  std::string_view text;
};
constexpr Cure kFileCures[] = {
    {ENOENT, "correct the path, or make it"},
    {ENOTDIR, "a part of the path is a file: correct it"},
    {EISDIR, "it is a folder: name a file"},
    {EACCES, "let it read that and enter the folders above"},
    {EPERM, "let it read that and enter the folders above"},
    {ELOOP, "links lead in a circle: name what they should lead to"},
    {ENAMETOOLONG, "shorten the path"},
    {EMFILE, "raise LimitNOFILE (ulimit -n)"},
};

}  // namespace

std::string own_user_text() {
  constexpr std::size_t kEntryBytes = 4096;
  std::array<char, kEntryBytes> memory{};
  passwd entry{};
  passwd* found = nullptr;
  const uid_t id = geteuid();
  const bool known = getpwuid_r(id, &entry, memory.data(), memory.size(), &found) == 0 && found;
  const std::string number = "uid " + std::to_string(id);
  return known ? "user " + std::string(entry.pw_name) + " (" + number + ")" : "a user of " + number;
}

std::string file_failure(int error) {
  std::string text = std::strerror(error);
  if (error == EACCES || error == EPERM) text += " for " + own_user_text();
  for (const Cure& cure : kFileCures) {
    if (cure.error == error) return text + ": " + std::string(cure.text);
  }
  return text;
}

}  // namespace imgring
