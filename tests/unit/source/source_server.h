// A source server for tests: one thread per connection, each request answered by a script of raw
// bytes, so that it can be slow, cut, lie about lengths, redirect, or talk rubbish.
// Plain, or TLS with a context of the test's. Every wait has a limit; the destructor ends all
// threads.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "../base/manual_clock.h"

namespace imgring::test {

// One connection as a script sees it.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual bool send(std::string_view bytes) = 0;
  // The second as it is, past TLS, in one segment with the first.
  virtual bool send_with(std::string_view bytes, std::string_view bare) = 0;
  virtual void close() = 0;
  // Sleeps, unless the server is stopped.
  virtual void wait(std::chrono::milliseconds time) = 0;
  virtual int connection() const = 0;  // 0 for the first accepted
};

// Answers one request; false: close the connection.
using Script = std::function<bool(Peer& peer, const std::string& request)>;

class SourceServer {
 public:
  // `clock`: by which scripts wait; null: the system's.
  explicit SourceServer(Script script, SSL_CTX* tls = nullptr, const char* address = "127.0.0.1",
                        ManualClock* clock = nullptr)
      : script_(std::move(script)), tls_(tls), clock_(clock) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    inet_pton(AF_INET, address, &where.sin_addr);
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0) std::abort();
    if (listen(listener_, 64) != 0) std::abort();
    socklen_t size = sizeof where;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size);
    port_ = ntohs(where.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~SourceServer() {
    stopping_ = true;
    if (clock_ != nullptr) clock_->wake_all();
    acceptor_.join();
    for (std::thread& thread : threads_) thread.join();
    ::close(listener_);
  }
  int port() const { return port_; }
  std::string url(std::string_view path = "/") const {
    const std::string scheme = tls_ != nullptr ? "https" : "http";
    return scheme + "://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }
  // Heads of the requests so far.
  std::vector<std::string> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }
  int connections() const { return connections_; }
  // Of the connections with TLS: handshakes that succeeded, by resuming or not.
  int handshakes() const { return handshakes_; }
  bool stopping() const { return stopping_; }

 private:
  class SocketPeer;
  class TlsPeer;
  void serve(Peer& peer, const std::function<std::string()>& more);
  void run_tls(int fd, int connection);
  void accept_all();
  void run(int fd, int connection);
  Script script_;
  SSL_CTX* tls_;
  ManualClock* clock_;
  std::atomic<int> handshakes_{0};
  int listener_ = -1, port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::vector<std::string> seen_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

class SourceServer::SocketPeer final : public Peer {
 public:
  SocketPeer(int fd, int connection, SourceServer& server)
      : fd_(fd), connection_(connection), server_(server) {}
  bool send(std::string_view bytes) override {
    while (!bytes.empty() && !server_.stopping()) {
      pollfd ready{fd_, POLLOUT, 0};
      if (poll(&ready, 1, 20) <= 0) continue;
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return bytes.empty();
  }
  bool send_with(std::string_view bytes, std::string_view bare) override {
    return send(std::string(bytes) + std::string(bare));
  }
  void close() override { shutdown(fd_, SHUT_RDWR); }
  void wait(std::chrono::milliseconds time) override {
    if (server_.clock_ != nullptr) return server_.clock_->sleep(time);
    const auto until = std::chrono::steady_clock::now() + time;
    while (!server_.stopping() && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  int connection() const override { return connection_; }

 private:
  int fd_, connection_;
  SourceServer& server_;
};

inline void SourceServer::accept_all() {
  while (!stopping_) {
    pollfd ready{listener_, POLLIN, 0};
    if (poll(&ready, 1, 20) <= 0) continue;
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const int connection = connections_++;
    threads_.emplace_back([this, fd, connection] { run(fd, connection); });
  }
}

// Requests one after another; `more` gives the next bytes, nothing at the end.
inline void SourceServer::serve(Peer& peer, const std::function<std::string()>& more) {
  std::string buffer;
  for (;;) {
    std::size_t end = buffer.find("\r\n\r\n");
    while (end == std::string::npos) {
      const std::string bytes = more();
      if (bytes.empty()) return;
      buffer += bytes;
      end = buffer.find("\r\n\r\n");
    }
    const std::string head = buffer.substr(0, end + 4);
    buffer.erase(0, end + 4);
    {
      const std::lock_guard lock(mutex_);
      seen_.push_back(head);
    }
    if (!script_(peer, head)) return;
  }
}

class SourceServer::TlsPeer final : public Peer {
 public:
  TlsPeer(SSL* ssl, int fd, int connection, SourceServer& server)
      : ssl_(ssl), plain_(fd, connection, server) {}
  bool send(std::string_view bytes) override {
    while (!bytes.empty()) {
      const int sent = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  bool send_with(std::string_view bytes, std::string_view bare) override {
    const int on = 1, off = 0;
    setsockopt(SSL_get_fd(ssl_), IPPROTO_TCP, TCP_CORK, &on, sizeof on);
    const bool sent = send(bytes) && plain_.send(bare);
    setsockopt(SSL_get_fd(ssl_), IPPROTO_TCP, TCP_CORK, &off, sizeof off);
    return sent;
  }
  void close() override { SSL_shutdown(ssl_); }
  void wait(std::chrono::milliseconds time) override { plain_.wait(time); }
  int connection() const override { return plain_.connection(); }

 private:
  SSL* ssl_;
  SocketPeer plain_;
};

inline void SourceServer::run_tls(int fd, int connection) {
  const timeval limit{.tv_sec = 3, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  SSL* ssl = SSL_new(tls_);
  SSL_set_fd(ssl, fd);
  if (SSL_accept(ssl) == 1) {
    ++handshakes_;
    TlsPeer peer(ssl, fd, connection, *this);
    serve(peer, [ssl] {
      char bytes[4096];
      const int got = SSL_read(ssl, bytes, sizeof bytes);
      return got > 0 ? std::string(bytes, static_cast<std::size_t>(got)) : std::string();
    });
  }
  SSL_free(ssl);
  ::close(fd);
}

inline void SourceServer::run(int fd, int connection) {
  if (tls_ != nullptr) return run_tls(fd, connection);
  SocketPeer peer(fd, connection, *this);
  serve(peer, [this, fd] {
    char bytes[4096];
    while (!stopping_) {
      pollfd ready{fd, POLLIN, 0};
      if (poll(&ready, 1, 20) <= 0) continue;
      const ssize_t got = recv(fd, bytes, sizeof bytes, 0);
      return got > 0 ? std::string(bytes, static_cast<std::size_t>(got)) : std::string();
    }
    return std::string();
  });
  ::close(fd);
}

inline std::string target_of(const std::string& head) {
  const std::size_t from = head.find(' ') + 1;
  return head.substr(from, head.find(' ', from) - from);
}
// An answer with a length.
inline std::string answer(std::string_view status, std::string_view headers,
                          std::string_view body) {
  return "HTTP/1.1 " + std::string(status) + "\r\n" + std::string(headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

}  // namespace imgring::test
