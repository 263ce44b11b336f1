// Listening addresses, header names, numbers of threads (see checks.h). Any thread.
#include "checks.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "imgring/base/system_text.h"
#include "imgring/base/text.h"
#include "imgring/base/uri.h"

namespace imgring::config {
namespace {

constexpr std::int64_t kPortMax = 65535;
constexpr std::size_t kSocketPathBytesMax = sizeof(sockaddr_un::sun_path) - 1;

constexpr std::string_view kFramingHeaders[] = {
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "HTTP2-Settings",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
};

bool all_digits(std::string_view text) noexcept {
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

// A longer value is found by its beginning.
constexpr std::size_t kShownValueBytesMax = 120;

std::string quoted_value(const Option* option, std::string_view value) {
  if (option != nullptr && (option->secret || option->type == OptionType::kBase64)) {
    return "(hidden, " + std::to_string(value.size()) + " bytes)";
  }
  std::string shown = option == nullptr ? display_text(value) : shown_value(*option, value);
  shown = json_quote(shown);  // its control characters are escaped
  shown = shown.substr(1, shown.size() - 2);
  if (shown.size() > kShownValueBytesMax) shown = shown.substr(0, kShownValueBytesMax) + "…";
  return '"' + shown + '"';
}

// What may stand there instead.
std::string cure_of(const Option& option) {
  const bool any_text = option.type == OptionType::kString && option.keys.empty();
  std::string text = any_text ? "correct it" : "it takes " + std::string(type_name(option.type));
  const std::string valid = valid_text(option);
  if (!valid.empty()) text += ", " + valid;
  text += "; or unset it";
  if (!option.default_text.empty()) text += " for " + std::string(option.default_text);
  return text;
}

}  // namespace

Refusal check_bind(std::string_view bind, Network network) {
  if (network == Network::kUnix || network == Network::kUnixPacket) {
    if (bind.size() <= kSocketPathBytesMax) return std::nullopt;
    return "the path has " + std::to_string(bind.size()) + " bytes, a socket's at most " +
           std::to_string(kSocketPathBytesMax);
  }
  const std::string shown = '"' + std::string(bind) + '"';
  const std::size_t colon = bind.rfind(':');
  if (colon == std::string_view::npos) return shown + " has no port: write host:port or :port";
  const std::string_view host = bind.substr(0, colon), port = bind.substr(colon + 1);
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (!brackets && host.find(':') != std::string_view::npos) {
    return shown +
           " is no host:port: an IPv6 address stands in brackets, as in [::1]:8080, and a "
           "unix socket is a path, with IMGPROXY_NETWORK=unix";
  }
  const auto number = parse_int(port);
  if (port.empty() || !all_digits(port) || !number || *number > kPortMax) {
    const std::string socket =
        host.starts_with("unix") ? "; a unix socket is a path, with IMGPROXY_NETWORK=unix" : "";
    return "the port of " + shown + " is not a number of 0.." + std::to_string(kPortMax) + socket;
  }
  return std::nullopt;
}

Refusal check_root(const std::string& path) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) != 0) return file_failure(errno);
  if (!S_ISDIR(facts.st_mode)) return "it is not a directory: name the folder that files lie in";
  // Entering is enough: files are opened by their names.
  if (faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) != 0) return file_failure(errno);
  return std::nullopt;
}

std::string refusal_text(std::string_view name, std::string_view value, std::string_view reason) {
  const Option* option = find_option(name);
  std::string text = "invalid " + std::string(name) + " value";
  if (!value.empty()) text += " " + quoted_value(option, value);
  text += ": " + std::string(reason);
  if (option == nullptr) return text;
  return text + "; " + cure_of(*option) + " (imgring help " + std::string(name) + ")";
}

bool is_framing_header(std::string_view name) noexcept {
  return std::any_of(std::begin(kFramingHeaders), std::end(kFramingHeaders),
                     [name](std::string_view one) { return equal_ignore_case(one, name); });
}

std::string warn_of_workers(int workers, int processors) {
  if (workers <= kWorkersPerProcessor * processors) return {};
  return "IMGPROXY_WORKERS=" + std::to_string(workers) + " for " + std::to_string(processors) +
         " usable processors: above " + std::to_string(kWorkersPerProcessor * processors) + " (" +
         std::to_string(kWorkersPerProcessor) +
         " for each) threads wait for each other and hold memory; unset, as many as processors";
}

std::string shown_value(const Option& option, std::string_view text) {
  // A proxy may be without its scheme, which is what display_text() knows addresses by.
  const bool address = option.type == OptionType::kUrl || option.name.ends_with("_ENDPOINT") ||
                       option.name.ends_with("_PROXY");
  return address ? display_setting(text) : display_text(text);
}

}  // namespace imgring::config
