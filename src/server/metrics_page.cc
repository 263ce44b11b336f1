// The numbers of a page, gathered from where they are counted.
#include "metrics_page.h"

#include <array>
#include <vector>

#include "imgring/image/sandbox_kinds.h"
#include "imgring/image/versions.h"
#include "imgring/mem/allocator.h"
#include "imgring/mem/own_memory.h"
#include "imgring/sandbox/children.h"
#include "imgring/server/core.h"
#include "plain_routes.h"

namespace imgring::server {

namespace {

std::array<observe::LaneNumbers, loop::kLaneCount> lane_numbers(const loop::HelperPool& helpers) {
  std::array<observe::LaneNumbers, loop::kLaneCount> out{};
  constexpr std::array<std::string_view, loop::kLaneCount> kNames = {"quick", "patient"};
  for (std::size_t i = 0; i < loop::kLaneCount; ++i) {
    const loop::HelperLane& lane = helpers.lane(static_cast<loop::Lane>(i));
    out[i] = {.name = kNames[i],
              .waiting = lane.queued(),
              .running = lane.busy(),
              .expected_wait_s = std::chrono::duration<double>(lane.expected_wait()).count()};
  }
  return out;
}

observe::ChildNumbers child_numbers(const sandbox::Children& children, const sandbox::Kind& kind) {
  const sandbox::ChildrenNumbers n = children.numbers(kind);
  return {n.alive, n.resident_bytes, n.started, n.died, n.stopped};
}

observe::MemoryNumbers memory_numbers(const Process& process) {
  observe::MemoryNumbers out;
  if (const auto own = mem::own_memory()) {
    out.rss_bytes = own->rss_bytes;
    out.rss_anon_bytes = own->rss_anon_bytes;
  }
  const mem::AllocatorStats allocator = mem::allocator_stats();
  out.limit_bytes = process.memory.limit_bytes();
  out.committed_bytes = allocator.committed_bytes;
  out.in_use_bytes = allocator.in_use_bytes;
  if (out.in_use_bytes == 0) {
    for (const auto& core : process.cores) out.in_use_bytes += core->metrics().in_use_bytes.value();
  }
  out.ledger = &process.ledger;
  return out;
}

}  // namespace

loop::Task<void> MetricsHandler::handle(loop::Scope&, const http::Request& request,
                                        http::Responder& responder, const http::Peer&) {
  const config::Config& config = services_.snapshot->config;
  const Route route = route_of(request, config.server);
  if (is_health(route)) {
    const std::string id = service::request_id_of(request.headers, services_.ids);
    const PlainAnswer out = answer_for(route, process_, config, id);
    co_await responder.send(out.response, as_bytes(out.body));
    co_return;
  }
  std::vector<const observe::CoreMetrics*> cores;
  std::vector<const mem::BufferPool*> pools;
  for (const auto& core : process_.cores) {
    cores.push_back(&core->metrics());
    for (const mem::BufferPool* pool : {core->download_pool(), core->gzip_pool()}) {
      if (pool != nullptr) pools.push_back(pool);
    }
  }
  observe::MetricsView view;
  view.memory = memory_numbers(process_);
  view.name_space = config.observe.prometheus_namespace;
  view.cores = cores;
  view.pools = pools;
  view.engine = services_.loop.engine().name();
  view.workers = static_cast<int>(process_.helpers.threads());
  const auto lanes = lane_numbers(process_.helpers);
  view.lanes = lanes;
  view.vips = process_.library_memory.numbers();
  if (process_.children != nullptr) {
    view.svg = child_numbers(*process_.children, image::kSvgKind);
    view.pictures = child_numbers(*process_.children, image::kPictureKind);
    view.sandbox_given_up = process_.children->gave_up(image::kPictureKind);
  }
  view.log = {.dropped = process_.log.lines_dropped(), .summed = process_.equal_lines.summed()};
  const std::string libvips = image::vips_version_text(), allocator = mem::allocator_name();
  view.build = {.version = IMGRING_VERSION, .libvips = libvips, .allocator = allocator};
  view.reload = {.good = process_.reloads_good.load(),
                 .failed = process_.reloads_failed.load(),
                 .good_unix_s = static_cast<double>(process_.reloaded_unix_s.load()),
                 .last_failed = process_.reload_failed.load()};
  view.process = observe::read_process_numbers();
  http::Response response;
  response.headers.add("Content-Type", std::string(observe::kPrometheusContentType));
  const std::string text = observe::prometheus_text(view);
  co_await responder.send(response, as_bytes(text));
}

}  // namespace imgring::server
