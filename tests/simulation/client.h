// Clients of the simulated server: patient and impatient ones, slow ones, and ones that leave. Each
// judges what the server writes to it in the moment it is written.
// Promises (a seed fails otherwise): answers come in the order of the requests, one each and none
// unasked; a good one holds the whole picture that was asked for; none begins later than the
// server's own time limit after its request was read. In calm seeds a request that has come is read
// at once, unless the one before it is still at work.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "answer_reader.h"
#include "source.h"
#include "wire.h"

namespace imgring::simulation {

enum class Conduct : int {
  kPatient,
  kPipelining,  // all requests at once
  kLeaving,     // breaks off at some time
  kHalfClosed,  // says that it sends no more
  kSlow,        // reads a little now and then
  kDeaf,        // does not read
  kTrickling,   // sends its head in pieces
  kSilent,      // says nothing
  kEnd
};

// What all clients have seen.
struct Tally {
  std::uint64_t clients = 0, asked = 0, answered = 0, good = 0, closed = 0, left = 0, here = 0;
  std::array<int, static_cast<std::size_t>(Conduct::kEnd)> here_by_conduct{};
  std::string here_text() const;
};

struct House {
  int listen_fds[2];
  Time time_max = 0;      // IMGPROXY_TIMEOUT
  bool calm = false;      // nothing goes wrong but what sources do
  bool stopping = false;  // who is not answered may be closed
  Tally tally{};
};

class Client final : public Peer, public std::enable_shared_from_this<Client> {
 public:
  struct Plan {
    Conduct conduct = Conduct::kPatient;
    int listener = 0;
    std::vector<Wish> wishes;
    std::vector<bool> raw;
  };
  Client(House& house, Plan plan);
  ~Client() override;
  void connect();

  void on_bytes(std::string_view bytes) override;
  void on_end() override;
  void on_reset() override;
  std::size_t appetite() override;
  void on_arrived(std::uint64_t all_bytes) override;
  void on_server_read(std::uint64_t all_bytes) override;
  void on_server_wrote(std::string_view bytes) override;

 private:
  struct Request {
    Wish wish;
    bool raw = false;
    std::uint64_t end = 0;  // of it in what was sent
    Time read_at = -1;      // by the server, whole
    Time due = -1;          // the answer's begin; counted without what the world was frozen
  };
  std::string text_of(const Request& request) const;
  void ask_next();
  void send_request(Request& request);
  void send_pieces(std::string rest);
  void expect_answer();
  void judge();
  void leave();
  void over();
  [[noreturn]] void wrong(const std::string& what) const;

  House& house_;
  Plan plan_;
  std::uint64_t number_;
  std::shared_ptr<Wire> wire_;
  std::vector<Request> requests_;
  std::size_t asked_ = 0, answered_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t written_bytes_ = 0, received_bytes_ = 0;
  std::vector<std::uint64_t> answer_ends_;  // in what the server wrote
  std::size_t taken_ = 0;                   // answers received whole
  AnswerReader reader_;
  bool gone_ = false;       // we are
  bool last_told_ = false;  // an answer said that it is the last
};

}  // namespace imgring::simulation
