// The io_uring engine: SINGLE_ISSUER | DEFER_TASKRUN.
// Owns the ring. Used by its loop's thread only.
// Promises: an operation handed in is never dropped; every one gets its last completion.
#include <fcntl.h>
#include <liburing.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>

#include "engines.h"
#include "imgring/base/check.h"

namespace imgring::loop {

namespace {

// kernel.io_uring_disabled as text, empty when it can't be read (ProcSubset=pid hides it).
std::string io_uring_disabled_value() {
  std::FILE* file = std::fopen("/proc/sys/kernel/io_uring_disabled", "re");
  if (file == nullptr) return {};
  char value[8] = {};
  const std::size_t got = std::fread(value, 1, sizeof value - 1, file);
  std::fclose(file);
  std::string text(value, got);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::string refusal_text(int error) {
  const std::string disabled = io_uring_disabled_value();
  std::string text = "io_uring is refused (io_uring_setup: ";
  text += std::strerror(error);
  text += "): ";
  if (error == ENOSYS) return text + "this kernel has none; a kernel of 6.1 or newer is needed";
  if (error == EINVAL) {
    return text + "no SINGLE_ISSUER | DEFER_TASKRUN; a kernel of 6.1 or newer is needed";
  }
  if (error == ENOMEM) return text + "raise LimitMEMLOCK (ulimit -l) of this process";
  if (!disabled.empty() && disabled != "0") {
    return text + "kernel.io_uring_disabled is " + disabled +
           "; set it to 0 (sysctl kernel.io_uring_disabled=0)";
  }
  return text +
         "a seccomp profile blocks it; in a container: --security-opt "
         "seccomp=seccomp-io_uring.json (of tools/packaging), elsewhere allow io_uring_setup, "
         "io_uring_enter and io_uring_register";
}

class UringEngine final : public Engine {
 public:
  explicit UringEngine(const EngineOptions& options) : options_(options) {}
  ~UringEngine() override;
  Result<void> open();
  std::string_view name() const noexcept override { return "io_uring"; }
  void cancel(Operation* operation) noexcept override;
  void turn(Clock::duration wait) noexcept override;

 protected:
  void start(const OpRequest& request, Operation* operation) noexcept override;

 private:
  struct Intent {
    OpRequest request;
    Operation* operation;
  };
  Result<void> probe_operations();
  io_uring_sqe* entry() noexcept;
  void prepare(io_uring_sqe* sqe, const Intent& intent) noexcept;
  void submit_waiting() noexcept;
  void complete_one(const io_uring_cqe& cqe) noexcept;

  EngineOptions options_;
  io_uring ring_{};
  bool open_ = false;
  std::deque<Intent> waiting_;  // found no free entry; an intent is never dropped
};

UringEngine::~UringEngine() {
  if (open_) io_uring_queue_exit(&ring_);
}

Result<void> UringEngine::open() {
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE |
                 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP;
  params.cq_entries = options_.completion_entries;
  const int rc = io_uring_queue_init_params(options_.submission_entries, &ring_, &params);
  if (rc < 0) return fail(ErrorCode::kInternal, refusal_text(-rc));
  open_ = true;
  io_uring_register_ring_fd(&ring_);  // saves a descriptor look-up per enter; works without
  return probe_operations();
}

Result<void> UringEngine::probe_operations() {
  io_uring_probe* probe = io_uring_get_probe_ring(&ring_);
  if (probe == nullptr) {
    return fail(ErrorCode::kInternal, "io_uring: the probe of operations failed");
  }
  struct Needed {
    int op;
    const char* name;
  };
  constexpr Needed kNeeded[] = {
      {IORING_OP_ACCEPT, "accept"},   {IORING_OP_RECV, "recv"},
      {IORING_OP_SEND, "send"},       {IORING_OP_SENDMSG, "sendmsg"},
      {IORING_OP_CONNECT, "connect"}, {IORING_OP_OPENAT2, "openat2"},
      {IORING_OP_READ, "read"},       {IORING_OP_CLOSE, "close"},
      {IORING_OP_POLL_ADD, "poll"},   {IORING_OP_ASYNC_CANCEL, "async cancel"}};
  std::string missing;
  for (const Needed& needed : kNeeded) {
    if (!io_uring_opcode_supported(probe, needed.op)) missing += std::string(" ") + needed.name;
  }
  io_uring_free_probe(probe);
  if (missing.empty()) return {};
  return fail(ErrorCode::kInternal,
              "io_uring lacks operations:" + missing + "; a kernel of 6.1 or newer is needed");
}

io_uring_sqe* UringEngine::entry() noexcept {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  if (sqe != nullptr) return sqe;
  io_uring_submit(&ring_);  // EBUSY and EAGAIN are normal: the entry stays free or not
  return io_uring_get_sqe(&ring_);
}

void UringEngine::start(const OpRequest& request, Operation* operation) noexcept {
  const Intent intent{request, operation};
  io_uring_sqe* sqe = waiting_.empty() ? entry() : nullptr;
  if (sqe == nullptr) {
    waiting_.push_back(intent);
    return;
  }
  prepare(sqe, intent);
}

void UringEngine::prepare(io_uring_sqe* sqe, const Intent& intent) noexcept {
  const OpRequest& r = intent.request;
  const auto size = static_cast<unsigned>(r.size_bytes);
  const auto* address = static_cast<const sockaddr*>(r.argument);
  switch (r.kind) {
    case OpKind::kNop: io_uring_prep_nop(sqe); break;
    case OpKind::kAccept:
      io_uring_prep_multishot_accept(sqe, r.fd, nullptr, nullptr, SOCK_CLOEXEC);
      break;
    case OpKind::kRecv: io_uring_prep_recv(sqe, r.fd, r.data, r.size_bytes, 0); break;
    case OpKind::kSend:
      io_uring_prep_send(sqe, r.fd, r.data, r.size_bytes, MSG_NOSIGNAL | MSG_WAITALL);
      break;
    case OpKind::kSendMessage:
      io_uring_prep_sendmsg(sqe, r.fd, static_cast<const msghdr*>(r.argument),
                            MSG_NOSIGNAL | MSG_WAITALL);
      break;
    case OpKind::kConnect: io_uring_prep_connect(sqe, r.fd, address, r.argument_size); break;
    case OpKind::kOpen:
      io_uring_prep_openat2(sqe, r.fd, r.path,
                            static_cast<open_how*>(const_cast<void*>(r.argument)));
      break;
    case OpKind::kRead:
      io_uring_prep_read(sqe, r.fd, r.data, size, static_cast<std::uint64_t>(r.offset));
      break;
    case OpKind::kPollIn: io_uring_prep_poll_add(sqe, r.fd, POLLIN); break;
    case OpKind::kPollStream: io_uring_prep_poll_add(sqe, r.fd, POLLIN | POLLRDHUP); break;
    case OpKind::kWatchStream: io_uring_prep_poll_multishot(sqe, r.fd, POLLIN | POLLRDHUP); break;
    case OpKind::kClose: io_uring_prep_close(sqe, r.fd); break;
  }
  io_uring_sqe_set_data64(sqe, reinterpret_cast<std::uintptr_t>(intent.operation));
}

void UringEngine::cancel(Operation* operation) noexcept {
  for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
    if (it->operation != operation) continue;
    waiting_.erase(it);  // the kernel never saw it
    deliver(operation, Completion{.result = -ECANCELED});
    return;
  }
  io_uring_sqe* sqe = entry();
  while (sqe == nullptr) sqe = entry();  // submitting frees entries; the kernel takes them all
  io_uring_prep_cancel64(sqe, reinterpret_cast<std::uintptr_t>(operation), 0);
  io_uring_sqe_set_data64(sqe, 0);
}

void UringEngine::submit_waiting() noexcept {
  while (!waiting_.empty()) {
    io_uring_sqe* sqe = entry();
    if (sqe == nullptr) return;
    prepare(sqe, waiting_.front());
    waiting_.pop_front();
  }
}

void UringEngine::turn(Clock::duration wait) noexcept {
  submit_waiting();
  const auto left = std::chrono::nanoseconds(wait).count();
  const long long wait_ns = waiting_.empty() && left > 0 ? left : 0;
  __kernel_timespec time{.tv_sec = wait_ns / 1'000'000'000, .tv_nsec = wait_ns % 1'000'000'000};
  io_uring_cqe* cqe = nullptr;
  const int rc = io_uring_submit_and_wait_timeout(&ring_, &cqe, 1, &time, nullptr);
  IMGRING_CHECK(rc >= 0 || rc == -ETIME || rc == -EINTR || rc == -EBUSY || rc == -EAGAIN);
  unsigned head = 0;
  unsigned count = 0;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    ++count;
    // Copied: a completion may submit, and submitting may flush the queue.
    const io_uring_cqe copy{.user_data = cqe->user_data, .res = cqe->res, .flags = cqe->flags};
    complete_one(copy);
  }
  io_uring_cq_advance(&ring_, count);
}

void UringEngine::complete_one(const io_uring_cqe& cqe) noexcept {
  if (cqe.user_data == 0) return;  // a cancel's own answer
  auto* operation = reinterpret_cast<Operation*>(static_cast<std::uintptr_t>(cqe.user_data));
  deliver(operation, Completion{.result = cqe.res, .more = (cqe.flags & IORING_CQE_F_MORE) != 0});
}

}  // namespace

Result<std::unique_ptr<Engine>> make_uring_engine(const EngineOptions& options) {
  auto engine = std::make_unique<UringEngine>(options);
  IMGRING_TRY_VOID(engine->open());
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace imgring::loop
