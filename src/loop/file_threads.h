// Threads that open and read files for an engine whose kernel can't do so without waiting.
// Owns: up to kThreadsMax threads, each begun when all others are busy and another operation comes;
// a thread that can't be started leaves the work to those that run.
// Promises: every operation taken comes back through take_done(), in no order; those that have not
// begun can be taken out. All but the threads' own work is for the engine's thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "imgring/loop/engine.h"

namespace imgring::loop {

class FileThreads {
 public:
  // Reads of one core are its local sources: more at a time than disks and their queue want.
  static constexpr std::size_t kThreadsMax = 4;
  struct Done {
    void* key;
    int result;
  };
  // `wake_fd`: an eventfd, written to when take_done() has something new.
  explicit FileThreads(int wake_fd) noexcept : wake_fd_(wake_fd) {}
  ~FileThreads();
  FileThreads(const FileThreads&) = delete;
  FileThreads& operator=(const FileThreads&) = delete;

  // kOpen or kRead. False: there is no thread, and none could be started.
  bool submit(const OpRequest& request, void* key);
  // True: it had not begun, and will not.
  bool take_back(void* key) noexcept;
  std::vector<Done> take_done() noexcept;

 private:
  struct Work {
    OpRequest request;
    void* key;
  };
  void start_thread();
  void work() noexcept;
  int wake_fd_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Work> queue_;
  std::vector<Done> done_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace imgring::loop
