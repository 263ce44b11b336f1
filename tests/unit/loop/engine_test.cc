// What every engine promises of its operations, on the one that IMGRING_TEST_ENGINE names; and the
// choice between them.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "imgring/base/text.h"
#include "run_loop.h"

namespace imgring::loop {
namespace {

using namespace std::chrono_literals;

struct Pair {
  explicit Pair(int type = SOCK_STREAM) {
    int fds[2];
    IMGRING_CHECK(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) == 0);
    a = Fd(fds[0]);
    b = Fd(fds[1]);
  }
  Fd a, b;
};

void put(const Fd& fd, std::string_view text) {
  EXPECT_EQ(write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

// A file of a megabyte, without a name.
Fd some_file() {
  Fd file(memfd_create("test", MFD_CLOEXEC));
  std::string text;
  while (text.size() < 1 << 20) text += std::to_string(text.size()) + " ";
  put(file, text);
  return file;
}

Task<void> files(Loop& loop, Scope& scope) {
  open_how how{.flags = O_RDONLY | O_CLOEXEC, .mode = 0, .resolve = 0};
  const int missing = co_await open_file(loop, scope, AT_FDCWD, "/nothing/here", &how);
  EXPECT_EQ(missing, -ENOENT);
  const Fd file = some_file();
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  const int number = co_await open_file(loop, scope, AT_FDCWD, path.c_str(), &how);
  EXPECT_GE(number, 0);
  const Fd opened(number);
  std::vector<std::uint8_t> got(300'000);
  std::string whole;
  for (;;) {
    const auto offset = static_cast<std::int64_t>(whole.size());
    const int n = co_await read_at(loop, scope, opened.get(), got, offset);
    EXPECT_GE(n, 0);
    if (n <= 0) break;
    whole.append(as_text(ByteSpan(got).first(static_cast<std::size_t>(n))));
  }
  EXPECT_GE(whole.size(), 1u << 20);
  EXPECT_EQ(whole.substr(0, 6), "0 2 4 ");
  const int bad = co_await read_at(loop, scope, -1, got, 0);
  EXPECT_EQ(bad, -EBADF);
  // A file that can be polled, as those of FUSE can: its offsets count all the same.
  const int mounts = co_await open_file(loop, scope, AT_FDCWD, "/proc/self/mounts", &how);
  EXPECT_GE(mounts, 0);
  const Fd pollable(mounts);
  std::vector<std::uint8_t> once(16), again(16);
  const int first = co_await read_at(loop, scope, mounts, once, 0);
  const int second = co_await read_at(loop, scope, mounts, again, 0);
  EXPECT_EQ(first, 16);
  EXPECT_EQ(second, 16);
  EXPECT_EQ(once, again);
}
TEST(Engine, OpensAndReadsFiles) { run_loop(files); }

Task<void> read_one(Loop& loop, Scope& scope, int fd, std::vector<int>* results) {
  std::uint8_t got[1024];
  const int n = co_await read_at(loop, scope, fd, got, 1000);
  results->push_back(n);
}
Task<void> many_reads(Loop& loop, Scope& scope) {
  const Fd file = some_file();
  for (const bool cancelled : {false, true}) {
    std::vector<int> results;
    Nursery nursery(loop, &scope);
    for (int i = 0; i < 200; ++i) {
      nursery.start(read_one(loop, nursery.scope(), file.get(), &results));
    }
    const int turn = co_await nop(loop, scope);
    EXPECT_EQ(turn, 0);
    if (cancelled) nursery.scope().cancel(CancelReason::kShutdown);
    co_await nursery.join();
    EXPECT_EQ(results.size(), 200u);
    for (const int n : results) EXPECT_TRUE(n == 1024 || (cancelled && n == -ECANCELED)) << n;
  }
}
TEST(Engine, AllReadsComeHomeAlsoWhenTheyAreCancelled) { run_loop(many_reads); }

struct Listener {
  Listener() : fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    IMGRING_CHECK(bind(fd.get(), generic(), size) == 0);
    IMGRING_CHECK(listen(fd.get(), 512) == 0);
    IMGRING_CHECK(getsockname(fd.get(), generic(), &size) == 0);
  }
  sockaddr* generic() { return reinterpret_cast<sockaddr*>(&address); }
  sockaddr_in address{};
  Fd fd;
};

Task<void> connect_one(Loop& loop, Scope& scope, Listener* to, std::vector<Fd>* clients) {
  Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int n = co_await connect_to(loop, scope, client.get(), to->generic(), sizeof to->address);
  EXPECT_EQ(n, 0);
  clients->push_back(std::move(client));
}
Task<void> accepts(Loop& loop, Scope& scope) {
  Listener listener;
  std::vector<Fd> taken, clients;
  const auto take = [](void* all, int fd) noexcept {
    EXPECT_GE(fd, 0);
    static_cast<std::vector<Fd>*>(all)->push_back(Fd(fd));
  };
  Acceptor acceptor(loop, listener.fd.get(), take, &taken);
  acceptor.start();
  Nursery nursery(loop, &scope);
  for (int i = 0; i < 200; ++i) {
    nursery.start(connect_one(loop, nursery.scope(), &listener, &clients));
  }
  co_await nursery.join();
  while (taken.size() < 200) co_await Sleep(loop, scope, 1ms);
  acceptor.pause();
  co_await acceptor.drained(scope);
  nursery.start(connect_one(loop, nursery.scope(), &listener, &clients));
  co_await nursery.join();
  co_await Sleep(loop, scope, 1ms);
  EXPECT_EQ(taken.size(), 200u) << "paused";
  acceptor.start();
  while (taken.size() < 201) co_await Sleep(loop, scope, 1ms);
  acceptor.pause();
  co_await acceptor.drained(scope);
}
TEST(Engine, AcceptsWhoComesUntilItIsPaused) { run_loop(accepts); }

Task<void> refused(Loop& loop, Scope& scope) {
  sockaddr_in address{};
  {
    const Listener gone;
    address = gone.address;
  }
  const Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto* to = reinterpret_cast<const sockaddr*>(&address);
  const int n = co_await connect_to(loop, scope, client.get(), to, sizeof address);
  EXPECT_EQ(n, -ECONNREFUSED);
}
TEST(Engine, ARefusedConnectionSaysSo) { run_loop(refused); }

std::size_t take_all(const Fd& fd) {
  std::vector<char> bytes(1 << 16);
  std::size_t all = 0;
  for (;;) {
    const ssize_t got = recv(fd.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got <= 0) return all;
    all += static_cast<std::size_t>(got);
  }
}

Task<void> send_one(Loop& loop, Scope& scope, int fd, const std::string* text, int* result) {
  *result = co_await send_some(loop, scope, fd, as_bytes(*text));
}
// A send is over when all of it is with the kernel.
Task<void> large_send(Loop& loop, Scope& scope) {
  Pair pair;
  const std::string text(4 << 20, 'x');
  int result = 0;
  Nursery nursery(loop, &scope);
  nursery.start(send_one(loop, nursery.scope(), pair.a.get(), &text, &result));
  co_await Sleep(loop, scope, 2ms);
  EXPECT_EQ(result, 0) << "nobody read";
  for (std::size_t got = 0; got < text.size();) {
    got += take_all(pair.b);
    co_await Sleep(loop, scope, 1ms);
  }
  co_await nursery.join();
  EXPECT_EQ(result, 4 << 20);
}
TEST(Engine, ASendIsOverWhenAllOfItLeft) { run_loop(large_send); }

Task<void> cancelled_send(Loop& loop, Scope& scope) {
  Pair pair;
  const std::string text(4 << 20, 'x');
  int result = 0;
  Nursery nursery(loop, &scope);
  nursery.start(send_one(loop, nursery.scope(), pair.a.get(), &text, &result));
  co_await Sleep(loop, scope, 1ms);
  nursery.scope().cancel(CancelReason::kClientGone);
  co_await nursery.join();
  EXPECT_TRUE(result == -ECANCELED || result == static_cast<int>(take_all(pair.b))) << result;
}
TEST(Engine, ACancelledSendTellsWhatLeft) { run_loop(cancelled_send); }

Task<void> poll_one(Loop& loop, Scope& scope, int fd, int* result) {
  *result = co_await poll_in(loop, scope, fd);
}
Task<void> recv_one(Loop& loop, Scope& scope, int fd, int* result) {
  std::uint8_t got[16];
  *result = co_await recv_some(loop, scope, fd, got);
}
// Several wait on one descriptor, each for its own.
Task<void> share(Loop& loop, Scope& scope) {
  Pair pair;
  const std::string text(4 << 20, 'x');
  int polled = 0, sent = 0, received = 0;
  Nursery nursery(loop, &scope), sender(loop, &scope);
  StreamReader reader(loop, pair.a.get());
  reader.hold(true);
  sender.start(send_one(loop, sender.scope(), pair.a.get(), &text, &sent));
  nursery.start(poll_one(loop, nursery.scope(), pair.a.get(), &polled));
  co_await Sleep(loop, scope, 2ms);
  EXPECT_EQ(polled, 0);
  put(pair.b, "one");
  co_await nursery.join();
  EXPECT_EQ(polled & POLLIN, POLLIN);
  nursery.start(poll_one(loop, nursery.scope(), pair.a.get(), &polled));
  co_await nursery.join();
  EXPECT_EQ(polled & POLLIN, POLLIN) << "what is there already is told, too";
  nursery.start(recv_one(loop, nursery.scope(), pair.a.get(), &received));
  co_await nursery.join();
  EXPECT_EQ(received, 3);
  nursery.start(recv_one(loop, nursery.scope(), pair.a.get(), &received));
  co_await Sleep(loop, scope, 1ms);
  put(pair.b, "two.");
  co_await nursery.join();
  EXPECT_EQ(received, 4);
  EXPECT_FALSE(reader.gone());
  EXPECT_EQ(sent, 0) << "nobody read";
  pair.b.reset();
  co_await sender.join();
  const bool changed = co_await reader.change(scope);
  EXPECT_TRUE(changed && reader.gone());
  co_await reader.stop();
}
TEST(Engine, ManyWaitOnOneDescriptor) { run_loop(share); }

// A number that was closed and is another socket's now.
Task<void> reused(Loop& loop, Scope& scope) {
  int number = -1;
  for (int i = 0; i < 20; ++i) {
    Pair pair;
    if (number < 0) number = pair.a.get();
    EXPECT_EQ(pair.a.get(), number);
    int received = 0;
    Nursery nursery(loop, &scope);
    nursery.start(recv_one(loop, nursery.scope(), pair.a.get(), &received));
    if (i % 2 == 0) co_await Sleep(loop, scope, 1ms);
    put(pair.b, "x");
    co_await nursery.join();
    EXPECT_EQ(received, 1);
    if (i % 3 == 0) put(pair.b, "unread");
  }
}
TEST(Engine, AReusedDescriptorIsANewOne) { run_loop(reused); }

// Closed under its number, but open as a copy: what happens to it is not the number's new owner's.
Task<void> copied(Loop& loop, Scope& scope) {
  Pair old;
  const int number = old.a.get();
  int before = 0;
  {
    Nursery nursery(loop, &scope);
    nursery.start(poll_one(loop, nursery.scope(), number, &before));
    co_await Sleep(loop, scope, 1ms);
    nursery.scope().cancel(CancelReason::kDone);
    co_await nursery.join();
  }
  EXPECT_EQ(before, -ECANCELED);
  const Fd copy(fcntl(number, F_DUPFD_CLOEXEC, 0));
  old.a.reset();
  Pair fresh;
  EXPECT_EQ(fresh.a.get(), number);
  int polled = 0;
  Nursery nursery(loop, &scope);
  nursery.start(poll_one(loop, nursery.scope(), number, &polled));
  co_await Sleep(loop, scope, 1ms);
  put(old.b, "late");
  co_await Sleep(loop, scope, 20ms);
  EXPECT_EQ(polled, 0);  // it waits: nothing has come for it
  put(fresh.b, "own");
  co_await nursery.join();
  EXPECT_EQ(polled, POLLIN);
}
TEST(Engine, ACopyOfAClosedDescriptorIsNobodyElses) { run_loop(copied); }

Task<void> cancel_all(Loop& loop, Scope& scope) {
  Pair pair;
  Listener listener;
  int polled = 0, received = 0;
  std::vector<Fd> taken;
  Acceptor acceptor(loop, listener.fd.get(), [](void*, int) noexcept { FAIL(); }, nullptr);
  acceptor.start();
  Nursery nursery(loop, &scope);
  nursery.start(poll_one(loop, nursery.scope(), pair.a.get(), &polled));
  nursery.start(recv_one(loop, nursery.scope(), pair.a.get(), &received));
  co_await Sleep(loop, scope, 1ms);
  nursery.scope().cancel(CancelReason::kShutdown);
  acceptor.pause();
  co_await nursery.join();
  co_await acceptor.drained(scope);
  EXPECT_EQ(polled, -ECANCELED);
  EXPECT_EQ(received, -ECANCELED);
}
TEST(Engine, WhatIsCancelledEndsSo) { run_loop(cancel_all); }

TEST(ChooseEngine, TakesTheOneThatWasAskedFor) {
  const auto epoll = choose_engine(EngineKind::kEpoll);
  ASSERT_TRUE(epoll.has_value());
  EXPECT_EQ(epoll->kind, EngineKind::kEpoll);
  EXPECT_EQ(epoll->refused, "");
  const auto ring = choose_engine(EngineKind::kIoUring);
  const auto any = choose_engine(EngineKind::kAuto);
  ASSERT_TRUE(any.has_value());
  EXPECT_EQ(any->kind, ring ? EngineKind::kIoUring : EngineKind::kEpoll);
  EXPECT_EQ(any->refused.empty(), ring.has_value());
  EXPECT_EQ((*make_engine({.kind = EngineKind::kEpoll}))->name(), engine_name(epoll->kind));
}

}  // namespace
}  // namespace imgring::loop
