// A source of pictures that does what a test says, path by path: late, cut, lying, redirecting.
// Owns: a listener, a thread for it and one for each connection. Behaviours are set before the path
// is asked for and run on the connection's thread; everything else is called by the test's thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "imgring/http/headers.h"
#include "imgring/loop/io.h"
#include "patience.h"

namespace imgring::test {

// Something that visits wait for; opened once by the test.
class Gate {
 public:
  Gate();
  void open();
  int fd() const noexcept { return event_.get(); }

 private:
  loop::Fd event_;
};

enum class Left : std::uint8_t { kOpened, kPeerLeft, kLate };

// One request, and the way to answer it. A behaviour that sends nothing drops the connection.
class Visit {
 public:
  Visit(int fd, int number, std::string head);
  const std::string& head() const noexcept { return head_; }
  std::string header(std::string_view name) const;
  // How many requests the connection had before this one.
  int number() const noexcept { return number_; }
  // False when the peer is gone.
  bool send(std::string_view bytes);
  // A whole answer with its Content-Length; `fields`: "A: b\r\n".
  bool answer(int status, std::string_view fields, std::string_view body);
  bool picture(std::string_view body) { return answer(200, "Content-Type: image/png\r\n", body); }
  // Until the gate opens or the peer closes the connection.
  Left wait(const Gate& gate, Milliseconds limit = patience(20000));
  // True when the peer closes the connection in that time.
  bool peer_leaves(Milliseconds limit = patience(20000));
  void close_after() noexcept { going_on_ = false; }
  bool going_on() const noexcept { return going_on_ && sent_; }

 private:
  int fd_;
  int number_;
  std::string head_;
  bool sent_ = false;
  bool going_on_ = true;
};

using Behaviour = std::function<void(Visit&)>;

// Behaviours that several tests use.
Behaviour serve_picture(std::string body, std::string fields = "Content-Type: image/png\r\n");
Behaviour say(std::string bytes);  // exactly these bytes, then the end of the stream
Behaviour redirect_to(std::string location, int status = 302);
// Nothing until the gate opens; then the picture.
Behaviour held(const Gate& gate, std::string body);

class SourceServer {
 public:
  SourceServer();
  ~SourceServer();
  SourceServer(const SourceServer&) = delete;
  SourceServer& operator=(const SourceServer&) = delete;

  void on(const std::string& path, Behaviour behaviour);
  int port() const noexcept { return port_; }
  std::string url(std::string_view path) const;
  // Heads of the requests for a path, in order ("": for any).
  std::vector<std::string> visits(const std::string& path = "") const;
  bool wait_for_visits(const std::string& path, std::size_t count,
                       Milliseconds limit = patience()) const;
  // Behaviours that have ended for a path.
  bool wait_for_ends(const std::string& path, std::size_t count,
                     Milliseconds limit = patience()) const;
  int open_connections() const;
  int connections_made() const;

 private:
  struct Connection {
    loop::Fd socket;
    std::thread thread;
    bool ended = false;
  };
  void accept_all();
  void serve(Connection& connection);
  bool serve_one(Connection& connection, int number, std::string& buffer);
  Behaviour behaviour_of(const std::string& path) const;

  loop::Fd listener_;
  int port_ = 0;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::map<std::string, Behaviour> behaviours_;
  std::vector<std::pair<std::string, std::string>> visits_;  // path, head
  std::map<std::string, std::size_t> ends_;
  std::list<Connection> connections_;
  std::thread thread_;
  bool stopping_ = false;
};

}  // namespace imgring::test
