// The server's life: start, signals, end.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <ranges>
#include <thread>

#include "health_watch.h"
#include "imgring/base/check.h"
#include "imgring/base/fatal_signal.h"
#include "imgring/base/log_queue.h"
#include "imgring/image/decode_scratch.h"
#include "imgring/image/library.h"
#include "imgring/image/library_words.h"
#include "imgring/image/sandbox_kinds.h"
#include "imgring/image/self_test.h"
#include "imgring/loop/make_engine.h"
#include "imgring/mem/allocator.h"
#include "imgring/mem/own_memory.h"
#include "imgring/sandbox/children.h"
#include "imgring/server/core.h"
#include "imgring/server/listen.h"
#include "imgring/server/run.h"
#include "imgring/server/start.h"
#include "imgring/service/request_log.h"
#include "imgring/source/sources.h"
#include "keeper.h"

namespace imgring::server {

namespace {

constexpr std::size_t kHelperQueueSpare = 256;  // beside the jobs: releases, gzip

// A helper at one job for twice IMGPROXY_TIMEOUT is stuck (hardening.md 1), but not before twice
// the default one (a short limit makes no decoder faster), nor before many times what was planned.
constexpr std::chrono::seconds kStuckTimeMin(20);
// So many looks in a row, one a second: a process that was frozen goes on first.
constexpr int kStuckLooks = 5;
// A core that has not ended so long after its grace time waits for what the kernel never gives
// back, such as a file on a server that is gone.
constexpr std::chrono::seconds kEndTime(5);

std::unique_ptr<loop::Engine> make_engine(EngineKind kind) {
  auto engine = loop::make_engine({.kind = kind});
  if (engine) return std::move(*engine);
  write_last_words("imgring: " + engine.error().detail + "\n");
  std::_Exit(kExitNoUring);  // the probe before succeeded: locked memory ran out between the two
}

// An exception that nobody caught: its words, as check_failed's, wait for no reader.
[[noreturn]] void end_by_exception() noexcept {
  const std::exception_ptr thrown = std::current_exception();
  std::string words = "terminate called";
  try {
    if (thrown) std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    words.append(": ").append(e.what());
  } catch (...) {
    words += ": an exception of an unknown type";
  }
  write_last_words(words + "\n");
  std::abort();
}

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  return set;
}

void write_port_file(const config::Config& config, int port) {
  if (config.server.port_file.empty()) return;
  const std::string part = config.server.port_file + ".part";  // whole or not there
  std::FILE* file = std::fopen(part.c_str(), "we");
  if (file == nullptr) return;
  std::fprintf(file, "%d\n", port);
  std::fclose(file);
  std::rename(part.c_str(), config.server.port_file.c_str());
}

// What main keeps of the configuration: what is in force, and how all of it was set at the start.
struct InForce {
  SnapshotPtr snapshot;
  std::vector<config::OptionState> options;
};

void tell_status(const std::string& text) { notify_supervisor("STATUS=" + text); }

// What a supervisor is told when a reload begins (sd_notify(3)); READY=1 ends it.
void tell_reloading() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const std::int64_t us = std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
  notify_supervisor("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(us));
}
void tell_reloaded(const std::string& status) { notify_supervisor("READY=1\nSTATUS=" + status); }

void reload_failed(Process& process, const std::string& why) {
  process.reloads_failed.fetch_add(1);
  process.reload_failed.store(true);
  process.log.error("Reload failed: the configuration before stays in force", {{"error", why}});
  tell_reloaded("The last reload failed, the configuration before stays in force: " + why);
}

void reload(Process& process, InForce& now, char** environment) {
  tell_reloading();
  const LoadedConfig fresh = load_environment(environment);
  log_report(fresh.report, process.log);
  if (!fresh.config) {
    const auto& errors = fresh.report.errors;
    return reload_failed(process, errors.empty() ? "it can't be read" : errors.front());
  }
  Result<SnapshotPtr> next = reload_snapshot(*now.snapshot, *fresh.config, process.log);
  if (!next) return reload_failed(process, next.error().detail);
  now.snapshot = std::move(*next);
  for (const auto& core : process.cores) core->replace_snapshot(now.snapshot);
  process.reloads_good.fetch_add(1);
  process.reload_failed.store(false);
  process.reloaded_unix_s.store(std::time(nullptr));
  for (const std::string& name : config::changed_for_restart(now.options, fresh.report.options)) {
    process.log.warning(name +
                        " was changed and needs a restart to count: a reload reads keys, "
                        "salts, presets and source rules");
  }
  process.log.info("Reloaded keys, salts, presets and source rules");
  tell_reloaded("Serving, reloaded");
}

bool all_ended(const Process& process) {
  for (const auto& core : process.cores) {
    if (!core->ended()) return false;
  }
  return true;
}

// How often systemd wants to hear from us; zero: not at all (sd_watchdog_enabled(3)).
std::chrono::microseconds watchdog_interval() {
  const char* text = std::getenv("WATCHDOG_USEC");
  const auto limit = parse_int(text == nullptr ? "" : text);
  return std::chrono::microseconds(limit.value_or(0) / 4);
}

timespec wait_time(bool stopping) {
  constexpr std::chrono::milliseconds kEndPoll(20);
  constexpr std::chrono::seconds kQuiet(1);  // between two looks for stuck helpers
  const std::chrono::nanoseconds watchdog = watchdog_interval();
  std::chrono::nanoseconds wait = stopping ? std::chrono::nanoseconds(kEndPoll) : kQuiet;
  if (watchdog.count() > 0) wait = std::min(wait, watchdog);
  return {.tv_sec = wait.count() / 1'000'000'000, .tv_nsec = wait.count() % 1'000'000'000};
}

// The watchdog hears of us while every loop turns.
void feed_watchdog(const Process& process) {
  if (watchdog_interval().count() == 0) return;
  for (const auto& core : process.cores) {
    if (!core->beats() && !core->ended()) return;
  }
  notify_supervisor("WATCHDOG=1");
}

// What main remembers of its looks.
struct Looks {
  int stuck = 0;
  std::uint64_t failed_starts = 0;
  loop::Clock::time_point shortage_told{};
};

// Half of the helpers are, at every one of the last looks.
bool helpers_stuck(const Process& process, const config::Config& config, Looks& looks) {
  const std::chrono::seconds twice = 2 * std::chrono::seconds(config.server.timeout_s);
  const bool now = process.helpers.half_stuck(std::max(twice, kStuckTimeMin));
  looks.stuck = now ? looks.stuck + 1 : 0;
  if (looks.stuck < kStuckLooks) return false;
  process.log.critical(
      "Half of the helpers are at one picture for over twice IMGPROXY_TIMEOUT: "
      "the process drains and ends, to be started again");
  return true;
}

// Helpers that could not be started are tried again with later jobs, for as long as it takes.
void tell_of_missing_threads(const Process& process, Looks& looks) {
  constexpr std::chrono::minutes kTellEvery(1);
  const std::uint64_t failed = process.helpers.failed_starts();
  const auto now = loop::Clock::now();
  const bool told =
      looks.shortage_told != loop::Clock::time_point() && now - looks.shortage_told < kTellEvery;
  if (failed == looks.failed_starts || told) return;
  looks.failed_starts = failed;
  looks.shortage_told = now;
  process.log.error(
      "Helpers for pictures that take long can't be started, these get 503 while "
      "there is none: " +
      mem::thread_limits_text());
}

enum class End : std::uint8_t { kAsAsked, kStuck, kHung };

// Of a socket that was handed over, connections that are here get this long to have their next
// answer, which ends them; it is over when nobody is here any more. Who comes meanwhile waits in
// the kernel for whoever serves next.
constexpr std::chrono::seconds kHandOverTime(1);

// From the first signal on: still serving, then stopping.
class Farewell {
 public:
  Farewell(Process& process, const config::ServerConfig& config, bool handed_over)
      : process_(process), config_(config), handed_over_(handed_over) {}
  bool begun() const noexcept { return leaving_ || stopping_; }
  bool stopping() const noexcept { return stopping_; }
  // A core has not ended when it should have.
  bool hung() const noexcept { return loop::Clock::now() > end_; }

  // A signal, or helpers that are stuck, which nobody has to be served by any more.
  void ask(bool stuck) {
    const std::chrono::seconds delay(config_.drain_delay_s);
    const auto time = handed_over_ ? kHandOverTime : delay;
    if (begun() || stuck || time.count() == 0) return stop();
    leaving_ = true;
    until_ = loop::Clock::now() + time;
    process_.leaving.store(true);
    const std::string words = handed_over_ ? "Leaving: who comes now waits for the next process"
                                           : "Leaving: /ready says 503, requests are served for " +
                                                 std::to_string(time.count()) + " s more";
    process_.log.info(words);
    tell_status(words);
    for (const auto& core : process_.cores) core->request_leave();
  }
  void look() {
    if (!leaving_ || stopping_) return;
    const bool doors_left = process_.doors_left.load() == static_cast<int>(process_.cores.size());
    const bool nobody = doors_left && process_.clients.load() == 0;
    if (nobody || loop::Clock::now() >= until_) stop();
  }

 private:
  void stop() {
    process_.log.info(stopping_ ? "Stopping at once" : "Stopping");
    notify_supervisor("STOPPING=1");
    const std::chrono::seconds grace(config_.graceful_stop_timeout_s);
    end_ = loop::Clock::now() + kEndTime + (stopping_ ? std::chrono::seconds(0) : grace);
    stopping_ = true;
    for (const auto& core : process_.cores) core->request_stop();
  }

  Process& process_;
  const config::ServerConfig& config_;
  const bool handed_over_;
  bool leaving_ = false, stopping_ = false;
  loop::Clock::time_point until_{}, end_ = loop::Clock::time_point::max();
};

// Waits for signals until every core has ended, or does not (kHung).
End supervise(Process& process, const Start& start, char** environment, HealthWatch& health) {
  const sigset_t signals = handled_signals();
  InForce now{start.snapshot, start.options};
  Farewell farewell(process, start.snapshot->config.server, start.sockets.main.handed_over);
  bool stuck = false;
  Looks looks;
  while (!farewell.stopping() || !all_ended(process)) {
    const timespec wait = wait_time(farewell.begun());
    const int signal = sigtimedwait(&signals, nullptr, &wait);
    feed_watchdog(process);
    look_after_health(health, process);
    tell_of_missing_threads(process, looks);
    if (farewell.hung()) {
      process.log.error("A core waits for a file or a socket that the kernel does not give back");
      return End::kHung;
    }
    if (signal == SIGHUP && !farewell.begun()) reload(process, now, environment);
    const bool asked = signal == SIGINT || signal == SIGTERM;
    if (!asked && !farewell.begun()) stuck = helpers_stuck(process, now.snapshot->config, looks);
    if (asked || (stuck && !farewell.begun())) farewell.ask(stuck);
    farewell.look();
  }
  return stuck ? End::kStuck : End::kAsAsked;
}

// A limit that leaves no room is heard of before the first 503.
void warn_of_memory(const Process& process) {
  constexpr std::uint64_t kRoomPercent = 70;
  constexpr std::int64_t kMiB = 1 << 20;
  const auto own = mem::own_memory();
  const std::uint64_t limit = process.memory.limit_bytes();
  if (!own || own->rss_bytes <= limit / 100 * kRoomPercent) return;
  process.log.warning(
      "The memory limit leaves little beside the process at rest: many requests "
      "will get 503; raise it (128 MiB serve two helpers)",
      {{"limit_mib", static_cast<std::int64_t>(limit) / kMiB},
       {"rss_mib", static_cast<std::int64_t>(own->rss_bytes) / kMiB}});
}

// Of the memory limit, what may lie idle between two large decodes: under 288 MiB it is less than
// the coefficients of a 12 megapixel photo, and they are given back after each.
constexpr std::uint64_t kScratchPart = 8;

// False: the system has no thread for one of them; those before it have ended again.
bool start_cores(const Process& process) {
  const auto& cores = process.cores;
  const auto failed = std::ranges::find_if(cores, [](const auto& core) { return !core->start(); });
  if (failed == cores.end()) return true;
  const auto started = std::ranges::subrange(cores.begin(), failed);
  for (const auto& core : started) core->request_stop();
  for (const auto& core : started) {
    while (!core->ended()) std::this_thread::yield();
  }
  for (const auto& core : started) core->join();
  return false;
}

int no_threads(const Logger& log, const Plan& plan) {
  log.critical("No thread could be started for each of " + std::to_string(plan.loops) +
               " loops (IMGRING_LOOPS) and " + std::to_string(plan.helpers) +
               " helpers (IMGPROXY_WORKERS): " + mem::thread_limits_text());
  return kExitUnclean;
}

// Without the ends of threads and objects, but with what they have said.
[[noreturn]] void leave(const Logger& log) {
  log.flush();
  _exit(kExitUnclean);
}

loop::HelperHooks helper_hooks() {
  return {.start = image::start_thread,
          .after_job =
              []() noexcept {
                image::job_finished();
                mem::take_back_freed();
              },
          .collect = []() noexcept { mem::collect(mem::Collect::kHelper); },
          .thread_end = image::thread_finished};
}

std::size_t helper_queue(const config::Config& config, const Plan& plan) {
  const int jobs_max =
      std::max(kJobsMax, job_limit(config.server.requests_queue_size, plan.helpers));
  return static_cast<std::size_t>(jobs_max) + kHelperQueueSpare;
}

sandbox::ChildrenOptions children_options(const config::Config& config, const Plan& plan,
                                          Process& process) {
  sandbox::ChildrenOptions apart;
  apart.warm_max = static_cast<unsigned>(plan.helpers * loop::kLaneCount);
  apart.children_max = 2 * apart.warm_max;  // a source and its watermark
  apart.time_max = std::chrono::seconds(config.server.timeout_s + 1);
  apart.idle_budget = &process.ledger.part(mem::Part::kConnections);
  apart.log = &process.log;
  return apart;
}

// What all cores share, in the order of its making.
struct House {
  House(const config::Config& config, const Plan& plan, const Logger& log)
      : helpers(static_cast<unsigned>(plan.helpers), helper_queue(config, plan), helper_hooks()),
        process(log, helpers, mem::memory_limit(config.memory.limit_mib).bytes),
        children(children_options(config, plan, process)),
        scratch(process.memory.limit_bytes() / kScratchPart,
                {.budget = &process.plans(), .waiters = &process.memory_waiters}) {
    process.children = &children;
    process.memory.count_too([this] { return children.numbers().anon_bytes; });
    process.scratch = &scratch;
  }
  loop::HelperPool helpers;
  Process process;
  sandbox::Children children;
  image::DecodeScratch scratch;
};

void make_cores(Process& process, const Start& start) {
  for (int i = 0; i < start.plan.loops; ++i) {
    CoreStart one{.index = i,
                  .count = start.plan.loops,
                  .snapshot = start.snapshot,
                  .make_engine = make_engine};
    one.handed_over = start.sockets.main.handed_over;
    one.listen_fd = start.sockets.main.fds[static_cast<std::size_t>(i)].get();
    if (i == 0 && !start.sockets.metrics.fds.empty()) {
      one.metrics_handed_over = start.sockets.metrics.handed_over;
      one.metrics_fd = start.sockets.metrics.fds[0].get();
    }
    process.cores.push_back(std::make_unique<Core>(process, std::move(one)));
  }
}

void say_ready(Process& process, const Start& start) {
  const Listeners& main = start.sockets.main;
  process.reloaded_unix_s.store(std::time(nullptr));
  write_port_file(start.snapshot->config, main.port);
  process.log.info("imgring " IMGRING_VERSION " listens on " + main.address,
                   {{"port", std::int64_t{main.port}},
                    {"engine", std::string(engine_name(start.snapshot->config.server.engine))},
                    {"metrics", start.sockets.metrics.address},
                    {"loops", std::int64_t{start.plan.loops}},
                    {"workers", std::int64_t{start.plan.helpers}},
                    {"allocator", mem::allocator_name()}});
  warn_of_memory(process);
  if (process.helpers.nice_refused()) {
    process.log.debug("Helpers run at the loops' priority: setpriority is refused");
  }
  notify_supervisor("READY=1\nSTATUS=Serving at " + main.address);
}

// Threads come home, or are left behind where they can't.
int end_cores(const Process& process, HealthWatch& health, End end) {
  const Logger& log = process.log;
  if (end == End::kHung) leave(log);
  bool left = false;
  for (const auto& core : process.cores) {
    core->join();
    left = left || core->left_jobs();
  }
  if (left) {
    log.error("Jobs were still running when the grace time was over");
    leave(log);  // their threads can't be joined
  }
  if (!health.stop()) leave(log);  // nor can its
  return end == End::kAsAsked ? kExitOk : kExitUnclean;
}

// IMGRING_SANDBOX_REQUIRED: a child of each kind, before anybody is let in.
Result<void> try_children(sandbox::Children& children, const config::Config& config) {
  static const StopFlag kNever;
  for (const sandbox::Kind* kind : image::sandbox_kinds()) {
    const bool used = !kind->dispensable || config.processing.sandbox != config::Sandbox::kSvg;
    if (used) IMGRING_TRY_VOID(children.begin(*kind, {}, kNever));
  }
  return {};
}

int run_cores(Start& start, const Logger& log, char** environment) {
  // One certificate store for all cores; without one every https source fails with its own text.
  auto trust = net::TrustStore::load();
  if (!trust) log.warning("No system certificates: " + trust.error().detail);
  House house(start.snapshot->config, start.plan, log);
  Process& process = house.process;
  if (!house.helpers.complete()) return no_threads(log, start.plan);
  if (start.snapshot->config.processing.sandbox_required) {
    const auto tried = try_children(house.children, start.snapshot->config);
    if (!tried) {
      log.critical("IMGRING_SANDBOX_REQUIRED: " + tried.error().detail);
      return kExitConfig;
    }
  }
  if (trust) process.trust = std::move(*trust);
  make_cores(process, start);
  const std::uint64_t unmapped_bytes = mem::unmap_start_pages();
  log.debug("Pages that only the start needed are unmapped",
            {{"bytes", static_cast<std::int64_t>(unmapped_bytes)}});
  if (!start_cores(process)) return no_threads(log, start.plan);
  HealthWatch health({.test = image::self_test, .start = image::start_thread});
  say_ready(process, start);
  const End end = supervise(process, start, environment, health);
  log_summed(process, loop::Clock::time_point::max());
  start.sockets.main.unix_file.remove();
  return end_cores(process, health, end);
}

}  // namespace

int serve(char** environment) {
  std::set_terminate(end_by_exception);
  LoadedConfig loaded = load_environment(environment);
  LogQueue queue(
      {.fd = STDOUT_FILENO, .format = loaded.log_format, .priorities = is_journal(STDOUT_FILENO)});
  tell_of_fatal_signals();
  const SignalStack signal_stack;
  const Logger log(loaded.log_format, loaded.log_level, queue);
  log_report(loaded.report, log);
  if (!loaded.config) return kExitConfig;
  const sigset_t signals = handled_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any other thread: they inherit it
  const image::LibraryWords words(log);
  Findings found;
  Start start = make_start(std::move(*loaded.config), Listening::kForGood, found);
  for (const std::string& text : found.warnings) log.warning(text);
  for (const Problem& problem : found.problems) log.critical(problem.text);
  if (!found.problems.empty()) return status_of(found.problems);
  start.options = std::move(loaded.report.options);
  const int status = run_cores(start, log, environment);
  start.snapshot.reset();
  image::shutdown_vips();
  log.info("Stopped");
  return status;
}

}  // namespace imgring::server
