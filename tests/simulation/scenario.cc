// The house, who visits it, and how it is closed.
#include "scenario.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "calls.h"
#include "client.h"
#include "imgring/config/load.h"
#include "imgring/server/core.h"
#include "imgring/url/request.h"
#include "names.h"
#include "render.h"
#include "simulated_engine.h"
#include "threads.h"

namespace imgring::simulation {

namespace {

constexpr int kLoops = 2;
constexpr std::uint64_t kRequestsMin = 200;
// Where one completion is wrong, and each of them in turn.
constexpr std::uint64_t kFewRequests = 12;
constexpr Time kFaultSlack = kSecond;    // what a completion that is held may cost, too
constexpr Time kArrivals = 3 * kSecond;  // all clients come within
// After the grace time: ended requests, jobs, the ring (server/serve.cc has the same).
constexpr Time kEndTime = 5 * kSecond;

// What this seed is like.
struct Weather {
  Weather(Random& random, bool few);
  bool few, calm;
  Chances chances;
  std::map<std::string, std::string> environment;
  int helpers, timeout_s, grace_s;
  std::uint64_t limit_bytes;
  int descriptors_max;
};

std::string number(std::int64_t value) { return std::to_string(value); }

Weather::Weather(Random& random, bool few_requests)
    : few(few_requests), calm(random.chance(0.125) || few) {
  if (!calm) {
    const auto some = [&](double most) {
      return random.chance(0.5) ? 0 : most * static_cast<double>(random.below(1000)) / 1000;
    };
    chances = {.refused_descriptor = some(0.02),
               .refused_accept = some(0.05),
               .short_transfer = some(0.3),
               .send_fails = some(0.01),
               .late_cancel = some(1.0),
               .watch_ends = some(0.2),
               .crowded_queue = some(0.5),
               .lost_answer = some(0.05),
               .broken_render = some(0.1)};
  } else {
    chances.late_cancel = 0.3;
  }
  helpers = static_cast<int>(random.between(1, 3));
  timeout_s = static_cast<int>(random.between(2, 4));
  grace_s = static_cast<int>(random.between(5, 8));
  const bool crowded = !calm && random.chance(0.2);
  constexpr std::uint64_t kMiB = 1 << 20;
  limit_bytes = (calm ? 2048 : 64 << random.below(4)) * kMiB;
  descriptors_max = !calm && random.chance(0.1) ? 40 : 4096;
  environment = {{"IMGPROXY_TIMEOUT", number(timeout_s)},
                 {"IMGPROXY_DOWNLOAD_TIMEOUT", number(timeout_s)},
                 {"IMGPROXY_READ_REQUEST_TIMEOUT", "2"},
                 {"IMGPROXY_WRITE_RESPONSE_TIMEOUT", "2"},
                 {"IMGPROXY_KEEP_ALIVE_TIMEOUT", number(random.between(0, 2))},
                 {"IMGPROXY_GRACEFUL_STOP_TIMEOUT", number(grace_s)},
                 {"IMGPROXY_WORKERS", number(helpers)},
                 {"IMGRING_LOOPS", number(kLoops)},
                 {"IMGPROXY_MAX_CLIENTS", number(crowded ? random.between(2, 12) : 2048)},
                 {"IMGPROXY_FREE_MEMORY_INTERVAL", number(random.between(1, 2))},
                 {"IMGPROXY_REQUESTS_QUEUE_SIZE", number(calm || random.chance(0.8) ? 0 : 3)}};
}

service::SnapshotPtr make_snapshot(const Weather& weather) {
  config::LoadReport report;
  auto config = config::load_config({.environment = weather.environment}, &report);
  if (!config) world->fail("its configuration is refused: " + report.errors.front());
  auto snapshot = std::make_shared<service::Snapshot>();
  snapshot->abilities = format::Abilities::all();
  auto rules = url::UrlRules::build(*config, nullptr);
  if (!rules) world->fail("its rules are refused");
  snapshot->rules = std::move(*rules);
  snapshot->config = std::move(*config);
  return snapshot;
}

std::unique_ptr<loop::Engine> make_engine(EngineKind) {
  return std::make_unique<SimulatedEngine>();
}

void nothing() noexcept {}

struct Running {
  Running(const Weather& weather, const Logger& log)
      : helpers(static_cast<unsigned>(weather.helpers), 300, {.collect = nothing}),
        process(log, helpers, weather.limit_bytes) {
    process.render = render;
  }
  loop::HelperPool helpers;
  server::Process process;
};

// The process, as server/serve.cc has it.
class Scenario {
 public:
  explicit Scenario(Weather weather) : weather_(std::move(weather)) {}
  void run();
  const House& house() const noexcept { return house_; }

 private:
  void open_listeners();
  void start_cores(server::Process& process);
  void add_clients(std::uint64_t requests, Time within);
  void plan_weather(server::Process& process);
  Client::Plan plan_client();
  void live(server::Process& process);
  void stop(server::Process& process);
  void check_process(server::Process& process);
  void check_end();
  bool all_ended(const server::Process& process) const;

  Weather weather_;
  House house_{};
  service::SnapshotPtr snapshot_;
  Logger log_{LogFormat::kStructured, LogLevel::kInfo, kLogDescriptor};
  std::uint32_t pictures_ = 0;
  bool left_jobs_ = false;
};

void Scenario::open_listeners() {
  for (int& fd : house_.listen_fds) fd = kernel->open(Node::Kind::kListener);
  // Also where no completion is wrong: up to the one that is, every run of a seed must be alike.
  house_.calm = weather_.calm && !weather_.few;
  house_.time_max = weather_.timeout_s * kSecond + (weather_.few ? kFaultSlack : 0);
}

void Scenario::start_cores(server::Process& process) {
  for (int i = 0; i < kLoops; ++i) {
    server::CoreStart start{.index = i,
                            .count = kLoops,
                            .listen_fd = house_.listen_fds[i],
                            .snapshot = snapshot_,
                            .make_engine = make_engine};
    process.cores.push_back(std::make_unique<server::Core>(process, std::move(start)));
  }
  for (const auto& core : process.cores) {
    if (!core->start()) world->fail("a core does not start");
  }
}

Client::Plan Scenario::plan_client() {
  Random& random = world->random();
  Client::Plan plan;
  plan.listener = static_cast<int>(random.below(kLoops));
  plan.conduct = random.chance(0.6)
                     ? Conduct::kPatient
                     : static_cast<Conduct>(random.below(static_cast<int>(Conduct::kEnd)));
  const std::uint64_t count = plan.conduct == Conduct::kSilent ? 0 : 1 + random.below(kWishesMost);
  const double bad = weather_.calm ? 0.1 : 0.25;
  for (std::uint64_t i = 0; i < count; ++i) {
    Wish wish;
    wish.facts.id = ++pictures_;
    wish.facts.width = static_cast<int>(random.between(1, 2000));
    wish.facts.height = static_cast<int>(random.between(1, 1500));
    const int good = static_cast<int>(Manner::kMoved) + 1, all = static_cast<int>(Manner::kEnd);
    wish.manner =
        static_cast<Manner>(random.chance(bad) ? random.between(good, all - 1)
                                               : random.below(static_cast<std::uint64_t>(good)));
    const auto most = random.chance(0.05) ? 1'000'000 : random.chance(0.2) ? 150'000 : 12'000;
    wish.size_bytes = static_cast<std::size_t>(random.between(kSourceBytesMin, most));
    plan.wishes.push_back(wish);
    plan.raw.push_back(random.chance(0.12));
  }
  return plan;
}

void Scenario::add_clients(std::uint64_t requests, Time within) {
  for (const std::uint64_t most = pictures_ + requests; pictures_ < most;) {
    auto client = std::make_shared<Client>(house_, plan_client());
    world->after(world->random().between(0, within), [client] { client->connect(); });
  }
}

// What happens to the process from outside.
void Scenario::plan_weather(server::Process& process) {
  Random& random = world->random();
  for (int i = 0; i < static_cast<int>(random.below(3)); ++i) {
    world->after(random.between(0, 4 * kSecond), [this, &process] {
      if (house_.stopping) return;
      world->trace("reload");
      const auto fresh = make_snapshot(weather_);
      for (const auto& core : process.cores) core->replace_snapshot(fresh);
    });
  }
  resident_bytes = 10 << 20;
  if (weather_.calm) return;
  for (int i = 0; i < static_cast<int>(random.below(3)); ++i) {
    world->after(random.between(0, 4 * kSecond), [] {
      Random& chance = world->random();
      world->freeze(chance.latency(10 * kMillisecond, 5 * kSecond));
      if (chance.chance(0.3)) world->set_clock_back(chance.between(-4000, 4000));
    });
  }
  for (int i = 0; i < static_cast<int>(random.below(3)); ++i) {
    const Time from = random.between(0, 4 * kSecond);
    const std::uint64_t percent = 80 + random.below(18);
    world->after(from, [this, percent] { resident_bytes = weather_.limit_bytes / 100 * percent; });
    world->after(from + random.between(kMillisecond, 700 * kMillisecond),
                 [] { resident_bytes = 10 << 20; });
  }
}

bool Scenario::all_ended(const server::Process& process) const {
  return std::ranges::all_of(process.cores, [](const auto& core) { return core->ended(); });
}

// Until the operator has it end: in the middle of everything, or when nobody is there any more.
void Scenario::live(server::Process& process) {
  Random& random = world->random();
  const bool early = !weather_.few && random.chance(0.4);
  constexpr Time kLook = 20 * kMillisecond;
  constexpr std::uint64_t kFewClients = 20, kMore = 30;
  if (weather_.few) {
    add_clients(kFewRequests, kSecond);
    world->sleep(kSecond);
  } else {
    add_clients(early ? kRequestsMin * 3 / 2 : kRequestsMin, kArrivals);
  }
  while (!weather_.few && house_.tally.asked < kRequestsMin) {
    world->sleep(kLook);
    if (house_.tally.here < kFewClients) add_clients(kMore, kArrivals / 10);
  }
  const Time rest = early ? random.between(0, kSecond) : 60 * kSecond;
  const Time until = world->now() + rest;
  while (world->now() < until && (house_.tally.here > 0 || early)) world->sleep(kLook);
  if (!early && house_.tally.here > 0) {
    world->fail("clients are not served, and not sent away:" + house_.tally.here_text());
  }
  if (!early) world->sleep(random.between(0, 4 * kSecond));
  if (random.chance(0.3)) {
    process.leaving.store(true);
    for (const auto& core : process.cores) core->request_leave();
    world->sleep(random.between(0, 2 * kSecond));
  }
}

void Scenario::stop(server::Process& process) {
  house_.stopping = true;
  world->trace("stop");
  for (const auto& core : process.cores) core->request_stop();
  const Time frozen = world->frozen();
  Time until = world->now() + weather_.grace_s * kSecond + kEndTime;
  if (world->random().chance(0.2)) {
    world->sleep(world->random().between(0, 2 * kSecond));
    world->trace("stop at once");
    for (const auto& core : process.cores) core->request_stop();
    until = world->now() + kEndTime;
  }
  while (!all_ended(process)) {
    world->sleep(20 * kMillisecond);
    if (world->now() > until + world->frozen() - frozen) world->fail("a core does not end");
  }
  for (const auto& core : process.cores) {
    core->join();
    left_jobs_ = left_jobs_ || core->left_jobs();
  }
}

void Scenario::check_process(server::Process& process) {
  const auto zero = [](std::string_view what, std::int64_t value) {
    if (value != 0) world->fail("at the end of all " + std::string(what) + " is " + number(value));
  };
  for (const mem::Part part :
       {mem::Part::kPlans, mem::Part::kDownloads, mem::Part::kHeads, mem::Part::kConnections}) {
    const auto left = static_cast<std::int64_t>(process.ledger.part(part).current());
    zero("the ledger's part of " + std::string(mem::facts_of(part).name), left);
  }
  const auto signed_of = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  zero("results", signed_of(process.ledger.results().current()));
  zero("the turn of large downloads", signed_of(process.ledger.large_downloads().current()));
  zero("sent downloads", signed_of(process.ledger.sent_downloads().current()));
  zero("bytes of patient jobs", signed_of(process.patient.current()));
  zero("who waits for downloads", process.ledger.download_waiters().load());
  zero("who waits for memory", process.memory_waiters.load());
  zero("jobs", process.jobs.load());
  zero("clients", process.clients.load());
  zero("crowded doors", process.crowded.load());
  for (const auto& coming : process.coming) zero("jobs to come", coming.load());
  for (const auto& core : process.cores) {
    zero("connections", signed_of(core->metrics().connections.value()));
    zero("requests", signed_of(core->metrics().requests_in_progress.value()));
    zero("pictures", signed_of(core->metrics().images_in_progress.value()));
    zero("who waits for memory", signed_of(core->metrics().memory_waiting.value()));
    zero("connections that are held", signed_of(core->metrics().connections_held.value()));
    zero("who waits at a door", signed_of(core->metrics().connections_waiting.value()));
  }
  if (process.helpers.queued() > 0) world->fail("a job is still in a queue");
}

void Scenario::check_end() {
  for (const int fd : house_.listen_fds) kernel->close(fd);
  world->sleep(30 * kSecond);  // what was on its way has arrived, who does not read has left
  if (house_.tally.here > 0) world->fail("connections have no end:" + house_.tally.here_text());
  if (kernel->open_count() > 0) {
    world->fail("descriptors are left open:" + kernel->open_text());
  }
}

void Scenario::run() {
  open_listeners();
  snapshot_ = make_snapshot(weather_);
  auto running = std::make_unique<Running>(weather_, log_);
  start_cores(running->process);
  plan_weather(running->process);
  live(running->process);
  stop(running->process);
  if (left_jobs_) {  // the process ends by _exit: nothing is given back any more
    world->trace("jobs are left");
    static_cast<void>(running.release());
    return;
  }
  check_process(running->process);
  running.reset();
  check_end();
}

}  // namespace

namespace {

Outcome run_world(std::uint64_t seed, bool verbose, bool few, CompletionFault fault) {
  World own({.seed = seed, .verbose = verbose, .note = few ? text_of(fault) : std::string()});
  world = &own;
  reset_threads();
  Weather weather(own.random(), few);
  Kernel own_kernel(weather.chances, weather.descriptors_max);
  own_kernel.set_fault(fault);
  kernel = &own_kernel;
  connect_sources(own_kernel);
  set_names();
  Scenario scenario(std::move(weather));
  const Time begin = own.now();
  const Fiber* main = own.start("main", [&] { scenario.run(); });
  own.run(main);
  const Tally& tally = scenario.house().tally;
  const Outcome out{.trace = own.trace_hash(),
                    .steps = own.steps(),
                    .asked = tally.asked,
                    .answered = tally.answered,
                    .good = tally.good,
                    .simulated_s = static_cast<double>(own.now() - begin) * 1e-9,
                    .completions = own_kernel.completions(),
                    .fault_done = own_kernel.fault_is_done()};
  kernel = nullptr;
  world = nullptr;
  return out;
}

}  // namespace

Outcome run_seed(std::uint64_t seed, bool verbose) { return run_world(seed, verbose, false, {}); }

Outcome run_few(std::uint64_t seed, bool verbose, CompletionFault fault) {
  return run_world(seed, verbose, true, fault);
}

}  // namespace imgring::simulation
