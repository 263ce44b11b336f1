// From a request to a connection for it: directly or through a proxy, plain or TLS.
#include <algorithm>

#include "imgring/base/text.h"
#include "imgring/http/client.h"

namespace imgring::http {

using loop::Scope;
using loop::Task;

namespace {

constexpr std::size_t kConnectReadBytes = 2048;

std::string authority(const ClientRequest& request) {
  const bool brackets = request.host.find(':') != std::string::npos;
  const std::string host = brackets ? "[" + request.host + "]" : request.host;
  return host + ":" + std::to_string(request.port);
}

Error proxy_error(const net::Proxy& proxy, const Error& error) {
  // What is wrong with the proxy is not the source URL's fault.
  const ErrorCode code =
      error.code == ErrorCode::kInvalidSourceUrl ? ErrorCode::kSourceUnreachable : error.code;
  const std::string where = "proxy " + proxy.host + ":" + std::to_string(proxy.port);
  return Error(code, where + ": " + error.detail);
}

}  // namespace

// Asks a proxy for a tunnel to the request's origin.
Task<Result<void>> Client::tunnel(Scope& scope, const net::Proxy& proxy,
                                  const ClientRequest& request, net::Transport& transport) {
  const std::string target = authority(request);
  std::string text = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
  if (!options_.user_agent.empty()) text += "User-Agent: " + options_.user_agent + "\r\n";
  if (!proxy.authorization.empty()) {
    text += "Proxy-Authorization: " + proxy.authorization + "\r\n";
  }
  text += "\r\n";
  IMGRING_CO_TRY_VOID(co_await transport.write(scope, as_bytes(text)));
  ResponseParser parser;
  std::vector<std::uint8_t> bytes(kConnectReadBytes);
  std::size_t extra = 0;
  while (!parser.head_done()) {
    IMGRING_CO_TRY(const std::size_t got, co_await transport.read(scope, bytes));
    if (got == 0) co_return parser.end_of_stream();
    IMGRING_CO_TRY(const ResponseParser::Fed fed, parser.feed(std::span(bytes).first(got)));
    extra = fed.body_bytes + got - fed.consumed_bytes;
  }
  const int status = parser.head().status;
  if (status < 200 || status > 299) {
    co_return fail(ErrorCode::kSourceUnreachable,
                   "CONNECT " + target + " was answered with status " + std::to_string(status));
  }
  // The peer of a TLS client is silent until it was spoken to.
  if (extra > 0) co_return fail(ErrorCode::kSourceUnreachable, "bytes behind the CONNECT answer");
  co_return Result<void>();
}

Task<Result<net::TransportPtr>> Client::connect_by_proxy(Scope& scope, const net::Proxy& proxy,
                                                         const ClientRequest& request) {
  // The proxy will connect to the target, by whichever of its addresses: all must be allowed.
  if (!request.trusted) {
    IMGRING_CO_TRY_VOID(co_await connector_.check(scope, request.host, request.port));
  }
  Result<net::TransportPtr> made =
      co_await connector_.connect_trusted(scope, proxy.host, proxy.port);
  if (!made) co_return std::unexpected(proxy_error(proxy, made.error()));
  if (proxy.tls) {
    made = co_await options_.tls->start(scope, std::move(*made), proxy.host, proxy.port);
    if (!made) co_return std::unexpected(proxy_error(proxy, made.error()));
  }
  if (!request.tls) co_return made;
  const Result<void> opened = co_await tunnel(scope, proxy, request, **made);
  if (!opened) co_return std::unexpected(proxy_error(proxy, opened.error()));
  co_return made;
}

Task<Result<net::TransportPtr>> Client::connect(Scope& scope, const ClientRequest& request) {
  ++connections_made_;
  const net::Proxy* proxy = proxy_of(request);
  const bool wants_tls = request.tls || (proxy != nullptr && proxy->tls);
  if (wants_tls && options_.tls == nullptr) {
    co_return fail(ErrorCode::kSourceUnreachable, "https is off: there is no trust store");
  }
  Result<net::TransportPtr> made = net::TransportPtr();
  if (proxy != nullptr) {
    made = co_await connect_by_proxy(scope, *proxy, request);
  } else if (request.trusted) {
    made = co_await connector_.connect_trusted(scope, request.host, request.port);
  } else {
    made = co_await connector_.connect(scope, request.host, request.port);
  }
  if (!made || !request.tls) co_return made;
  co_return co_await options_.tls->start(scope, std::move(*made), request.host, request.port);
}

}  // namespace imgring::http
