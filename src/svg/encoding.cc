// Byte order marks, the XML declaration, and iconv for the rest.
#include "imgring/svg/encoding.h"

#include <iconv.h>

#include <algorithm>
#include <cerrno>

#include "imgring/svg/parser.h"

namespace imgring::svg {
namespace {

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";
constexpr std::size_t kCallSteps = 32;
constexpr std::string_view kNoCharacter = "\xEF\xBF\xBD";  // U+FFFD

std::string_view without_spaces_before(std::string_view text) noexcept {
  return text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

// The value of `encoding` in the XML declaration, a part of `text`; empty when there is none. What
// is no declaration is for the parsers to refuse.
std::string_view declared_encoding(std::string_view text) noexcept {
  constexpr std::string_view kStart = "<?xml";
  if (text.starts_with(kUtf8Mark)) text.remove_prefix(kUtf8Mark.size());
  if (!text.starts_with(kStart)) return {};
  std::string_view rest = text.substr(0, text.find("?>")).substr(kStart.size());
  if (without_spaces_before(rest).size() == rest.size()) return {};  // <?xml-stylesheet
  for (;;) {
    const std::size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return {};
    const std::string_view name = trim(rest.substr(0, equals));
    rest = without_spaces_before(rest.substr(equals + 1));
    if (rest.empty() || (rest[0] != '"' && rest[0] != '\'')) return {};
    const std::size_t end = rest.find(rest[0], 1);
    if (end == std::string_view::npos) return {};
    if (name == "encoding") return rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
  }
}

bool has_label(const SvgEncoding& encoding, std::string_view label) noexcept {
  std::string_view rest = encoding.labels;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    if (rest.substr(0, end) == label) return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

struct Form {
  const char* name = nullptr;  // iconv's; null: UTF-8
  std::size_t mark_bytes = 0, unit_bytes = 1;
};

Result<Form> form_of(std::string_view text) {
  if (text.starts_with(kUtf8Mark)) return Form{};
  if (text.starts_with("\xFF\xFE")) return Form{"UTF-16LE", 2, 2};
  if (text.starts_with("\xFE\xFF")) return Form{"UTF-16BE", 2, 2};
  const std::string label = to_lower(declared_encoding(text));
  if (label.empty() || label.starts_with("utf")) return Form{};
  for (const SvgEncoding& encoding : kSvgEncodings) {
    if (has_label(encoding, label)) return Form{encoding.name};
  }
  return fail(ErrorCode::kBrokenSvg, "an encoding nobody knows");
}

class Converter {
 public:
  explicit Converter(const char* from) noexcept : state_(iconv_open("UTF-8", from)) {}
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;
  ~Converter() {
    if (open()) iconv_close(state_);
  }
  bool open() const noexcept { return state_ != reinterpret_cast<iconv_t>(-1); }

  // One buffer's worth; false when what comes next in `from` is no character.
  bool convert(std::string_view* from, std::string* out) {
    char buffer[4096];
    char* in = const_cast<char*>(from->data());  // iconv only reads there
    char* to = buffer;
    std::size_t left = from->size(), room = sizeof buffer;
    const std::size_t result = iconv(state_, &in, &left, &to, &room);
    const int error = errno;
    from->remove_prefix(from->size() - left);
    out->append(buffer, sizeof buffer - room);
    const bool good = result != static_cast<std::size_t>(-1) || error == E2BIG;
    if (!good || from->empty()) flush(out);
    return good;
  }

 private:
  // glibc holds a letter of windows-1255 and -1258 back for the accent that may follow.
  void flush(std::string* out) {
    char buffer[64];
    char* to = buffer;
    std::size_t room = sizeof buffer;
    iconv(state_, nullptr, nullptr, &to, &room);
    out->append(buffer, sizeof buffer - room);
  }

  iconv_t state_;
};

Result<std::string> converted(std::string_view from, const Form& form, SvgWork* work) {
  Converter converter(form.name);
  if (!converter.open()) {
    return fail(ErrorCode::kBrokenSvg, std::string("iconv has no ") + form.name + " here");
  }
  std::string out;
  while (!from.empty()) {
    const std::size_t before = from.size();
    if (!converter.convert(&from, &out)) {
      out += kNoCharacter;
      from.remove_prefix(std::min(form.unit_bytes, from.size()));
    }
    if (out.size() > kSvgBytesMax) return fail(ErrorCode::kBrokenSvg, "larger than 10 MiB");
    // A call costs as much as some dozen characters.
    if (!work->spend(before - from.size() + kCallSteps)) {
      return std::unexpected(stop_error(work->reason()));
    }
  }
  return out;
}

}  // namespace

Result<std::optional<std::string>> svg_to_utf8(ByteSpan source, SvgWork* work) {
  if (source.size() > kSvgBytesMax) return fail(ErrorCode::kBrokenSvg, "larger than 10 MiB");
  const std::string_view text = as_text(source);
  IMGRING_TRY(const Form form, form_of(text));
  std::optional<std::string> out;
  if (form.name != nullptr) {
    IMGRING_TRY(out, converted(text.substr(form.mark_bytes), form, work));
  }
  const std::string_view now = out ? std::string_view(*out) : text;
  // Expat and libxml2 would take it for UTF-16 yet, and no XML has one.
  if (now.substr(0, 4).find('\0') != std::string_view::npos) {
    return fail(ErrorCode::kBrokenSvg, "a NUL at the start");
  }
  const std::string_view label = declared_encoding(now);
  const std::string lower = to_lower(label);
  if (lower.empty() || lower == "utf-8" || lower == "utf8") return out;
  const auto at = static_cast<std::size_t>(label.data() - now.data());
  const std::size_t size = label.size();
  if (!out) out.emplace(text);
  out->replace(at, size, "UTF-8");
  return out;
}

}  // namespace imgring::svg
