// A name server for tests on the loopback, UDP and TCP on one port, one thread.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace imgring::test {

struct NameAnswer {
  std::vector<std::string> addresses{};  // IPv4 for A, IPv6 for AAAA
  bool unknown = false;                  // NXDOMAIN
  bool silent = false;                   // no answer at all
  bool truncated = false;                // over UDP: ask by TCP
  std::uint32_t ttl_s = 60;
};

class NameServer {
 public:
  using Lookup = std::function<NameAnswer(const std::string& name, int type)>;  // 1 = A, 28 = AAAA
  explicit NameServer(Lookup lookup) : lookup_(std::move(lookup)) {
    // A port that is free for datagrams may be taken for connections.
    for (int tries = 0; !bind_both(); ++tries) {
      if (tries == 100) std::abort();
    }
    thread_ = std::thread([this] { run(); });
  }
  ~NameServer() {
    stopping_ = true;
    thread_.join();
    close(udp_);
    close(tcp_);
  }
  std::string text() const { return "127.0.0.1:" + std::to_string(port_); }
  int questions() const { return questions_; }
  int tcp_questions() const { return tcp_questions_; }

 private:
  bool bind_both() {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    udp_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(udp_, reinterpret_cast<sockaddr*>(&where), size) != 0) std::abort();
    getsockname(udp_, reinterpret_cast<sockaddr*>(&where), &size);
    port_ = ntohs(where.sin_port);
    tcp_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool bound = bind(tcp_, reinterpret_cast<sockaddr*>(&where), size) == 0;
    if (bound && listen(tcp_, 8) == 0) return true;
    close(udp_);
    close(tcp_);
    return false;
  }
  void run() {
    while (!stopping_) {
      pollfd ready[2] = {{udp_, POLLIN, 0}, {tcp_, POLLIN, 0}};
      if (poll(ready, 2, 20) <= 0) continue;
      if (ready[0].revents != 0) answer_udp();
      if (ready[1].revents != 0) answer_tcp();
    }
  }
  void answer_udp() {
    std::uint8_t bytes[512];
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const ssize_t got =
        recvfrom(udp_, bytes, sizeof bytes, 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 17) return;
    const std::string out =
        answer(std::string(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(got)), true);
    if (out.empty()) return;
    sendto(udp_, out.data(), out.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
  }
  void answer_tcp() {
    const int fd = accept(tcp_, nullptr, nullptr);
    std::string in;
    // Several questions may come over one connection.
    for (int quiet = 0; quiet < 20 && !stopping_;) {
      pollfd ready{fd, POLLIN, 0};
      if (poll(&ready, 1, 20) <= 0) {
        ++quiet;
        continue;
      }
      char bytes[512];
      const ssize_t got = recv(fd, bytes, sizeof bytes, 0);
      if (got <= 0) break;
      in.append(bytes, static_cast<std::size_t>(got));
      while (in.size() >= 2) {
        const auto size = static_cast<std::size_t>(static_cast<std::uint8_t>(in[0])) * 256 +
                          static_cast<std::uint8_t>(in[1]);
        if (in.size() < size + 2) break;
        ++tcp_questions_;
        const std::string out = answer(in.substr(2, size), false);
        std::string framed{static_cast<char>(out.size() >> 8), static_cast<char>(out.size())};
        framed += out;
        send(fd, framed.data(), framed.size(), MSG_NOSIGNAL);
        in.erase(0, size + 2);
      }
    }
    close(fd);
  }
  std::string answer(const std::string& question, bool udp) {
    ++questions_;
    std::string name;
    std::size_t at = 12;
    while (at < question.size() && question[at] != 0) {
      const auto size = static_cast<std::size_t>(question[at]);
      if (!name.empty()) name += '.';
      name += question.substr(at + 1, size);
      at += size + 1;
    }
    const int type = static_cast<std::uint8_t>(question[at + 2]);
    const NameAnswer found = lookup_(name, type);
    if (found.silent) return {};
    const bool cut = found.truncated && udp;
    std::string out = question.substr(0, 2);
    out += static_cast<char>(cut ? 0x86 : 0x84);
    out += static_cast<char>(found.unknown ? 0x83 : 0x80);
    const std::size_t count = cut ? 0 : found.addresses.size();
    out += std::string("\0\1\0", 3) + static_cast<char>(count) + std::string(4, '\0');
    out += question.substr(12, at + 5 - 12);
    for (std::size_t i = 0; i < count; ++i) {
      std::uint8_t raw[16] = {};
      const int family = type == 1 ? AF_INET : AF_INET6;
      inet_pton(family, found.addresses[i].c_str(), raw);
      const std::size_t size = type == 1 ? 4 : 16;
      out += std::string("\xc0\x0c\0", 3) + static_cast<char>(type) + std::string("\0\1", 2);
      for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(found.ttl_s >> shift);
      out += '\0';
      out += static_cast<char>(size);
      out.append(reinterpret_cast<char*>(raw), size);
    }
    return out;
  }

  Lookup lookup_;
  int udp_ = -1, tcp_ = -1, port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> questions_{0}, tcp_questions_{0};
  std::thread thread_;
};

}  // namespace imgring::test
