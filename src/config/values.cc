// Readers of single values (see values.h). Owns nothing; any thread.
// Promises: nothing is stored when a value is refused.
#include "values.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "checks.h"
#include "imgring/format/format.h"

namespace imgring::config {
namespace {

std::string in_quotes(std::string_view text) { return '"' + std::string(text) + '"'; }
std::string parse_error(const Option& option, std::string_view text, std::string_view what) {
  if (option.secret) return "parse error: it is not " + std::string(what);
  return "parse error: " + in_quotes(shown_value(option, text)) + " is not " + std::string(what);
}

// Words of imgproxy for a number outside its range.
Refusal check_range(const Option& option, std::int64_t value) {
  if (value >= option.min && value <= option.max) return std::nullopt;
  if (value < 0 && option.min == 0) return "cannot be negative";
  if (value <= 0 && option.min == 1) return "cannot be zero or negative";
  return std::to_string(value) + " is out of range (" + valid_text(option) + ")";
}

std::vector<std::string> trimmed_items(std::string_view text, std::string_view separator) {
  std::vector<std::string> items;
  for (const std::string_view item : split(text, separator)) items.emplace_back(trim(item));
  return items;
}

std::optional<int> two_digits(std::string_view text, std::size_t at) {
  if (text.size() < at + 2) return std::nullopt;
  const char a = text[at], b = text[at + 1];
  if (a < '0' || a > '9' || b < '0' || b > '9') return std::nullopt;
  return (a - '0') * 10 + (b - '0');
}

// "Z", "+02:00": seconds east of Greenwich.
std::optional<int> zone_seconds(std::string_view text) {
  if (text == "Z") return 0;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  const auto hours = two_digits(text, 1), minutes = two_digits(text, 4);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const int seconds = (*hours * 60 + *minutes) * 60;
  return text[0] == '-' ? -seconds : seconds;
}

// RFC 3339 with optional fractions of a second, as seconds of the epoch.
std::optional<std::int64_t> parse_datetime(std::string_view text) {
  const std::string_view shape = "0000-00-00T00:00:00";
  if (text.size() <= shape.size()) return std::nullopt;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (shape[i] == '0' ? !digit : text[i] != shape[i]) return std::nullopt;
  }
  const int year = *two_digits(text, 0) * 100 + *two_digits(text, 2);
  const auto month = static_cast<unsigned>(*two_digits(text, 5));
  const auto day = static_cast<unsigned>(*two_digits(text, 8));
  const int hour = *two_digits(text, 11), minute = *two_digits(text, 14);
  const int second = *two_digits(text, 17);
  std::string_view rest = text.substr(shape.size());
  if (rest[0] == '.') {
    const std::size_t end = rest.find_first_not_of("0123456789", 1);
    if (end == 1 || end == std::string_view::npos) return std::nullopt;
    rest.remove_prefix(end);
  }
  const auto zone = zone_seconds(rest);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (!zone || !date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * 86400 + hour * 3600 + minute * 60 + second - *zone;
}

}  // namespace

Refusal read_value(std::string_view text, const Option& option, bool& out) {
  const auto value = parse_bool(text);
  if (!value) return parse_error(option, text, "a boolean");
  out = *value;
  return std::nullopt;
}

Refusal read_value(std::string_view text, const Option& option, std::int64_t& out) {
  std::int64_t value = 0;
  if (option.type == OptionType::kMegapixels) {
    const auto number = parse_float(text);
    if (!number) return parse_error(option, text, "a number");
    const double pixels = *number * 1'000'000;
    // 9.2e18: the largest double below 2^63; a NaN fails the comparison too.
    if (!(std::fabs(pixels) <= 9.2e18)) return "out of range";
    value = static_cast<std::int64_t>(pixels);
  } else {
    const auto number = parse_int(text);
    if (!number) return parse_error(option, text, "an integer");
    value = *number;
  }
  if (Refusal refusal = check_range(option, value)) return refusal;
  out = value;
  return std::nullopt;
}

Refusal read_value(std::string_view text, const Option& option, int& out) {
  std::int64_t value = 0;
  if (Refusal refusal = read_value(text, option, value)) return refusal;
  if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max()) {
    return "out of range";
  }
  out = static_cast<int>(value);
  return std::nullopt;
}

Refusal read_value(std::string_view text, const Option& option, double& out) {
  const auto value = parse_float(text);
  if (!value) return parse_error(option, text, "a number");
  if (!std::isfinite(*value)) return "out of range";
  out = *value;
  return std::nullopt;
}

Refusal read_value(std::string_view text, const Option& option, std::string& out) {
  if (option.type == OptionType::kHex || option.type == OptionType::kBase64) {
    const bool hex = option.type == OptionType::kHex;
    auto bytes = hex ? hex_decode(trim(text)) : base64_decode(trim(text));
    if (!bytes) {
      // The text may be a picture: too long to repeat.
      return std::string("parse error: it is not ") + (hex ? "hexadecimal" : "Base64");
    }
    if (static_cast<std::int64_t>(bytes->size()) < option.min) return "cannot be empty";
    out = std::move(*bytes);
    return std::nullopt;
  }
  if (option.type == OptionType::kUrl && !is_parsable_url(text)) {
    return parse_error(option, text, "a URL");
  }
  out = text;
  return std::nullopt;
}

Refusal read_value(std::string_view text, const Option&, std::vector<std::string>& out) {
  out = trimmed_items(text, ",");
  return std::nullopt;
}

Refusal read_value(std::string_view text, const Option& option, std::optional<std::int64_t>& out) {
  const auto value = parse_datetime(text);
  if (!value) return parse_error(option, text, "a date and time of RFC 3339");
  out = value;
  return std::nullopt;
}

Refusal read_value(std::string_view text, const Option&, std::vector<SourcePattern>& out) {
  out.clear();
  for (std::string& item : trimmed_items(text, ",")) out.push_back({std::move(item)});
  return std::nullopt;
}

Refusal read_value(std::string_view text, const Option& option, std::vector<UrlReplacement>& out) {
  std::vector<UrlReplacement> rules;
  for (const std::string_view item : split(text, ";")) {
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) {
      return parse_error(option, item, "of the form pattern=replacement");
    }
    rules.push_back({std::string(item.substr(0, equals)), std::string(item.substr(equals + 1))});
  }
  out = std::move(rules);
  return std::nullopt;
}

Refusal read_value(std::string_view text, const Option& option, std::vector<ImageType>& out) {
  std::vector<ImageType> types;
  for (const std::string& item : trimmed_items(text, ",")) {
    if (is_unbuilt_format(item)) continue;  // load.cc says so
    const auto type = image_type_by_name(item);
    if (!type) return parse_error(option, item, "an image format");
    types.push_back(*type);
  }
  out = std::move(types);
  return std::nullopt;
}

Refusal read_value(std::string_view text, const Option& option, ImageTypeSet& out) {
  std::vector<ImageType> types;
  if (Refusal refusal = read_value(text, option, types)) return refusal;
  out = {};
  for (const ImageType type : types) out.add(type);
  return std::nullopt;
}

// Laid over what is there: formats that are not named keep their value.
Refusal read_value(std::string_view text, const Option& option,
                   std::array<int, kImageTypeCount>& out) {
  std::array<int, kImageTypeCount> merged = out;
  for (const std::string& item : trimmed_items(text, ",")) {
    const std::size_t equals = item.find('=');
    if (equals == std::string::npos || item.find('=', equals + 1) != std::string::npos) {
      return parse_error(option, item, "of the form format=quality");
    }
    const std::string_view name = trim(std::string_view(item).substr(0, equals));
    const std::string_view number = trim(std::string_view(item).substr(equals + 1));
    const auto type = image_type_by_name(name);
    if (!type && !is_unbuilt_format(name)) return parse_error(option, name, "an image format");
    const auto quality = parse_int(number);
    if (!quality) return parse_error(option, number, "an integer");
    if (*quality < 1 || *quality > 100) return "out of range (1..100)";
    if (type) merged[static_cast<std::size_t>(*type)] = static_cast<int>(*quality);
  }
  out = merged;
  return std::nullopt;
}

Refusal read_key(std::string_view text, const Option& option, std::size_t& out) {
  const auto keys = split(option.keys, ",");
  const auto at = std::find(keys.begin(), keys.end(), to_lower(text));
  if (at == keys.end()) return parse_error(option, text, "one of " + valid_text(option));
  out = static_cast<std::size_t>(at - keys.begin());
  return std::nullopt;
}

Refusal check_only(std::string_view text, const Option& option) {
  struct Scratch {
    bool yes = false;
    std::int64_t number = 0;
    double real = 0;
    std::size_t key = 0;
    std::string bytes{};
  } scratch;
  switch (option.type) {
    case OptionType::kBool: return read_value(text, option, scratch.yes);
    case OptionType::kInt:
    case OptionType::kSeconds:
    case OptionType::kMilliseconds:
    case OptionType::kMegapixels: return read_value(text, option, scratch.number);
    case OptionType::kFloat: return read_value(text, option, scratch.real);
    case OptionType::kEnum: return read_key(text, option, scratch.key);
    case OptionType::kHex:
    case OptionType::kUrl: return read_value(text, option, scratch.bytes);
    case OptionType::kMap:
      for (const std::string_view item : split(text, ";")) {
        // The first `=` divides: a value may hold more of them.
        if (!trim(item).empty() && item.find('=') == std::string_view::npos) {
          return parse_error(option, item, "of the form name=value");
        }
      }
      return std::nullopt;
    default: return std::nullopt;
  }
}

Refusal read_opacity(std::string_view text, const Option& option, Config& config) {
  double value = 0;
  if (Refusal refusal = read_value(text, option, value)) return refusal;
  if (value <= 0) return "cannot be zero or negative";
  if (value > 1) return "out of range (above 0, at most 1)";
  config.processing.watermark_opacity = value;
  return std::nullopt;
}

Refusal read_dpi(std::string_view text, const Option& option, Config& config) {
  constexpr double kMost = 65535;
  double value = 0;
  if (Refusal refusal = read_value(text, option, value)) return refusal;
  if (value <= 0) return "cannot be zero or negative";
  if (value > kMost) return "out of range (above 0, at most 65535)";
  config.processing.strip_metadata_dpi = value;
  return std::nullopt;
}

Refusal read_memory_limit(std::string_view text, const Option& option, Config& config) {
  constexpr std::int64_t kLeastMib = 64;  // 48 are held at rest
  constexpr std::int64_t kMostMib = std::int64_t{1} << 24;
  std::int64_t mib = 0;
  if (Refusal refusal = read_value(text, option, mib)) return refusal;
  const bool fits = mib == 0 || (mib >= kLeastMib && mib <= kMostMib);
  if (!fits) return "out of range (0, or 64..16777216 MiB)";
  config.memory.limit_mib = mib;
  return std::nullopt;
}

Refusal read_fallback_code(std::string_view text, const Option& option, Config& config) {
  std::int64_t value = 0;
  if (Refusal refusal = read_value(text, option, value)) return refusal;
  if (value != 0 && value < 100) return "out of range (0, or 100..599)";
  config.processing.fallback_image_http_code = static_cast<int>(value);
  return std::nullopt;
}

bool is_header_name(std::string_view name) noexcept {
  if (name.empty()) return false;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && std::string_view("!#$%&'*+-.^_`|~").find(c) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

Refusal read_headers(std::string_view text, std::string_view separator, HeaderList& out) {
  HeaderList headers;
  for (const std::string_view raw : split(text, separator)) {
    const std::string_view item = trim(raw);
    if (item.empty()) continue;
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) {
      return "parse error: a header is not of the form Name=Value";
    }
    const std::string_view name = trim(item.substr(0, equals));
    const std::string_view value = trim(item.substr(equals + 1));
    if (!is_header_name(name)) return "parse error: " + in_quotes(name) + " is not a header name";
    const bool clean = std::all_of(value.begin(), value.end(), [](char c) {
      return static_cast<unsigned char>(c) >= 0x20 ? c != 0x7F : c == '\t';
    });
    if (!clean) return "parse error: the value of " + std::string(name) + " has control characters";
    headers.emplace_back(name, value);
  }
  out = std::move(headers);
  return std::nullopt;
}

Refusal read_hex_list(std::string_view text, std::vector<std::string>& out) {
  std::vector<std::string> items;
  for (const std::string& item : trimmed_items(text, ",")) {
    auto bytes = hex_decode(item);
    // Keys and salts are secrets: the text is not repeated.
    if (!bytes) {
      return "parse error: item " + std::to_string(items.size() + 1) + " is not hexadecimal";
    }
    items.push_back(std::move(*bytes));
  }
  out = std::move(items);
  return std::nullopt;
}

bool is_parsable_url(std::string_view text) noexcept {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return false;
  }
  if (!percent_escapes_valid(text.substr(0, text.find('?')))) return false;
  std::size_t colon = std::string_view::npos;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool later = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    if (letter || (later && i > 0)) continue;
    if (c == ':') {
      if (i == 0) return false;
      colon = i;
    }
    break;
  }
  std::string_view rest = text.substr(colon == std::string_view::npos ? 0 : colon + 1);
  // "1:2" without a scheme: the first path segment must not hold a colon.
  if (colon == std::string_view::npos) {
    return rest.substr(0, rest.find_first_of("/?#")).find(':') == std::string_view::npos;
  }
  if (!rest.starts_with("//")) return true;
  rest.remove_prefix(2);
  std::string_view host = rest.substr(0, rest.find_first_of("/?#"));
  if (const auto at = host.rfind('@'); at != std::string_view::npos) host.remove_prefix(at + 1);
  if (host.find_first_of(" \"<>\\^`{|}") != std::string_view::npos) return false;
  const std::size_t bracket = host.rfind(']');
  if (host.starts_with('[') && bracket == std::string_view::npos) return false;
  const std::size_t from = bracket == std::string_view::npos ? 0 : bracket;
  const std::size_t port = host.find(':', from);
  return port == std::string_view::npos ||
         host.substr(port + 1).find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace imgring::config
