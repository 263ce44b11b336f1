// The memory-release tick.
#include "keeper.h"

#include "imgring/image/decode_scratch.h"
#include "imgring/loop/io.h"
#include "imgring/mem/allocator.h"
#include "imgring/mem/own_memory.h"
#include "imgring/sandbox/children.h"

namespace imgring::server {

namespace {

constexpr double kMiB = 1 << 20;
constexpr std::size_t kPieceBytes = 2 << 20;  // some 0.2 ms of madvise

void log_memory(const KeeperParts& parts) {
  const Logger& log = parts.services.shared.log;
  if (!log.enabled(LogLevel::kDebug)) return;
  const auto own = mem::own_memory();
  const auto allocator = mem::allocator_stats();
  const observe::VipsNumbers vips = parts.services.shared.library_memory.numbers();
  const auto mib = [](std::uint64_t bytes) { return static_cast<double>(bytes) / kMiB; };
  const auto& pool = parts.downloads.stats();
  const auto& gzip = parts.services.gzip_pool.stats();
  log.debug("Memory",
            {{"core", std::int64_t{parts.index}},
             {"rss_mib", own ? mib(own->rss_bytes) : 0.0},
             {"rss_anon_mib", own ? mib(own->rss_anon_bytes) : 0.0},
             {"committed_mib", mib(allocator.committed_bytes)},
             {"pool_idle_mib", mib(pool.idle_bytes.value() + gzip.idle_bytes.value())},
             {"pool_in_use_mib", mib(pool.in_use_bytes.value() + gzip.in_use_bytes.value())},
             {"vips_mib", mib(vips.memory_bytes)},
             {"vips_peak_mib", mib(vips.memory_bytes_max)},
             {"vips_allocs", static_cast<std::int64_t>(vips.allocs)}});
}

enum class Piece : std::uint8_t { kBegin, kDownloads, kGzip, kCollect, kEnd };

// One piece of a tick; the piece that comes next.
Piece run_piece(const KeeperParts& parts, Piece piece) {
  service::Services& services = parts.services;
  switch (piece) {
    case Piece::kBegin:
      parts.downloads.begin_tick();
      services.gzip_pool.begin_tick();
      parts.sources.tick();
      services.watermarks.tick(services.loop.now());
      services.fallbacks.tick(services.loop.now());
      if (parts.index == 0) services.shared.helpers.request_collect();
      return Piece::kDownloads;
    case Piece::kDownloads:
      return parts.downloads.decay(kPieceBytes) ? Piece::kDownloads : Piece::kGzip;
    case Piece::kGzip:
      return services.gzip_pool.decay(kPieceBytes) ? Piece::kGzip : Piece::kCollect;
    case Piece::kCollect: {
      // Forced only where no request waits for it; one that arrives meanwhile is counted.
      const bool idle = services.metrics.requests_in_progress.value() == 0;
      mem::collect(idle ? mem::Collect::kForced : mem::Collect::kGentle);
      services.metrics.in_use_bytes.set(mem::thread_in_use_bytes());
      return Piece::kEnd;
    }
    case Piece::kEnd: break;
  }
  return Piece::kEnd;
}

// In pieces, with a turn of the loop after each: whatever arrived waits for one of them only.
loop::Task<void> tick(loop::Scope& scope, const KeeperParts& parts) {
  service::Services& services = parts.services;
  loop::Clock::duration sum{};
  for (Piece piece = Piece::kBegin; piece != Piece::kEnd;) {
    const auto before = services.loop.now();
    const std::uint64_t delivered = services.loop.engine().delivered();
    piece = run_piece(parts, piece);
    const auto spent = services.loop.now() - before;
    sum += spent;
    co_await loop::nop(services.loop, scope);
    // What came with the nop arrived while the piece ran, and waited for the rest of it at most.
    const bool waited = services.loop.engine().delivered() - delivered > 1;
    if (waited) services.metrics.tick_wait.observe(spent);
  }
  services.metrics.tick_duration.observe(sum);
  if (services.snapshot->config.server.log_mem_stats) log_memory(parts);
}

}  // namespace

loop::Task<void> release_on_helper(service::Services& services, loop::Scope& scope,
                                   loop::Clock::time_point unused_since, bool& under_way) {
  sandbox::Children* children = services.shared.children;
  image::DecodeScratch* scratch = services.shared.scratch;
  const bool any_children = children != nullptr && children->any();
  const bool any_scratch = scratch != nullptr && scratch->idle_bytes() > 0;
  if (!any_children && !any_scratch) co_return;
  auto release = [=] {
    if (any_children) children->end_idle(unused_since);
    if (any_scratch) scratch->release_unused(unused_since);
    return true;
  };
  auto ticket = services.jobs.start(services.shared.helpers, std::move(release));
  if (ticket == nullptr) co_return;  // a full queue: at the next tick
  // A ticket that is dropped takes back what no helper has begun: children stayed for ever.
  under_way = true;
  co_await ticket->wait(scope);
  under_way = false;
}

loop::Task<void> keep_memory(loop::Scope& scope, KeeperParts parts) {
  const std::chrono::milliseconds interval(
      std::int64_t{1000} * parts.services.snapshot->config.server.free_memory_interval_s);
  auto next = parts.services.loop.now() + interval + interval * parts.index / parts.count;
  loop::Nursery releases(parts.services.loop, &scope);
  bool releasing = false;
  bool going_on =
      co_await loop::Sleep(parts.services.loop, scope, next - parts.services.loop.now());
  while (going_on) {
    co_await tick(scope, parts);
    if (parts.index == 0 && !releasing) {
      const auto idle = idle_time_max(parts.services.snapshot->config);
      const auto unused_since = parts.services.loop.now() - idle;
      releases.start(release_on_helper(parts.services, releases.scope(), unused_since, releasing));
    }
    // Ticks that were missed are not made up for: two at once would find every buffer unused.
    next += interval;
    while (next <= parts.services.loop.now()) next += interval;
    going_on = co_await loop::Sleep(parts.services.loop, scope, next - parts.services.loop.now());
  }
  co_await releases.join();
}

}  // namespace imgring::server
