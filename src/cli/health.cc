// health: asks the server of this environment. Main thread, blocking.
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "commands.h"
#include "imgring/config/load.h"
#include "imgring/loop/io.h"
#include "imgring/server/run.h"

namespace imgring::cli {

namespace {

// `type`: SOCK_STREAM or SOCK_SEQPACKET.
loop::Fd connect_unix(const std::string& path, int type) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return {};
  std::memcpy(address.sun_path, path.data(), path.size());
  loop::Fd fd(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

loop::Fd connect_to_host(const char* host, const char* port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host, port, &hints, &found) != 0) return {};
  loop::Fd fd;
  for (addrinfo* one = found; one != nullptr && !fd; one = one->ai_next) {
    fd = loop::Fd(socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(fd.get(), one->ai_addr, one->ai_addrlen) != 0) fd.reset();
  }
  freeaddrinfo(found);
  return fd;
}

// Whoever listens on all addresses listens on these, whose names an image without /etc/hosts does
// not know.
constexpr const char* kOwnAddresses[] = {"127.0.0.1", "::1"};

loop::Fd connect_tcp(const std::string& bind) {
  const std::size_t colon = bind.rfind(':');
  if (colon == std::string::npos) return {};
  std::string host = bind.substr(0, colon);
  const char* const port = bind.c_str() + colon + 1;
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  const bool all = host.empty() || host == "0.0.0.0" || host == "::";
  if (!all) return connect_to_host(host.c_str(), port);
  for (const char* own : kOwnAddresses) {
    if (loop::Fd fd = connect_to_host(own, port)) return fd;
  }
  return {};
}

loop::Fd connect_to(config::Network network, const std::string& bind) {
  switch (network) {
    case config::Network::kUnix: return connect_unix(bind, SOCK_STREAM);
    case config::Network::kUnixPacket: return connect_unix(bind, SOCK_SEQPACKET);
    case config::Network::kTcp:
    case config::Network::kTcp4:
    case config::Network::kTcp6: break;
  }
  return connect_tcp(bind);
}

}  // namespace

// As imgproxy's: body on standard error, 0 on status 200.
int ask_health(const CommandContext& context) {
  config::LoadInput input;
  input.environment = config::read_environment(context.environment);
  config::LoadReport report;
  const auto config = config::load_config(input, &report);
  if (!config) {
    for (const std::string& text : report.errors) std::fprintf(stderr, "%s\n", text.c_str());
    return server::kExitConfig;
  }
  const std::string& bind = config->server.bind;
  const loop::Fd fd = connect_to(config->server.network, bind);
  if (!fd) {
    std::fprintf(stderr, "nothing listens on %s\n", bind.c_str());
    return 1;
  }
  std::string prefix = config->server.path_prefix;
  if (prefix.ends_with('/')) prefix.pop_back();
  const std::string request =
      "GET " + prefix + "/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  if (write(fd.get(), request.data(), request.size()) < 0) return 1;
  std::string answer;
  char piece[65536];  // a packet that does not fit would be cut
  ssize_t got = 0;
  while ((got = read(fd.get(), piece, sizeof piece)) > 0) {
    answer.append(piece, static_cast<std::size_t>(got));
  }
  const std::size_t body = answer.find("\r\n\r\n");
  if (body != std::string::npos) std::fprintf(stderr, "%s\n", answer.c_str() + body + 4);
  return answer.starts_with("HTTP/1.1 200 ") ? server::kExitOk : 1;
}

}  // namespace imgring::cli
