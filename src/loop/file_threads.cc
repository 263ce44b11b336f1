// One queue, threads that take from it, and a list of what is done.
#include "file_threads.h"

#include <linux/openat2.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace imgring::loop {

namespace {

// As the ring's: never restarted for the caller, who may have gone.
int run(const OpRequest& r) noexcept {
  long result = 0;
  if (r.kind == OpKind::kOpen) {
    result = syscall(SYS_openat2, r.fd, r.path, r.argument, sizeof(open_how));
  } else if (r.offset < 0) {
    result = read(r.fd, r.data, r.size_bytes);
  } else {
    result = pread(r.fd, r.data, r.size_bytes, r.offset);
  }
  return result < 0 ? -errno : static_cast<int>(result);
}

}  // namespace

FileThreads::~FileThreads() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void FileThreads::start_thread() {
  try {
    threads_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    return;  // tried again with the next operation
  }
}

bool FileThreads::submit(const OpRequest& request, void* key) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= idle_ && threads_.size() < kThreadsMax) start_thread();
    if (threads_.empty()) return false;
    queue_.push_back({request, key});
  }
  wake_.notify_one();
  return true;
}

bool FileThreads::take_back(void* key) noexcept {
  const std::lock_guard lock(mutex_);
  return std::erase_if(queue_, [key](const Work& work) { return work.key == key; }) > 0;
}

std::vector<FileThreads::Done> FileThreads::take_done() noexcept {
  const std::lock_guard lock(mutex_);
  return std::exchange(done_, {});
}

void FileThreads::work() noexcept {
  pthread_setname_np(pthread_self(), "file");
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    const Work work = queue_.front();
    queue_.pop_front();
    lock.unlock();
    const int result = run(work.request);
    lock.lock();
    done_.push_back({work.key, result});
    if (done_.size() > 1) continue;  // the engine has been woken and has not looked yet
    const std::uint64_t one = 1;
    while (write(wake_fd_, &one, sizeof one) < 0 && errno == EINTR) {
    }
  }
}

}  // namespace imgring::loop
