// Reading the proxy variables, and matching hosts against no_proxy.
#include "imgring/net/proxy.h"

#include <cstring>

#include "imgring/base/text.h"

namespace imgring::net {

namespace {

// "[::1]:80", "host:80", "host" into host and port text; the host without brackets.
struct HostPort {
  std::string_view host, port;
};
HostPort split_host_port(std::string_view text) noexcept {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return {text, {}};
    const std::string_view rest = text.substr(close + 1);
    return {text.substr(1, close - 1), rest.starts_with(':') ? rest.substr(1) : std::string_view()};
  }
  const std::size_t colon = text.find(':');
  // More than one colon: an address without a port.
  if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos) {
    return {text, {}};
  }
  return {text.substr(0, colon), text.substr(colon + 1)};
}

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
  const auto value = parse_int(text);
  if (!value || *value < 1 || *value > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*value);
}

struct RawAddress {
  const std::uint8_t* data;
  int bits;
};
RawAddress raw_of(const sockaddr& address) noexcept {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&address);
  if (address.sa_family == AF_INET6) return {bytes + offsetof(sockaddr_in6, sin6_addr), 128};
  return {bytes + offsetof(sockaddr_in, sin_addr), 32};
}

bool in_network(const Address& address, const Address& network, int bits) noexcept {
  if (address.family() != network.family()) return false;
  const RawAddress a = raw_of(address.get());
  const RawAddress n = raw_of(network.get());
  const auto whole = static_cast<std::size_t>(bits / 8);
  if (std::memcmp(a.data, n.data, whole) != 0) return false;
  if (bits % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - bits % 8));
  return ((a.data[whole] ^ n.data[whole]) & mask) == 0;
}

bool is_loopback(const Address& address) noexcept {
  return judge(address.get(), AddressPolicy{}).kind == AddressClass::kLoopback;
}

// For Proxy-Authorization: "user:word", with the colon also when there is no word (RFC 7617).
// It is looked for before anything is decoded: one written as %3A belongs to the name.
std::optional<std::string> basic_authorization(std::string_view user_info) {
  const std::size_t colon = user_info.find(':');
  const std::string_view rest =
      colon == std::string_view::npos ? std::string_view() : user_info.substr(colon + 1);
  const auto user = percent_decode(user_info.substr(0, colon));
  const auto word = percent_decode(rest);
  if (!user || !word) return std::nullopt;
  return "Basic " + base64_encode(as_bytes(*user + ":" + *word));
}

}  // namespace

Result<Proxy> parse_proxy(std::string_view url) {
  Proxy proxy;
  std::string_view rest = url;
  const std::size_t mark = url.find("://");
  if (mark != std::string_view::npos) {
    const std::string scheme = to_lower(url.substr(0, mark));
    if (scheme != "http" && scheme != "https") {
      // What is no scheme may be a password.
      const bool plain =
          scheme.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+-.") == std::string::npos;
      return fail(ErrorCode::kInternal, "proxies are http:// or https://, not " +
                                            (plain ? scheme + "://" : std::string("this")));
    }
    proxy.tls = scheme == "https";
    rest = url.substr(mark + 3);
  }
  rest = rest.substr(0, rest.find_first_of("/?#"));
  const std::size_t at = rest.rfind('@');
  if (at != std::string_view::npos) {
    auto authorization = basic_authorization(rest.substr(0, at));
    if (!authorization) {
      return fail(ErrorCode::kInternal, "bad escape in a proxy's user information");
    }
    proxy.authorization = std::move(*authorization);
    rest.remove_prefix(at + 1);
  }
  const HostPort parts = split_host_port(rest);
  proxy.host = to_lower(parts.host);
  const std::optional<std::uint16_t> port = parse_port(parts.port);
  if (proxy.host.empty() || (!parts.port.empty() && !port)) {
    return fail(ErrorCode::kInternal, "a proxy needs a host and may have a port of 1..65535");
  }
  const std::uint16_t usual = proxy.tls ? 443 : 80;
  proxy.port = port.value_or(usual);
  return proxy;
}

std::optional<ProxyRules::Exception> ProxyRules::parse_exception(std::string_view item) {
  Exception one;
  const std::size_t slash = item.find('/');
  if (slash != std::string_view::npos) {
    one.network = parse_address(item.substr(0, slash), 0);
    const auto bits = parse_int(item.substr(slash + 1));
    const bool fits = one.network && bits && *bits >= 0 && *bits <= raw_of(one.network->get()).bits;
    if (!fits) return std::nullopt;
    one.bits = static_cast<int>(*bits);
    return one;
  }
  const HostPort parts = split_host_port(item);
  if (!parts.port.empty()) {
    const auto port = parse_port(parts.port);
    if (!port) return std::nullopt;
    one.port = *port;
  }
  one.network = parse_address(parts.host, 0);
  if (one.network) {
    one.bits = raw_of(one.network->get()).bits;
    return one;
  }
  std::string name = to_lower(parts.host);
  if (name.starts_with("*.")) name.erase(0, 1);
  if (name.empty()) return std::nullopt;
  one.with_itself = !name.starts_with('.');
  one.domain = one.with_itself ? "." + name : name;
  return one;
}

Result<ProxyRules> ProxyRules::make(const ProxySettings& settings) {
  ProxyRules rules;
  struct Variable {
    std::string_view name;
    const std::string& value;
    std::optional<Proxy>& into;
  };
  for (const Variable& variable : {Variable{"HTTP_PROXY", settings.http_proxy, rules.http_},
                                   Variable{"HTTPS_PROXY", settings.https_proxy, rules.https_}}) {
    if (trim(variable.value).empty()) continue;
    Result<Proxy> proxy = parse_proxy(trim(variable.value));
    if (!proxy) {
      return fail(ErrorCode::kInternal, std::string(variable.name) + ": " + proxy.error().detail);
    }
    variable.into = std::move(*proxy);
  }
  for (std::string_view item : split(settings.no_proxy, ",")) {
    item = trim(item);
    if (item == "*") rules.none_ = true;
    if (auto one = parse_exception(item)) rules.exceptions_.push_back(std::move(*one));
  }
  return rules;
}

bool ProxyRules::bypasses(const Exception& one, std::string_view host,
                          const std::optional<Address>& literal) const {
  if (one.network) return literal && in_network(*literal, *one.network, one.bits);
  if (host.ends_with(one.domain)) return true;
  return one.with_itself && host == std::string_view(one.domain).substr(1);
}

const Proxy* ProxyRules::proxy_for(bool tls, std::string_view host, std::uint16_t port) const {
  const std::optional<Proxy>& proxy = tls ? https_ : http_;
  if (!proxy || none_) return nullptr;
  std::string name = to_lower(host);
  while (name.ends_with('.')) name.pop_back();
  if (name == "localhost") return nullptr;
  const std::optional<Address> literal = parse_address(name, port);
  if (literal && is_loopback(*literal)) return nullptr;
  for (const Exception& one : exceptions_) {
    const bool port_fits = one.port == 0 || one.port == port;
    if (port_fits && bypasses(one, name, literal)) return nullptr;
  }
  return &*proxy;
}

}  // namespace imgring::net
