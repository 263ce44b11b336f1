// Listening addresses, header names, numbers of threads (see checks.h). Any thread.
#include "checks.h"

#include <sys/un.h>

#include <algorithm>

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
    return "the port of " + shown + " is not a number of 0.." + std::to_string(kPortMax);
  }
  return std::nullopt;
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
  const bool address = option.type == OptionType::kUrl || option.name.ends_with("_ENDPOINT");
  return address ? display_setting(text) : display_text(text);
}

}  // namespace imgring::config
