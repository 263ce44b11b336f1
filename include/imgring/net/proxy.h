// Which proxy a request goes through: http_proxy, https_proxy and no_proxy as Go's clients read
// them. Values and plain functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/base/error.h"
#include "imgring/net/address.h"

namespace imgring::net {

struct Proxy {
  bool tls = false;  // spoken to by TLS
  std::string host;  // without brackets
  std::uint16_t port = 0;
  std::string authorization;  // "Basic …" of the user information, else empty
};
// "http://user:word@host:3128", "https://…", "host:3128". kInternal: other schemes, no host.
Result<Proxy> parse_proxy(std::string_view url);

struct ProxySettings {
  std::string http_proxy{}, https_proxy{}, no_proxy{};
};

class ProxyRules {
 public:
  ProxyRules() = default;
  // The error names the variable.
  static Result<ProxyRules> make(const ProxySettings& settings);
  // Null: directly. localhost and loopback addresses never go through a proxy.
  const Proxy* proxy_for(bool tls, std::string_view host, std::uint16_t port) const;

 private:
  // One item of no_proxy.
  struct Exception {
    std::string domain;              // ".example.com" or empty
    bool with_itself = true;         // also "example.com"
    std::optional<Address> network;  // with bits
    int bits = 0;
    std::uint16_t port = 0;  // 0: any
  };
  static std::optional<Exception> parse_exception(std::string_view item);
  bool bypasses(const Exception& one, std::string_view host,
                const std::optional<Address>& literal) const;

  std::optional<Proxy> http_, https_;
  bool none_ = false;  // no_proxy has "*"
  std::vector<Exception> exceptions_;
};

}  // namespace imgring::net
