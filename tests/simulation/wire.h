// A TCP connection between the server and somebody outside: what has arrived at the server, what is
// on its way to the peer, and how either side ended. The peer is a state machine of the simulation.
// Owned by both ends together; lives until the last byte has found its end.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "world.h"

namespace imgring::simulation {

struct Node;
class Wire;

// What a peer sees. All of it happens in events, never inside a call of the server's but for the
// two that say so.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual void on_open() {}
  virtual void on_bytes(std::string_view bytes) = 0;
  virtual void on_end() = 0;    // the server sends no more
  virtual void on_reset() = 0;  // the server is gone, and what was on its way with it
  // How many bytes it takes now; 0: it does not read.
  virtual std::size_t appetite() { return 64 << 10; }
  // So many bytes in all have come to the server's socket.
  virtual void on_arrived(std::uint64_t) {}
  // The server's calls: it read so many in all, it wrote these.
  virtual void on_server_read(std::uint64_t) {}
  virtual void on_server_wrote(std::string_view) {}
};

class Wire : public std::enable_shared_from_this<Wire> {
 public:
  Wire(Time delay, std::size_t room) : latency(delay), capacity(room) {}

  // The peer's side.
  void send(std::string bytes);  // arrives after the latency, in order
  void finish();                 // its end behind that
  void reset();                  // at once; nothing more goes either way
  bool may_send() const noexcept { return in.size() < kWindow; }

  // The server's side: the kernel calls these.
  std::size_t read(char* into, std::size_t most, bool peek);
  std::size_t write(const char* data, std::size_t size);  // as much as there is room for
  void shut();                                            // no more comes from the server
  void close(bool abort);                                 // its descriptor is gone
  std::size_t untaken() const noexcept { return out.size() - out_taken; }
  std::size_t room() const noexcept { return capacity > untaken() ? capacity - untaken() : 0; }
  short events() const noexcept;  // of poll(2)

  Node* node = nullptr;        // the server's descriptor; null: none yet, or closed
  std::shared_ptr<Peer> peer;  // null: gone
  Time latency;
  std::size_t capacity;  // of what the server sends
  std::string in;
  bool in_end = false;
  bool broken = false;       // a reset arrived
  bool broken_told = false;  // the one call that says ECONNRESET was made
  bool out_end = false;
  sockaddr_storage address{};  // the peer's

 private:
  static constexpr std::size_t kWindow = 64 << 10;
  void arrive(std::string bytes, bool end);
  void pump();
  void start_pump();
  void drop_peer(bool reset);
  Time in_order();
  std::string out;
  std::size_t out_taken = 0;
  std::uint64_t arrived_bytes_ = 0, read_bytes_ = 0;
  Time last_arrival_ = 0;
  bool pumping_ = false;
  bool end_told_ = false;
};

}  // namespace imgring::simulation
