// The simulated kernel: descriptors by number, the lowest free one first as the real one gives
// them, and who waits for what on each.
// Owns: every descriptor of the server. Touch: the world's thread.
// Promises: nothing is in flight on a descriptor that is closed, else the seed fails; a number that
// came free is given again at once.
#pragma once

#include <linux/openat2.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "imgring/loop/engine.h"
#include "wire.h"

namespace imgring::simulation {

enum class Change : std::uint8_t { kInput, kOutput, kBoth };
class SimulatedEngine;

// An operation from its submission to its last completion.
struct Pending {
  loop::OpRequest request;
  loop::Operation* operation = nullptr;
  SimulatedEngine* engine = nullptr;
  std::uint64_t number = 0;
  std::size_t sent_bytes = 0;
  bool seen = false;  // by the kernel
  bool over = false;  // its last completion is on its way
};

struct Node {
  enum class Kind : std::uint8_t { kStream, kListener, kEvent, kEpoll, kDatagram, kFile };
  Kind kind = Kind::kFile;
  int fd = -1;
  std::uint64_t number = 0;  // of all descriptors ever opened
  std::vector<Pending*> waiting;
  std::shared_ptr<Wire> wire;                 // kStream; null: not connected
  int connect_result = 1;                     // kStream: 1: none yet
  bool linger_zero = false;                   // kStream
  bool listening = true;                      // kListener
  std::deque<std::shared_ptr<Wire>> backlog;  // kListener
  std::uint64_t count = 0;                    // kEvent
  std::map<int, std::uint32_t> watched;       // kEpoll
  bool readable = false;                      // kDatagram
  std::string content;                        // kFile
  std::size_t position = 0;                   // kFile
};

// How unkind this seed is.
struct Chances {
  double refused_descriptor = 0;  // EMFILE, of sockets and accepts
  double refused_accept = 0;      // ENOBUFS and ECONNABORTED, and an end of the multishot
  double short_transfer = 0;
  double send_fails = 0;     // ENOBUFS
  double late_cancel = 0;    // the cancel comes when it is too late, or late
  double watch_ends = 0;     // a multishot poll that the kernel ends
  double crowded_queue = 0;  // the submission queue is full: operations wait outside
  double lost_answer = 0;    // of a look-up
  double broken_render = 0;  // a helper finds its picture broken
};

// One completion of the whole process that is told of long after, or tells of a failure, whatever
// it was.
struct CompletionFault {
  enum class Kind : std::uint8_t { kNone, kDelayed, kFailed };
  Kind kind = Kind::kNone;
  std::uint64_t at = 0;  // the first is 1
};

// "--held 3 " as the program's arguments say it; "--held 0 " where there is none.
std::string text_of(const CompletionFault& fault);

class Kernel {
 public:
  static constexpr int kFirst = 1000;  // real descriptors are below
  // Somebody outside who listens at an address; the result is that of connect(2), or a new wire.
  using Network = std::function<void(Node&, const sockaddr*, std::function<void(int)>)>;
  Kernel(const Chances& chances, int descriptors_max);
  ~Kernel();

  int open(Node::Kind kind);  // -1: none is left
  int open_file(std::string content);
  bool knows(int fd) const noexcept { return fd >= kFirst; }
  Node* find(int fd) noexcept;
  Node& get(int fd);  // the seed fails when there is none
  int close(int fd);
  std::size_t open_count() const noexcept { return open_count_; }
  std::string open_text() const;
  // Whoever waits on it may go on.
  void changed(Node& node, Change change);
  // A client; false: nobody listens there any more.
  bool arrive(int listen_fd, std::shared_ptr<Wire> wire);
  int accept(int listen_fd);  // -1: nobody is there
  bool epoll_ready(const Node& node);
  bool refuses_descriptor();

  const Chances& chances() const noexcept { return chances_; }
  void set_fault(CompletionFault fault) noexcept { fault_ = fault; }
  // One more has come about; what is to be wrong with it.
  CompletionFault::Kind next_completion() noexcept {
    return ++completions_ == fault_.at ? fault_.kind : CompletionFault::Kind::kNone;
  }
  std::uint64_t completions() const noexcept { return completions_; }
  void fault_done() noexcept { fault_done_ = true; }
  bool fault_is_done() const noexcept { return fault_done_; }
  Network network;

 private:
  Chances chances_;
  int descriptors_max_;
  std::size_t open_count_ = 0;
  std::uint64_t opened_ = 0, completions_ = 0;
  CompletionFault fault_;
  bool fault_done_ = false;
  std::vector<std::unique_ptr<Node>> nodes_;
};

extern Kernel* kernel;

}  // namespace imgring::simulation
