// A core's thread: builds its parts, accepts connections, drains and ends.
#include "imgring/server/core.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "front_door.h"
#include "imgring/base/fatal_signal.h"
#include "imgring/image/decode_scratch.h"
#include "imgring/mem/allocator.h"
#include "imgring/service/memory_gate.h"
#include "imgring/service/request_log.h"
#include "imgring/service/services.h"
#include "imgring/service/slow_readers.h"
#include "imgring/source/sources.h"
#include "keeper.h"
#include "metrics_page.h"
#include "plain_routes.h"
#include "request_handler.h"

namespace imgring::server {

namespace {

using loop::CancelReason;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kAcceptRetry(100);  // out of descriptors or of kernel memory: look again
constexpr seconds kAcceptLogEvery(1);
// A scraper has one connection or two; what is beyond is closed.
constexpr int kMetricsClientsMax = 64;
constexpr milliseconds kMemoryLook(50);  // memory is short: is it still?
constexpr seconds kLeaveTime(1);         // ended requests and the ring's last completions

std::uint64_t descriptors_max() noexcept {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

std::size_t line_of(const CoreStart& start, const Process& process) noexcept {
  const auto count = static_cast<std::uint64_t>(start.count);
  const std::uint64_t paid = mem::waiting_clients_max(process.ledger.limit_bytes()) / count;
  const std::size_t open =
      line_max(descriptors_max(), start.snapshot->config.server.max_clients, start.count);
  return std::clamp<std::size_t>(paid, kLineMin, open);
}

// Of the ledger's part that a pool's buffers are of, what may lie idle in all loops.
constexpr std::uint64_t kIdleDownloadsPart = 4, kIdleGzipPart = 16;

mem::PoolOptions pool_options(mem::PoolUse use, std::int64_t size_bytes, const CoreStart& start,
                              Process& process) {
  mem::PoolOptions options;
  const bool downloads = use == mem::PoolUse::kDownload;
  options.budget = downloads ? &process.ledger.part(mem::Part::kDownloads) : &process.plans();
  options.waiters = downloads ? &process.ledger.download_waiters() : &process.memory_waiters;
  options.kept_bytes_max = static_cast<std::size_t>(
      options.budget->max() / (downloads ? kIdleDownloadsPart : kIdleGzipPart) /
      static_cast<std::uint64_t>(start.count));
  options.use = use;
  options.configured_size_bytes = static_cast<std::size_t>(size_bytes);
  options.calibration_threshold =
      static_cast<std::uint32_t>(start.snapshot->config.memory.buffer_pool_calibration_threshold);
  options.idle_limit =
      mem::idle_limit_for(static_cast<int>(process.helpers.threads()), start.count);
  options.loop_index = start.index;
  return options;
}

// Of the entries that all cores keep, one's.
std::size_t share_of(const CoreStart& start, int all) noexcept {
  return static_cast<std::size_t>((all + start.count - 1) / start.count);
}

}  // namespace

// Everything of the core, on its own thread, in the order of its making.
struct Core::Parts final : FrontDoor::House {
  Parts(Core& c, std::unique_ptr<loop::Engine> engine)
      : core(c), start(c.start_), config(start.snapshot->config), loop(std::move(engine)),
        downloads(pool_options(mem::PoolUse::kDownload, config.memory.download_buffer_size_bytes,
                               start, c.process_)),
        gzip(pool_options(mem::PoolUse::kGzip, config.memory.gzip_buffer_size_bytes, start,
                          c.process_)),
        jobs(loop), requests(nullptr), idle(&requests), keepers(&requests),
        sources(source::SourcesContext{.loop = loop,
                                       .config = config,
                                       .downloads = downloads,
                                       .ledger = c.process_.ledger,
                                       .source_allowed =
                                           [this](std::string_view url) {
                                             return services.snapshot->rules->source_allowed(url);
                                           },
                                       .loops = start.count,
                                       .trust = c.process_.trust}),
        memory(loop, c.process_, &gzip), readers(loop),
        watermarks(share_of(start, config.processing.watermarks_cache_size),
                   c.process_.ledger.cached_pictures()),
        fallbacks(share_of(start, config.processing.fallback_images_cache_size),
                  c.process_.ledger.cached_pictures()),
        services{loop,    c.process_, sources,   jobs,       gzip,          memory,
                 readers, watermarks, fallbacks, c.metrics_, start.snapshot},
        handler(services, c.process_, memory_short), health_handler(services, c.process_),
        metrics_handler(services, c.process_), context(loop, requests, idle),
        connections(loop, nullptr), stop(loop), memory_short(loop),
        door(loop, config.server, c.metrics_, *this,
             {.listen_fd = start.listen_fd,
              .line_max = line_of(start, c.process_),
              .clients = c.process_.clients,
              .crowded = c.process_.crowded,
              .log = c.process_.log,
              .memory = &c.process_.ledger.part(mem::Part::kConnections)}),
        metrics_acceptor(loop, start.metrics_fd, on_metrics_accept, this),
        spare(open("/dev/null", O_RDONLY | O_CLOEXEC)) {
    loop.set_turn_hook(
        [](void* metrics, loop::Clock::duration worked) noexcept {
          static_cast<observe::CoreMetrics*>(metrics)->turn_duration.observe(worked);
        },
        &c.metrics_);
    context.held_now = &c.metrics_.connections_held;
    context.held_total = &c.metrics_.holds;
    context.crowded = &c.process_.crowded;
    context.heads = &c.process_.ledger.part(mem::Part::kHeads);
    if (config.server.network == config::Network::kUnixPacket) {
      context.sockets = loop::StreamReader::Kind::kPackets;
    }
    context.server_name = config.server.server_name;
    context.read_request_timeout_s = config.server.read_request_timeout_s;
    context.write_response_timeout_s = config.server.write_response_timeout_s;
    context.keep_alive_timeout_s = config.server.keep_alive_timeout_s;
  }

  loop::Task<void> root();
  loop::Task<void> beat(loop::Scope& scope);
  loop::Task<void> leave();
  loop::Task<void> drain();
  void serve(loop::Fd client) noexcept override;
  void hear(loop::Fd prober) noexcept override;
  void accept_failed(int error) noexcept override { accept_failed_on(start.listen_fd, error); }
  loop::Task<void> connection(loop::Fd socket);
  loop::Task<void> health_connection(loop::Fd socket);
  loop::Task<void> metrics_connection(loop::Fd socket);
  loop::Task<void> retry_accept();
  void accept_failed_on(int listen_fd, int error);
  bool release_process_memory();
  loop::Task<void> guard_memory(loop::Scope& scope);
  static void on_metrics_accept(void* me, int fd) noexcept;

  Core& core;
  const CoreStart& start;
  const config::Config& config;  // of the start; sockets and pools do not change with a reload
  loop::Loop loop;
  mem::BufferPool downloads, gzip;
  loop::JobRegistry jobs;
  loop::Scope requests, idle, keepers;
  source::Sources sources;
  service::MemoryGate memory;
  service::SlowReaders readers;
  service::FetchedCache watermarks, fallbacks;
  service::Services services;
  RequestHandler handler;
  HealthHandler health_handler;
  MetricsHandler metrics_handler;
  http::ServerContext context;
  loop::Nursery connections;
  loop::Event stop, memory_short;
  FrontDoor door;
  loop::Acceptor metrics_acceptor;
  int metrics_clients = 0;
  loop::Fd spare;  // given up for a moment when descriptors run out
  bool retrying = false;
  loop::Clock::time_point accept_logged{};
  int stops = 0;
  loop::Scope leaving;  // of the wait for jobs whose clients have left
  bool waits_for_jobs = false;
};

Core::Core(Process& process, CoreStart start) : process_(process), start_(std::move(start)) {}
Core::~Core() { IMGRING_CHECK(!thread_.joinable()); }

bool Core::start() {
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    return false;
  }
  const std::string name = "loop-" + std::to_string(start_.index);
  pthread_setname_np(thread_.native_handle(), name.c_str());
  while (parts_.load(std::memory_order_acquire) == nullptr) std::this_thread::yield();
  return true;
}

bool Core::wants_clients() const noexcept {
  const Parts* parts = parts_.load();
  return parts != nullptr && parts->door.wanting();
}

bool Core::beats() const noexcept {
  const loop::Clock::duration beat(beat_ns_.load(std::memory_order_relaxed));
  return loop::Clock::now().time_since_epoch() - beat < kBeatTime;
}

void Core::join() {
  released_.store(true);
  released_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Core::run() {
  const SignalStack signal_stack;
  auto parts =
      std::make_unique<Parts>(*this, start_.make_engine(start_.snapshot->config.server.engine));
  downloads_view_.store(&parts->downloads);
  gzip_view_.store(&parts->gzip);
  parts_.store(parts.get(), std::memory_order_release);
  parts->loop.run(parts->root());
  ended_.store(true);
  // Others may look at the pools and post messages until the last core has ended.
  released_.wait(false);
  parts->loop.deliver_remote();
  // Jobs that are left still point into it: the process leaves by _exit (decision 1).
  if (left_jobs_.load()) static_cast<void>(parts.release());
}

namespace {

// A message for a core: runs `action` on its loop.
template <class F>
class Message final : public loop::RemoteTask {
 public:
  explicit Message(F action) : action_(std::move(action)) {}

 private:
  void arrive() noexcept override {
    action_();
    delete this;
  }
  F action_;
};

template <class F>
void send_message(loop::Loop& loop, F action) {
  loop.post_remote(new Message<F>(std::move(action)));
}

}  // namespace

void Core::request_stop() {
  Parts* parts = parts_.load();
  send_message(parts->loop, [parts] {
    if (++parts->stops > 1) {
      parts->requests.cancel(CancelReason::kShutdown);
      if (parts->waits_for_jobs) parts->leaving.cancel(CancelReason::kShutdown);
    }
    parts->stop.notify();
  });
}

void Core::request_leave() {
  Parts* parts = parts_.load();
  send_message(parts->loop, [parts] {
    parts->context.draining = true;
    if (parts->start.handed_over) parts->stop.notify();
  });
}

void Core::client_left() {
  Parts* parts = parts_.load();
  send_message(parts->loop, [parts] {
    if (parts->stops == 0) parts->door.client_left();
  });
}

void Core::replace_snapshot(SnapshotPtr snapshot) {
  Parts* parts = parts_.load();
  send_message(parts->loop, [parts, snapshot = std::move(snapshot)]() mutable {
    parts->services.snapshot = std::move(snapshot);
  });
}

// What belongs to no core: whichever is short of memory asks for it. False: another core just did.
bool Core::Parts::release_process_memory() {
  if (!core.process_.memory.may_release()) return false;
  core.process_.helpers.request_collect();
  image::DecodeScratch* scratch = core.process_.scratch;
  if (scratch != nullptr) scratch->release_unused(loop.now());
  return true;
}

// From 85 % of the memory limit until there is room again: nobody new is let in, idle buffers and
// children go, every heap is collected.
loop::Task<void> Core::Parts::guard_memory(loop::Scope& scope) {
  loop::Nursery releases(loop, &scope);
  bool releasing = false;
  bool going_on = co_await memory_short.wait(scope);
  while (going_on) {
    if (core.process_.memory.look() != service::MemoryLevel::kFine) {
      door.hold(FrontDoor::Hold::kMemory);
      downloads.drop_idle();
      gzip.drop_idle();
      watermarks.clear();
      fallbacks.clear();
      mem::collect(mem::Collect::kForced);
      if (release_process_memory() && !releasing) {
        releases.start(release_on_helper(services, releases.scope(), loop.now(), releasing));
      }
      going_on = co_await loop::Sleep(loop, scope, kMemoryLook);
    } else {
      door.let_go(FrontDoor::Hold::kMemory);
      going_on = co_await memory_short.wait(scope);
    }
  }
  co_await releases.join();
}

void Core::Parts::serve(loop::Fd client) noexcept {
  if (core.process_.memory.look() != service::MemoryLevel::kFine) memory_short.notify();
  connections.start(connection(std::move(client)));
}

void Core::Parts::hear(loop::Fd prober) noexcept {
  connections.start(health_connection(std::move(prober)));
}

// A lasting error would come back at once: both listeners rest before the next try. The kernel
// takes the descriptor before it looks for a client, so the listener may have none.
void Core::Parts::accept_failed_on(int listen_fd, int error) {
  if (error == ECONNABORTED) return;    // the peer left before we came
  if (core.process_.draining.load()) {  // another core has shut a socket that all share
    door.hold(FrontDoor::Hold::kStopping);
    metrics_acceptor.pause();
    return;
  }
  const bool no_descriptor = error == EMFILE || error == ENFILE;
  if (no_descriptor) {  // turn one client away instead of letting all of them wait
    spare.reset();
    const int turned_away = accept4(listen_fd, nullptr, nullptr, SOCK_CLOEXEC);
    if (turned_away >= 0) close(turned_away);
    spare = loop::Fd(open("/dev/null", O_RDONLY | O_CLOEXEC));
  }
  if (retrying || stops > 0) return;
  retrying = true;
  const auto now = loop.now();
  if (now - accept_logged >= kAcceptLogEvery) {
    accept_logged = now;
    core.process_.log.error(no_descriptor
                                ? "Out of file descriptors: connections are turned away; raise "
                                  "LimitNOFILE"
                                : std::string("Accepting fails: ") + std::strerror(error));
  }
  door.hold(FrontDoor::Hold::kDescriptors);
  metrics_acceptor.pause();
  connections.start(retry_accept());
}

loop::Task<void> Core::Parts::retry_accept() {
  const bool slept = co_await loop::Sleep(loop, idle, kAcceptRetry);
  retrying = false;
  if (!slept) co_return;
  door.let_go(FrontDoor::Hold::kDescriptors);
  if (start.metrics_fd >= 0 && stops == 0) metrics_acceptor.start();
}

loop::Task<void> Core::Parts::connection(loop::Fd socket) {
  core.metrics_.connections.add();
  co_await http::serve_connection(context, handler, std::move(socket));
  core.metrics_.connections.sub();
  core.process_.clients.fetch_sub(1);
  core.process_.ledger.part(mem::Part::kConnections).release(mem::kClientBytes);
  for (const auto& other : core.process_.cores) {
    if (other->wants_clients()) other->client_left();
  }
}

// One that was let in for health alone.
loop::Task<void> Core::Parts::health_connection(loop::Fd socket) {
  co_await http::serve_connection(context, health_handler, std::move(socket));
  door.heard();
}

void Core::Parts::on_metrics_accept(void* me, int fd) noexcept {
  auto* parts = static_cast<Parts*>(me);
  if (fd < 0) {
    parts->accept_failed_on(parts->start.metrics_fd, -fd);
    return;
  }
  loop::Fd socket(fd);
  if (parts->metrics_clients == kMetricsClientsMax) return;
  ++parts->metrics_clients;
  parts->connections.start(parts->metrics_connection(std::move(socket)));
}

loop::Task<void> Core::Parts::metrics_connection(loop::Fd socket) {
  co_await http::serve_connection(context, metrics_handler, std::move(socket));
  --metrics_clients;
}

// Whom nobody takes any more the next process takes.
loop::Task<void> Core::Parts::leave() {
  co_await door.leave();
  core.process_.doors_left.fetch_add(1);
}

// Stops accepting, lets running requests finish until the grace time, then ends them.
loop::Task<void> Core::Parts::drain() {
  core.process_.draining.store(true);
  context.draining = true;
  loop::Scope closing;
  metrics_acceptor.pause();
  co_await door.close();
  co_await metrics_acceptor.drained(closing);
  // New clients are refused from here on: the descriptors stay open until the process ends.
  if (!start.handed_over) shutdown(start.listen_fd, SHUT_RDWR);
  if (start.metrics_fd >= 0 && !start.metrics_handed_over) shutdown(start.metrics_fd, SHUT_RDWR);
  idle.cancel(CancelReason::kShutdown);
  const seconds grace(config.server.graceful_stop_timeout_s);
  const auto until = loop.now() + grace;
  {
    loop::Deadline due(loop, requests, grace, CancelReason::kShutdown);
    co_await connections.join();
  }
  requests.cancel(CancelReason::kShutdown);
  co_await sources.close();
  // Jobs whose clients have left may still be at it: the grace time is theirs too.
  const auto left = stops > 1 ? loop::Clock::duration::zero() : until - loop.now();
  loop::Deadline due(loop, leaving, std::max<loop::Clock::duration>(left, kLeaveTime));
  waits_for_jobs = true;
  const bool empty = co_await jobs.drained(leaving);
  if (!empty) core.left_jobs_.store(true);
}

loop::Task<void> Core::Parts::beat(loop::Scope& scope) {
  bool going_on = true;
  while (going_on) {
    core.beat_ns_.store(loop.now().time_since_epoch().count(), std::memory_order_relaxed);
    if (start.index == 0) service::log_summed(core.process_, loop.now());
    going_on = co_await loop::Sleep(loop, scope, kBeatTime / 3);
  }
}

loop::Task<void> Core::Parts::root() {
  loop::Nursery background(loop, &keepers);
  KeeperParts keeping{.services = services,
                      .downloads = downloads,
                      .sources = sources,
                      .index = start.index,
                      .count = start.count};
  background.start(keep_memory(background.scope(), keeping));
  background.start(beat(background.scope()));
  background.start(guard_memory(background.scope()));
  background.start(readers.watch(background.scope(), core.process_));
  background.start(door.keep(background.scope()));
  if (start.metrics_fd >= 0) metrics_acceptor.start();
  loop::Scope always;
  co_await stop.wait(always);
  if (stops == 0) co_await leave();
  while (stops == 0) co_await stop.wait(always);
  background.scope().cancel(CancelReason::kShutdown);
  co_await background.join();
  co_await drain();
}

}  // namespace imgring::server
