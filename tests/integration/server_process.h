// The program under test as a child process: started with an environment of its own, watched
// through /proc, stopped by signals. One test's thread; a thread of its own reads the log.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "imgring/loop/io.h"
#include "patience.h"

namespace imgring::test {

using Environment = std::map<std::string, std::string>;

// A folder that goes away with its files.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::string& path() const noexcept { return path_; }
  std::string write(const std::string& name, std::string_view bytes) const;

 private:
  std::string path_;
};

// Who reads what the program writes: a reader; one that does not read yet from a pipe that holds
// next to nothing; nobody.
enum class LogReader : std::uint8_t { kReads, kStalls, kGone };

// A user of the program's own, by a number that nobody else has, so that RLIMIT_NPROC counts the
// program's threads alone (it does not bind root). Only root can start one: see can_set_user().
struct OwnUser {
  unsigned id = 0;           // 0: ours
  unsigned threads_max = 0;  // RLIMIT_NPROC; 0: ours
};
bool can_set_user();
OwnUser own_user(unsigned threads_max = 0);

class ServerProcess {
 public:
  // Starts $IMGRING_BIN. Ports, port file and metrics listener come on top of `environment`.
  // `descriptors_max`: its limit; 0: ours.
  explicit ServerProcess(const Environment& environment, unsigned descriptors_max = 0,
                         LogReader reader = LogReader::kReads, const OwnUser& user = {});
  // A process that still runs is killed, which fails the test; so does a sanitizer's report.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Until it says that it listens (in its log, when that is read). False when it ended instead.
  bool wait_until_ready();
  int port() const noexcept { return port_; }
  int metrics_port() const noexcept { return metrics_port_; }
  // A reader that stalled goes on.
  void read_log_on();
  std::string log() const;
  bool wait_for_log(std::string_view text, Milliseconds limit = patience()) const;

  void signal(int number) const;
  // From now on the process starts no thread beyond so many (RLIMIT_NPROC of its own user).
  void limit_threads(unsigned threads_max) const;
  // The exit status, 128 + signal when it was killed; nullopt when it still runs.
  std::optional<int> wait_for_exit(Milliseconds limit = patience(10000));
  // SIGTERM; expects exit status 0 in time.
  void stop();

  // Without the one epoll descriptor of each loop that has looked up a name.
  int descriptors() const;
  // Of these: connections to a port of a source (kept for its next request, or closed by it).
  int connections_to(int port) const;
  // What the kernel holds of one socket, at most: bytes that its peer has not taken, and bytes that
  // the program has not read. Of its clients' sockets, or of those to a port of a source.
  struct Queued {
    std::uint64_t untaken = 0, unread = 0;
  };
  Queued most_queued_of_clients() const;
  Queued most_queued_of_source(int port) const;
  pid_t pid() const noexcept { return pid_; }
  std::vector<int> thread_ids() const;
  std::string thread_name(int id) const;
  // Without the engine's workers (of the kernel, or for files) and libvips' own threads.
  int threads() const;
  // A sample of /metrics, as `name{labels}` or `name`; nullopt when it is not there.
  std::optional<double> metric(std::string_view name) const;
  // The sum of all samples whose name begins so.
  double metric_sum(std::string_view prefix) const;
  std::string metrics_text() const;

 private:
  void launch(const Environment& environment, unsigned descriptors_max, LogReader reader);
  void read_log();
  struct Socket {
    std::string local, remote, state;  // as /proc/net/tcp writes them
    Queued queued;
  };
  std::vector<Socket> sockets() const;
  void find_metrics_port();
  void check_log() const;

  TempFolder folder_;
  OwnUser user_;
  pid_t pid_ = -1;
  int port_ = 0, metrics_port_ = 0;
  std::optional<int> status_;
  loop::Fd process_fd_, log_fd_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::string log_;
  bool log_ended_ = false;
  std::thread log_thread_;  // none while nobody reads
};

}  // namespace imgring::test
