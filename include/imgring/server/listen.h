// Listening sockets: the first core binds, the others reuse its address (decision 16).
// Plain functions, main thread, before the cores start.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "imgring/config/config.h"
#include "imgring/loop/io.h"

namespace imgring::server {

inline constexpr int kBacklog = 1024;  // clients that came between two looks of the front door

// The file of a unix socket that this process has bound. Removed at its end, if it is the one
// still: somebody may have taken it away and listen there himself.
class SocketFile {
 public:
  SocketFile() = default;
  explicit SocketFile(std::string path);  // right behind the bind
  SocketFile(SocketFile&& o) noexcept { *this = std::move(o); }
  SocketFile& operator=(SocketFile&& o) noexcept;
  ~SocketFile() { remove(); }
  void remove() noexcept;

 private:
  std::string path_;  // empty: none
  std::uint64_t device_ = 0, number_ = 0;
};

struct Listeners {
  std::vector<loop::Fd> fds;  // one per core; a unix socket: one descriptor, duplicated
  int port = 0;               // 0 for unix
  SocketFile unix_file;
  std::string address;       // for the log
  bool handed_over = false;  // by whoever started us: theirs, who listen on
};
// Sockets that whoever started us listens on (sd_listen_fds(3): LISTEN_PID, LISTEN_FDS,
// LISTEN_FDNAMES), taken once and gone from the environment. One named "metrics" is the metrics
// listener's, another one the main one's.
struct HandedOver {
  loop::Fd main, metrics;
  std::string problem;  // empty: none
};
HandedOver take_handed_over();
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
// A listener of a socket that was handed over: `count` descriptors of it. The failure says what it
// is instead.
std::expected<Listeners, ListenFailure> listen_on_handed(loop::Fd socket, int count);

}  // namespace imgring::server
