// Tasks, timers, operations, nurseries and streams on a real io_uring loop.
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <thread>

#include "imgring/base/text.h"
#include "imgring/mem/loop_thread.h"
#include "run_loop.h"

namespace imgring::loop {
namespace {

using namespace std::chrono_literals;

struct Sockets {
  Sockets() { IMGRING_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) == 0); }
  ~Sockets() {
    for (int one : fd) {
      if (one >= 0) close(one);
    }
  }
  void close_writer() {
    close(fd[0]);
    fd[0] = -1;
  }
  int fd[2] = {-1, -1};
};

void write_text(int fd, std::string_view text) {
  EXPECT_EQ(write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

// What must not happen on a loop asks for this (libvips).
TEST(Loop, ItsThreadIsALoopsWhileItRuns) {
  EXPECT_FALSE(mem::on_loop());
  const auto body = [](Loop&, Scope&) -> Task<void> {
    EXPECT_TRUE(mem::on_loop());
    bool other = true;
    std::thread([&other] { other = mem::on_loop(); }).join();
    EXPECT_FALSE(other);
    co_return;
  };
  run_loop(body);
  EXPECT_FALSE(mem::on_loop());
}

Task<int> leaf(int value) { co_return value; }
Task<long> sum(int count) {
  long total = 0;
  for (int i = 0; i < count; ++i) {
    const int one = co_await leaf(1);
    total += one;
  }
  co_return total;
}
Task<int> deep(int depth) {
  if (depth == 0) co_return 0;
  const int below = co_await deep(depth - 1);
  co_return below + 1;
}

Task<void> long_chain(Loop&, Scope&) {
  const long total = co_await sum(200000);
  EXPECT_EQ(total, 200000);
  const int depth = co_await deep(500);
  EXPECT_EQ(depth, 500);
}
TEST(Task, ALongLoopOfTasksThatEndAtOnceKeepsTheStack) { run_loop(long_chain); }

Task<void> many_nops(Loop& loop, Scope& scope) {
  for (int i = 0; i < 2000; ++i) {
    const int r = co_await nop(loop, scope);
    EXPECT_EQ(r, 0);
  }
}
TEST(Engine, ThousandsOfOperations) { run_loop(many_nops); }

Task<void> one_nop(Loop& loop, Scope& scope, int* done) {
  const int r = co_await nop(loop, scope);
  EXPECT_EQ(r, 0);
  ++*done;
}
Task<void> nop_storm(Loop& loop, Scope& scope) {
  Nursery nursery(loop, &scope);
  int done = 0;
  for (int i = 0; i < 1000; ++i) nursery.start(one_nop(loop, nursery.scope(), &done));
  co_await nursery.join();
  EXPECT_EQ(done, 1000);
}
TEST(Engine, RingPressureLosesNoIntent) {
  run_loop(nop_storm, {.submission_entries = 2, .completion_entries = 4});
}

Task<void> echo(Loop& loop, Scope& scope) {
  Sockets pair;
  const std::string text = "hello";
  const int sent = co_await send_some(loop, scope, pair.fd[0], as_bytes(text));
  EXPECT_EQ(sent, 5);
  std::uint8_t got[16];
  const int n = co_await recv_some(loop, scope, pair.fd[1], got);
  EXPECT_EQ(n, 5);
  EXPECT_EQ(as_text(ByteSpan(got, 5)), text);
}
TEST(Io, SendAndReceive) { run_loop(echo); }

Task<void> deadline(Loop& loop, Scope& scope) {
  Sockets pair;
  std::uint8_t got[16];
  Scope inner(&scope);
  Deadline due(loop, inner, 20ms);
  const auto before = loop.now();
  int n = co_await recv_some(loop, inner, pair.fd[1], got);
  EXPECT_EQ(n, -ECANCELED);
  EXPECT_TRUE(due.fired());
  EXPECT_EQ(loop.now() - before, 20ms);
  EXPECT_EQ(inner.reason(), CancelReason::kDeadline);
  n = co_await recv_some(loop, inner, pair.fd[1], got);
  EXPECT_EQ(n, -ECANCELED) << "cancelled is sticky";
}
TEST(Deadline, EndsAnOperation) { run_manual(deadline); }

Task<void> blocked(Loop& loop, Scope& scope, int fd, int* done) {
  Scope mine(&scope);
  Deadline due(loop, mine, 60s);
  std::uint8_t got[8];
  const int n = co_await recv_some(loop, mine, fd, got);
  EXPECT_EQ(n, -ECANCELED);
  ++*done;
}
Task<void> shutdown_many(Loop& loop, Scope& scope) {
  Sockets pair;
  int done = 0;
  Nursery nursery(loop, &scope);
  for (int i = 0; i < 600; ++i) nursery.start(blocked(loop, nursery.scope(), pair.fd[1], &done));
  const bool slept = co_await Sleep(loop, scope, 5ms);
  EXPECT_TRUE(slept);
  nursery.scope().cancel(CancelReason::kShutdown);
  co_await nursery.join();
  EXPECT_EQ(done, 600);
}
TEST(Nursery, CancelEndsAndJoinsEveryChild) { run_manual(shutdown_many); }

Task<void> send_whole(Loop& loop, Scope& scope) {
  Sockets pair;
  const std::string head(1000, 'h');
  const std::string body(3'000'000, 'b');
  std::size_t got = 0;
  std::thread reader([&] {
    char piece[65536];
    ssize_t n = 0;
    while ((n = read(pair.fd[1], piece, sizeof piece)) > 0) got += static_cast<std::size_t>(n);
  });
  std::uint64_t told = 0;
  const SendProgress progress{.sent_bytes = &told};
  const int sent_all =
      co_await send_all(loop, scope, pair.fd[0], as_bytes(head), as_bytes(body), progress);
  EXPECT_EQ(sent_all, 0);
  EXPECT_EQ(told, head.size() + body.size());
  shutdown(pair.fd[0], SHUT_WR);
  reader.join();
  EXPECT_EQ(got, head.size() + body.size());
}
TEST(Io, SendAllSendsTwoPiecesWhole) { run_loop(send_whole); }

// Until it has unread bytes or has ended.
Task<void> read_some(StreamReader& reader, Scope& scope) {
  while (reader.unread().empty() && !reader.ended()) {
    const bool going_on = co_await reader.readable(scope);
    EXPECT_TRUE(going_on);
  }
}

Task<void> stream(Loop& loop, Scope& scope) {
  Sockets pair;
  StreamReader reader(loop, pair.fd[1]);
  Scope leave(&scope);
  write_text(pair.fd[0], "first ");
  EXPECT_EQ(reader.unread(), "first ") << "what is there needs no wait";
  reader.consume(2);
  reader.keep();
  EXPECT_EQ(reader.unread(), "rst ");
  reader.watch(leave);
  reader.consume(4);
  write_text(pair.fd[0], "second");
  co_await read_some(reader, scope);
  EXPECT_EQ(reader.unread(), "second");
  reader.keep();
  EXPECT_FALSE(leave.cancelled());
  pair.close_writer();
  while (!leave.cancelled()) {
    const bool slept = co_await Sleep(loop, scope, 1ms);
    EXPECT_TRUE(slept);
  }
  EXPECT_EQ(leave.reason(), CancelReason::kClientGone) << "whatever is unread";
  EXPECT_EQ(reader.unread(), "second");
  reader.consume(6);
  co_await read_some(reader, scope);
  EXPECT_TRUE(reader.ended());
  EXPECT_EQ(reader.error(), 0);
  co_await reader.stop();
}
TEST(StreamReader, GivesBytesAndSeesThePeerLeave) { run_manual(stream); }

Task<void> stream_whole(Loop& loop, Scope& scope) {
  Sockets pair;
  StreamReader reader(loop, pair.fd[1]);
  std::string text(200'000, 'x');
  std::thread writer([&] {
    write_text(pair.fd[0], text);
    pair.close_writer();
  });
  std::size_t got = 0;
  while (!reader.ended()) {
    co_await read_some(reader, scope);
    EXPECT_LE(reader.unread().size(), kReceiveBytesMax);
    got += reader.unread().size();
    reader.consume(reader.unread().size());
  }
  writer.join();
  EXPECT_EQ(got, text.size());
  EXPECT_EQ(reader.received_bytes(), text.size());
  co_await reader.stop();
}
TEST(StreamReader, ReadsPieceByPieceToTheEnd) { run_loop(stream_whole); }

// Two readers of a loop receive into the same room.
Task<void> two_streams(Loop& loop, Scope& scope) {
  Sockets one, other;
  StreamReader first(loop, one.fd[1]), second(loop, other.fd[1]);
  write_text(one.fd[0], "of the first");
  write_text(other.fd[0], "of the second");
  EXPECT_EQ(first.unread(), "of the first");
  first.consume(3);
  first.keep();
  EXPECT_EQ(second.unread(), "of the second");
  EXPECT_EQ(first.unread(), "the first");
  const bool going_on = co_await second.readable(scope);
  EXPECT_TRUE(going_on);
  EXPECT_EQ(second.unread(), "of the second");
  co_await first.stop();
  co_await second.stop();
}
TEST(StreamReader, KeepsWhatIsLeftOfALook) { run_manual(two_streams); }

// A connection that is answered at once and closed has had no operation of the engine.
Task<void> no_poll(Loop& loop, Scope& scope) {
  Sockets pair;
  StreamReader reader(loop, pair.fd[1]);
  write_text(pair.fd[0], "GET");
  EXPECT_EQ(reader.unread(), "GET");
  EXPECT_FALSE(reader.polled());
  reader.consume(3);
  Scope waiting(&scope);
  {
    Deadline due(loop, waiting, 5ms);
    const bool going_on = co_await reader.readable(waiting);
    EXPECT_FALSE(going_on) << "nothing came";
    EXPECT_TRUE(reader.polled());
  }
  write_text(pair.fd[0], "more");
  co_await read_some(reader, scope);
  EXPECT_EQ(reader.unread(), "more");
  EXPECT_FALSE(reader.polled()) << "its first wait polls once";
  reader.consume(4);
  const bool waits = co_await reader.readable(waiting);
  EXPECT_FALSE(waits);
  EXPECT_TRUE(reader.polled());
  write_text(pair.fd[0], "again");
  co_await read_some(reader, scope);
  EXPECT_TRUE(reader.polled()) << "later ones stay polled";
  co_await reader.stop();
}
TEST(StreamReader, PollsOnlyWhoWaits) { run_manual(no_poll); }

Task<void> held(Loop& loop, Scope& scope) {
  Sockets pair;
  StreamReader reader(loop, pair.fd[1]);
  EXPECT_EQ(reader.unread(), "");
  reader.hold(true);
  write_text(pair.fd[0], "bytes are no end");
  {
    Scope waiting(&scope);
    Deadline due(loop, waiting, 20ms);
    const bool changed = co_await reader.change(waiting);
    EXPECT_FALSE(changed);
    EXPECT_FALSE(reader.gone());
  }
  pair.close_writer();
  const bool changed = co_await reader.change(scope);
  EXPECT_TRUE(changed);
  EXPECT_TRUE(reader.gone());
  reader.hold(false);
  EXPECT_EQ(reader.unread(), "bytes are no end");
  co_await reader.stop();
}
TEST(StreamReader, HeldItSeesOnlyThatThePeerLeaves) { run_manual(held); }

// One packet at a time comes out of a packet socket, and several wait behind one change.
Task<void> packets(Loop& loop, Scope& scope) {
  int fds[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
  Fd writer(fds[0]), socket(fds[1]);
  StreamReader reader(loop, socket.get(), StreamReader::Kind::kPackets);
  EXPECT_EQ(reader.unread(), "");
  reader.hold(true);  // polled from here on
  for (const char* text : {"one", "two", "three"}) write_text(writer.get(), text);
  reader.hold(false);
  for (const char* text : {"one", "two", "three"}) {
    co_await read_some(reader, scope);
    EXPECT_EQ(reader.unread(), text);
    reader.consume(reader.unread().size());
  }
  co_await reader.stop();
}
TEST(StreamReader, ReadsPacketsOneByOne) { run_manual(packets); }

// A peer that has only stopped sending waits for its answer; one that is gone does not.
Task<void> closed_before(Loop& loop, Scope& scope) {
  for (const bool whole : {false, true}) {
    Sockets pair;
    StreamReader reader(loop, pair.fd[1]);
    write_text(pair.fd[0], "x");
    if (whole) {
      pair.close_writer();
    } else {
      shutdown(pair.fd[0], SHUT_WR);
    }
    EXPECT_EQ(reader.unread(), "x");
    reader.consume(1);
    Scope leave(&scope);
    reader.watch(leave);
    EXPECT_EQ(leave.cancelled(), whole);
    EXPECT_FALSE(reader.polled());
    const bool slept = co_await Sleep(loop, scope, 1ms);
    EXPECT_TRUE(slept);
    EXPECT_EQ(leave.cancelled(), whole);
    co_await reader.stop();
  }
}
TEST(StreamReader, AWatchTellsAHalfCloseThatWasThereFromAnEnd) { run_manual(closed_before); }

Task<void> waiter(Scope& scope, Event* event, int* got) {
  const bool notified = co_await event->wait(scope);
  *got = notified ? 1 : 2;
}
Task<void> events(Loop& loop, Scope& scope) {
  Event event(loop);
  int got = 0;
  {
    Nursery nursery(loop, &scope);
    nursery.start(waiter(nursery.scope(), &event, &got));
    const bool slept = co_await Sleep(loop, scope, 1ms);
    EXPECT_TRUE(slept);
    event.notify();
    co_await nursery.join();
    EXPECT_EQ(got, 1);
  }
  Nursery nursery(loop, &scope);
  nursery.start(waiter(nursery.scope(), &event, &got));
  const bool slept = co_await Sleep(loop, scope, 1ms);
  EXPECT_TRUE(slept);
  nursery.scope().cancel(CancelReason::kShutdown);
  co_await nursery.join();
  EXPECT_EQ(got, 2);
}
TEST(Event, WakesOrEndsWithItsScope) { run_manual(events); }

Task<void> notified_too_late(Loop& loop, Scope& scope) {
  Event event(loop);
  int got = 0;
  Nursery nursery(loop, &scope);
  nursery.start(waiter(nursery.scope(), &event, &got));
  const bool slept = co_await Sleep(loop, scope, 1ms);
  EXPECT_TRUE(slept);
  nursery.scope().cancel(CancelReason::kShutdown);
  event.notify();  // the waiter is to go on, and has not yet
  co_await nursery.join();
  EXPECT_EQ(got, 2);
  Scope soon(&scope);
  Deadline due(loop, soon, 1s);
  const bool notified = co_await event.wait(soon);
  EXPECT_TRUE(notified);
}
TEST(Event, ANotificationAfterTheCancelIsForTheNextWait) { run_manual(notified_too_late); }

Task<void> turns(Loop& loop, Scope& scope, test::ManualClock& clock) {
  std::vector<Clock::duration> worked;
  loop.set_turn_hook(
      [](void* all, Clock::duration one) noexcept {
        static_cast<std::vector<Clock::duration>*>(all)->push_back(one);
      },
      &worked);
  const bool slept = co_await Sleep(loop, scope, 50ms);
  EXPECT_TRUE(slept);
  clock.advance(20ms);  // the coroutine holds the loop for so long, as none should
  const bool again = co_await Sleep(loop, scope, 1ms);
  EXPECT_TRUE(again);
  loop.set_turn_hook(nullptr, nullptr);
  Clock::duration longest{}, sum{};
  for (const Clock::duration one : worked) {
    longest = std::max(longest, one);
    sum += one;
  }
  EXPECT_EQ(longest, 20ms);
  EXPECT_EQ(sum, 20ms) << "waiting is no work";
}
TEST(Loop, TellsHowLongItsTurnsWorked) { run_by_clock(turns); }

// Timers by the clock that the loop was given: in order, each at its own time, hours in no time.
Task<void> note_time(Loop& loop, Scope& scope, Clock::duration time,
                     std::vector<Clock::duration>* seen) {
  const auto start = loop.now();
  const bool slept = co_await Sleep(loop, scope, time);
  EXPECT_TRUE(slept);
  seen->push_back(loop.now() - start);
}
Task<void> long_times(Loop& loop, Scope& scope) {
  std::vector<Clock::duration> seen;
  const std::int64_t day = loop.unix_s();
  Nursery nursery(loop, &scope);
  for (const auto time : {Clock::duration(3h), Clock::duration(1ns), Clock::duration(2h)}) {
    nursery.start(note_time(loop, nursery.scope(), time, &seen));
  }
  co_await nursery.join();
  EXPECT_EQ(seen, (std::vector<Clock::duration>{1ns, 2h, 3h}));
  EXPECT_EQ(loop.unix_s() - day, 3 * 3600);
}
TEST(Loop, TakesItsTimeFromTheClockItWasGiven) { run_manual(long_times); }

// What the kernel has is before what the clock has.
Task<void> written_in_time(Loop& loop, Scope& scope) {
  for (int i = 0; i < 200; ++i) {
    Sockets pair;
    Scope timed(&scope);
    Deadline due(loop, timed, 1ns);
    std::uint8_t got[1];
    write_text(pair.fd[0], "x");
    const int n = co_await recv_some(loop, timed, pair.fd[1], got);
    EXPECT_EQ(n, 1);
  }
}
TEST(Loop, AManualClockWaitsForTheKernel) { run_manual(written_in_time); }

}  // namespace
}  // namespace imgring::loop
