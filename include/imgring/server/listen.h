// Listening sockets: the first core binds, the others reuse its address (decision 16).
// Plain functions, main thread, before the cores start.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "imgring/config/config.h"
#include "imgring/loop/io.h"

namespace imgring::server {

inline constexpr int kBacklog = 1024;  // clients that came between two looks of the front door

struct Listeners {
  std::vector<loop::Fd> fds;  // one per core; a unix socket: one descriptor, duplicated
  int port = 0;               // 0 for unix
  std::string unix_path;      // removed at the end
  std::string address;        // for the log
};
struct ListenInput {
  std::string bind;  // "host:port", ":port", "[v6]:port", or a path for unix
  config::Network network = config::Network::kTcp;
  bool shared = false;  // IMGPROXY_SO_REUSEPORT: other processes may listen on the same port
  int count = 1;
  bool dry = false;  // bound and let go: nobody can connect meanwhile
};
struct ListenFailure {
  std::string text;  // the address, what the system says of it, and what to change
  int error = 0;     // an errno; 0: of the look-up
  // Another start meets it again: the configuration is to be changed.
  bool lasting = false;
};
std::expected<Listeners, ListenFailure> listen_on(const ListenInput& input);

}  // namespace imgring::server
