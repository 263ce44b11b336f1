// The HTTP/1.1 client of one loop: one exchange at a time per connection, idle connections kept.
// Owns: idle connections. Touch: its loop's thread only; outlives its exchanges.
// Promises: a request goes out once, or twice when a reused connection closed before the first
// byte; nothing is reused that still holds bytes of an answer; idle connections are bounded.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "imgring/base/error.h"
#include "imgring/http/client_response_parser.h"
#include "imgring/http/headers.h"
#include "imgring/loop/loop.h"
#include "imgring/mem/budget.h"
#include "imgring/net/connector.h"
#include "imgring/net/proxy.h"
#include "imgring/net/tls.h"
#include "imgring/net/transport.h"

namespace imgring::http {

inline constexpr std::size_t kIdleConnectionsMax = 100;  // of the process, divided by loops

struct ClientOptions {
  std::string user_agent{};
  std::chrono::seconds idle_time{90};          // 0: no reuse
  std::size_t idle_max = kIdleConnectionsMax;  // full: the oldest is closed
  net::TlsContext* tls = nullptr;              // outlives the client; null: no https
  net::ProxyRules proxies{};
};

// One GET.
struct ClientRequest {
  bool tls = false;
  bool trusted = false;  // an endpoint of the operator's: not guarded
  std::string host;      // as to be looked up, IPv6 without brackets
  std::uint16_t port = 80;
  std::string host_header;   // as written in the URL
  std::string target = "/";  // path and query, escaped
  Headers headers;           // in their order, after Host and User-Agent
  // Has mem::kSourceUnreadBytes for its connection; one that is kept with a larger window is taken
  // when the rest fits in. Null: such ones are not taken.
  mem::Grant* paid = nullptr;
};

class Client;

// A request that was answered: the head, and the body to be read.
class Exchange {
 public:
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ResponseHead& head() noexcept { return parser_.head(); }
  // Bytes of the body without its framing, received straight into `into`; 0 at the end.
  // kSourceIncomplete when it is cut off or badly framed, kSourceCancelled, kSourceUnreachable.
  loop::Task<Result<std::size_t>> read(loop::Scope& scope, std::span<std::uint8_t> into);
  // Every byte of the body has been read.
  bool at_end() const noexcept { return parser_.done() && early_at_ == early_.size(); }
  // Reads a rest of at most bytes_max that is there or comes at once, so that the connection can
  // be used again.
  loop::Task<void> drain(loop::Scope& scope, std::size_t bytes_max);
  const net::Address& peer() const noexcept { return peer_; }
  // For the rest of a large body, which somebody has paid for.
  void set_unread(std::size_t bytes_max) noexcept {
    if (transport_) transport_->set_unread(bytes_max);
  }
  std::size_t unread_bytes_max() const noexcept {
    return transport_ ? transport_->unread_bytes_max() : 0;
  }

 private:
  friend class Client;
  Exchange(Client& client, std::string key, net::TransportPtr transport) noexcept;
  loop::Task<Result<void>> read_head(loop::Scope& scope);
  Result<std::size_t> unwrap(std::span<std::uint8_t> received);
  void finish() noexcept;

  Client& client_;
  std::string key_;
  net::TransportPtr transport_;  // gone once the connection was given back
  net::Address peer_;
  ResponseParser parser_;
  std::vector<std::uint8_t> early_;  // body bytes that came with the head
  std::size_t early_at_ = 0;
  bool extra_bytes_ = false;  // more arrived than belongs to the answer
};
using ExchangePtr = std::unique_ptr<Exchange>;

class Client {
 public:
  Client(loop::Loop& loop, net::Connector& connector, ClientOptions options)
      : loop_(loop), connector_(connector), options_(std::move(options)) {}
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Sends it and reads the head of the answer. Errors as net::Connector and Exchange::read.
  loop::Task<Result<ExchangePtr>> start(loop::Scope& scope, const ClientRequest& request);
  // Closes what has idled too long (memory tick).
  void tick() noexcept;
  void close_idle() noexcept;
  std::size_t idle() const noexcept { return idle_.size(); }
  std::uint64_t connections_made() const noexcept { return connections_made_; }

 private:
  friend class Exchange;
  struct Idle {
    std::string key;
    net::TransportPtr transport;
    loop::Clock::time_point since;
  };
  net::TransportPtr take_idle(const std::string& key, mem::Grant* paid) noexcept;
  void give_back(std::string key, net::TransportPtr transport);
  loop::Task<Result<net::TransportPtr>> connect(loop::Scope& scope, const ClientRequest& request);
  loop::Task<Result<net::TransportPtr>> connect_by_proxy(loop::Scope& scope,
                                                         const net::Proxy& proxy,
                                                         const ClientRequest& request);
  loop::Task<Result<void>> tunnel(loop::Scope& scope, const net::Proxy& proxy,
                                  const ClientRequest& request, net::Transport& transport);
  const net::Proxy* proxy_of(const ClientRequest& request) const {
    return options_.proxies.proxy_for(request.tls, request.host, request.port);
  }
  std::string head_text(const ClientRequest& request) const;

  loop::Loop& loop_;
  net::Connector& connector_;
  ClientOptions options_;
  std::vector<Idle> idle_;  // oldest first
  std::uint64_t connections_made_ = 0;
};

}  // namespace imgring::http
