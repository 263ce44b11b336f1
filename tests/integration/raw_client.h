// A small HTTP client for tests: raw bytes out, parsed answers in, every wait with a limit.
// Blocking, one thread. Its own parser, independent of the one under test.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/http/headers.h"
#include "imgring/loop/io.h"
#include "patience.h"

namespace imgring::test {

struct Answer {
  int status = 0;  // 0: nothing that is an answer came
  int minor_version = -1;
  http::Headers headers;
  std::string body;
  bool complete = false;  // all of the body that the head announces
  std::string_view header(std::string_view name) const { return headers.get(name); }
};

class RawClient {
 public:
  // `host`: an IPv4 address, 127.0.0.1 unless said.
  explicit RawClient(int port, std::uint32_t host = 0x7f000001);
  bool connected() const noexcept { return static_cast<bool>(socket_); }
  int connect_error() const noexcept { return connect_error_; }

  // False when the peer does not take it all.
  bool send(std::string_view bytes);
  // The next answer. `to_head`: it answers a HEAD.
  Answer read(Milliseconds limit = patience(), bool to_head = false);
  // True once the peer has closed; what came before it is kept.
  bool closed(Milliseconds limit = patience());
  // True when a byte or the end arrives in that time.
  bool stirs(Milliseconds limit);
  // Bytes that belong to no answer read so far.
  const std::string& rest() const noexcept { return buffer_; }
  void half_close();
  // Holds back what is sent until the end of the sending side.
  void cork();
  void close() { socket_.reset(); }
  // Closes with a reset.
  void reset();
  int fd() const noexcept { return socket_.get(); }

 private:
  bool fill(Clock::time_point until);  // false: the end, or no time left
  bool fill_until(std::size_t bytes, Clock::time_point until);
  bool read_head(Answer& answer, Clock::time_point until);
  void read_body(Answer& answer, Clock::time_point until);
  bool read_chunks(Answer& answer, Clock::time_point until);

  loop::Fd socket_;
  int connect_error_ = 0;
  bool ended_ = false;
  std::string buffer_;
};

// "GET target HTTP/1.1" with a Host and these header lines ("A: b\r\n").
std::string get_text(std::string_view target, std::string_view fields = "");
// One request on a connection of its own.
Answer get(int port, std::string_view target, std::string_view fields = "");
// Several at once, each on a connection of its own; the answers in the order of the targets.
std::vector<Answer> get_all(int port, const std::vector<std::string>& targets);

}  // namespace imgring::test
