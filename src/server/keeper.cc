// Ticks: memory release and the health self-test.
#include "keeper.h"

#include "imgring/image/self_test.h"
#include "imgring/image/vips_memory.h"
#include "imgring/mem/allocator.h"

namespace imgring::server {

namespace {

constexpr std::chrono::seconds kSelfTestEvery(5);
constexpr std::chrono::seconds kSelfTestTime(5);  // as imgproxy's health check

constexpr double kMiB = 1 << 20;

void log_memory(const KeeperParts& parts) {
  const Logger& log = parts.services.process.log;
  if (!log.enabled(LogLevel::kDebug)) return;
  const auto own = mem::own_memory();
  const auto allocator = mem::allocator_stats();
  const auto vips = image::vips_memory();
  const auto mib = [](std::uint64_t bytes) { return static_cast<double>(bytes) / kMiB; };
  const auto& pool = parts.downloads.stats();
  log.debug("Memory", {{"core", std::int64_t{parts.index}},
                       {"rss_mib", own ? mib(own->rss_bytes) : 0.0},
                       {"rss_anon_mib", own ? mib(own->rss_anon_bytes) : 0.0},
                       {"committed_mib", mib(allocator.committed_bytes)},
                       {"pool_idle_mib", mib(pool.idle_bytes.value())},
                       {"pool_in_use_mib", mib(pool.in_use_bytes.value())},
                       {"vips_mib", mib(vips.used_bytes)},
                       {"vips_peak_mib", mib(vips.peak_bytes)},
                       {"vips_allocs", static_cast<std::int64_t>(vips.allocations)}});
}

// Ending one takes milliseconds, and no loop waits for a child.
void end_idle_children(CoreServices& services) {
  image::SvgChildren* children = services.process.svg_children;
  if (children == nullptr || !children->any()) return;
  auto end_them = [children] {
    children->end_idle();
    return true;
  };
  // Its ticket is dropped: the job comes home by itself. A full queue: at the next tick.
  services.jobs.start(services.process.helpers, std::move(end_them));
}

void tick(const KeeperParts& parts) {
  CoreServices& services = parts.services;
  const auto before = loop::Clock::now();
  parts.downloads.on_tick();
  services.gzip_pool.on_tick();
  parts.sources.tick();
  // Forced collection takes milliseconds after a burst: only where no request can wait for it.
  const bool idle = services.metrics.requests_in_progress.value() == 0;
  mem::collect(idle ? mem::Collect::kForced : mem::Collect::kGentle);
  if (parts.index == 0) {
    services.process.helpers.request_collect();
    end_idle_children(services);
  }
  services.metrics.tick_duration.observe(loop::Clock::now() - before);
  if (services.snapshot->config.server.log_mem_stats) log_memory(parts);
}

}  // namespace

loop::Task<void> keep_memory(loop::Scope& scope, KeeperParts parts) {
  const std::chrono::milliseconds interval(
      std::int64_t{1000} * parts.services.snapshot->config.server.free_memory_interval_s);
  bool going_on = co_await loop::Sleep(parts.services.loop, scope,
                                       interval * parts.index / parts.count + interval);
  while (going_on) {
    tick(parts);
    going_on = co_await loop::Sleep(parts.services.loop, scope, interval);
  }
}

loop::Task<void> keep_health(loop::Scope& scope, CoreServices& services) {
  bool going_on = true;
  while (going_on) {
    auto ticket = services.jobs.start(services.process.helpers, image::self_test);
    bool healthy = services.process.helpers.busy() > 0;  // a full queue is no illness
    if (ticket != nullptr) {
      loop::Scope testing(&scope);
      loop::Deadline due(services.loop, testing, kSelfTestTime);
      const auto passed = co_await ticket->wait(testing);
      // Helpers that are busy with images for so long are ill only when nothing comes back at all.
      healthy = passed.value_or(services.process.helpers.longest_running_s() < 10);
    }
    if (scope.cancelled()) break;
    const bool before = services.process.healthy.exchange(healthy);
    if (before && !healthy) services.process.log.error("The libvips self-test fails");
    if (!before && healthy) services.process.log.info("The libvips self-test passes again");
    going_on = co_await loop::Sleep(services.loop, scope, kSelfTestEvery);
  }
}

}  // namespace imgring::server
