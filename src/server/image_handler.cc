// Routes to answers: the plain ones here, images through image_request.
#include "imgring/server/image_handler.h"

#include <ctime>

#include "image_request.h"
#include "imgring/image/vips_memory.h"
#include "imgring/mem/allocator.h"
#include "imgring/mem/own_memory.h"
#include "imgring/server/answers.h"
#include "imgring/server/core.h"
#include "routes.h"
#include "slow_readers.h"

namespace imgring::server {

namespace {

struct Gauge {  // up while it lives
  explicit Gauge(mem::Counter& c) : counter(c) { counter.add(); }
  ~Gauge() { counter.sub(); }
  mem::Counter& counter;
};

// What is refused before anything that a picture needs is built; none: nothing is in the way.
std::optional<Error> refused_at_once(CoreServices& services, ImageRequest& image,
                                     http::Responder& responder) {
  Result<void> checked = check_request(image, std::time(nullptr));
  if (!checked) {
    responder.take_slot(http::RefusalPace::kMistakeSlot);
    return std::move(checked).error();
  }
  const MemoryLevel memory = services.process.memory.look();
  if (memory != MemoryLevel::kFine) services.memory_short.notify();
  if (memory == MemoryLevel::kFull) {
    services.metrics.count_refusal(observe::Refusal::kMemory);
    responder.close_after();
    return Error(ErrorCode::kOverloaded, "92 % of the memory limit are used");
  }
  image.due = loop::Clock::now() + std::chrono::seconds(image.config().server.timeout_s);
  if (image.parsed->options.raw) return std::nullopt;
  Result<void> room = check_room(services, image);
  if (!room) return std::move(room).error();
  return std::nullopt;
}

// What the image route gives: an answer that is sent, or was sent by the stream.
loop::Task<Answer> work_on(CoreServices& services, loop::Scope& scope, ImageRequest& image,
                           http::Responder& responder) {
  Gauge images(services.metrics.images_in_progress);
  if (image.parsed->options.raw) {
    const auto before = loop::Clock::now();
    Answer streamed = co_await stream_raw(services, scope, image, responder);
    if (responder.started()) {
      services.metrics.span(observe::Span::kStreaming).observe(loop::Clock::now() - before);
    }
    co_return streamed;
  }
  loop::Scope work(&scope);
  loop::Deadline due(services.loop, work, image.due - loop::Clock::now());
  co_return co_await make_image(services, work, image);
}

bool is_refusal(const Error& error) noexcept {
  return error.code == ErrorCode::kOverloaded || error.code == ErrorCode::kTooManyRequests;
}

// Counts an image request from its head to its last byte, and says what became of it.
class Served {
 public:
  Served(CoreServices& services, ImageRequest& image)
      : services_(services), image_(image), gauge_(services.metrics.requests_in_progress) {
    services.metrics.requests.add();
  }
  void finish(const Answer& answer, bool client_left) {
    observe::CoreMetrics& metrics = services_.metrics;
    const Error* error = answer.error ? &*answer.error : nullptr;
    const auto took = loop::Clock::now() - start_;
    const CompletedLine line{.status = client_left ? 499 : answer.response.status,
                             .seconds = std::chrono::duration<double>(took).count(),
                             .error = error,
                             .source_shown = answer.source_shown};
    metrics.count_status(line.status);
    if (error != nullptr) metrics.count_error(error->code);
    metrics.request_duration.observe(took);
    log_completed(services_.process, image_, line);
  }

 private:
  CoreServices& services_;
  ImageRequest& image_;
  Gauge gauge_;
  loop::Clock::time_point start_ = loop::Clock::now();
};

void pace(const Answer& answer, http::Responder& responder) noexcept {
  const bool refused = answer.error && is_refusal(*answer.error);
  if (refused) responder.take_slot(http::RefusalPace::kRefusalSlot);
}

// One that nothing was in the way of.
loop::Task<void> serve_image(CoreServices& services, loop::Scope& scope, ImageRequest& image,
                             http::Responder& responder, Served& served) {
  Answer answer = co_await work_on(services, scope, image, responder);
  const bool client_left = scope.reason() == loop::CancelReason::kClientGone;
  if (client_left && !answer.error) answer.error = Error(ErrorCode::kCancelled, "the client left");
  pace(answer, responder);
  if (!responder.started() && !client_left) {
    const auto before = loop::Clock::now();
    const SlowReaders::Sending sending(services.readers, responder,
                                       {answer.of_part, answer.body.size()});
    const bool sent = co_await responder.send(answer.response, answer.body.span());
    services.metrics.span(observe::Span::kStreaming).observe(loop::Clock::now() - before);
    if (sending.ended()) services.metrics.count_refusal(observe::Refusal::kSlowReader);
    if (!sent) answer.error = untaken_error(sending.ended());
  }
  served.finish(answer, client_left);
}

struct PlainAnswer {
  http::Response response;
  std::string body;
};

PlainAnswer plain(int status, std::string_view id, std::string body) {
  PlainAnswer out{base_response(status, id), std::move(body)};
  out.response.headers.add("Content-Type", "text/plain");
  return out;
}

void add_ordinary_freshness(http::Response& response, const config::Config& config) {
  if (auto value = cache_control(Freshness{}, config)) {
    response.headers.add("Cache-Control", std::move(*value));
  }
}

PlainAnswer health_answer(const Process& process, const config::Config& config,
                          std::string_view id) {
  const bool healthy = process.healthy.load(std::memory_order_relaxed);
  PlainAnswer out =
      healthy ? plain(200, id, config.server.health_check_message) : plain(500, id, "Error");
  out.response.headers.add("Cache-Control", "no-cache");
  return out;
}

// A helper stuck for twice the deadline does not come back (hardening.md 1): no new traffic,
// please. One of the quick lane, or half of a lane; one long HEIC alone, which its plan foresaw, is
// no reason to send everybody away.
bool helpers_missing(const loop::HelperPool& helpers, const config::Config& config) {
  const std::chrono::seconds twice(std::int64_t{2} * config.server.timeout_s);
  return helpers.lane(loop::Lane::kQuick).stuck(twice) > 0 || helpers.half_stuck(twice);
}

PlainAnswer ready_answer(const Process& process, const config::Config& config,
                         std::string_view id) {
  std::string why;
  if (process.draining.load()) why = "the server is draining";
  if (!process.healthy.load()) why = "the libvips self-test fails";
  if (helpers_missing(process.helpers, config)) {
    why = "helpers are stuck for over twice IMGPROXY_TIMEOUT";
  }
  PlainAnswer out = plain(why.empty() ? 200 : 503, id, why.empty() ? "ready" : why);
  out.response.headers.add("Cache-Control", "no-cache");
  return out;
}

PlainAnswer answer_for(Route route, const Process& process, const config::Config& config,
                       std::string_view id) {
  if (route == Route::kHealth) return health_answer(process, config, id);
  if (route == Route::kReady) return ready_answer(process, config, id);
  if (route == Route::kLanding) {
    PlainAnswer out{base_response(200, id), landing_page()};
    out.response.headers.add("Content-Type", "text/html");
    add_ordinary_freshness(out.response, config);
    return out;
  }
  if (route == Route::kPreflight) {
    PlainAnswer out = plain(200, id, " ");
    add_cors(out.response, config);
    add_ordinary_freshness(out.response, config);
    return out;
  }
  return plain(404, id, " ");
}

bool is_health(Route route) noexcept { return route == Route::kHealth || route == Route::kReady; }

}  // namespace

loop::Task<void> HealthHandler::handle(loop::Scope&, const http::Request& request,
                                       http::Responder& responder, const http::Peer&) {
  const config::Config& config = services_.snapshot->config;
  const std::string id = request_id_of(request.headers, services_.ids);
  const Route route = route_of(request, config.server);
  const bool heard = is_health(route);
  const std::string text(facts_of(ErrorCode::kOverloaded).public_text);
  PlainAnswer out = plain(503, id, text);
  if (heard) out = answer_for(route, services_.process, config, id);
  if (!heard) out.response.headers.add("Retry-After", "1");
  responder.close_after();
  co_await responder.send(out.response, as_bytes(out.body));
}

loop::Task<void> RequestHandler::handle(loop::Scope& scope, const http::Request& request,
                                        http::Responder& responder, const http::Peer& peer) {
  ImageRequest image;
  image.request = &request;
  image.snapshot = services_.snapshot;
  image.peer = &peer;
  image.id = request_id_of(request.headers, services_.ids);
  const Route route = route_of(request, image.config().server);
  if (route != Route::kImage) {
    const PlainAnswer out = answer_for(route, services_.process, image.config(), image.id);
    if (out.response.status == 404) responder.take_slot(http::RefusalPace::kMistakeSlot);
    co_await responder.send(out.response, as_bytes(out.body));
    co_return;
  }
  Served served(services_, image);
  std::optional<Error> refused = refused_at_once(services_, image, responder);
  if (!refused) {
    responder.watch_client();
    co_await serve_image(services_, scope, image, responder, served);
    co_return;
  }
  Answer answer = error_answer(image, std::move(*refused));
  pace(answer, responder);
  std::optional<bool> sent = responder.send_now(answer.response, answer.body.span());
  if (!sent) sent = co_await responder.send_rest();
  if (!*sent) answer.error = untaken_error(false);
  served.finish(answer, false);
}

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
    const std::string id = request_id_of(request.headers, services_.ids);
    const PlainAnswer out = answer_for(route, services_.process, config, id);
    co_await responder.send(out.response, as_bytes(out.body));
    co_return;
  }
  std::vector<const observe::CoreMetrics*> cores;
  std::vector<const mem::BufferPool*> pools;
  for (const auto& core : services_.process.cores) {
    cores.push_back(&core->metrics());
    for (const mem::BufferPool* pool : {core->download_pool(), core->gzip_pool()}) {
      if (pool != nullptr) pools.push_back(pool);
    }
  }
  const image::VipsMemory vips = image::vips_memory();
  observe::MetricsView view;
  view.memory = memory_numbers(services_.process);
  view.name_space = config.observe.prometheus_namespace;
  view.cores = cores;
  view.pools = pools;
  view.workers = static_cast<int>(services_.process.helpers.threads());
  const auto lanes = lane_numbers(services_.process.helpers);
  view.lanes = lanes;
  view.vips = {vips.used_bytes, vips.peak_bytes, vips.allocations};
  if (services_.process.svg_children != nullptr) {
    const image::SvgChildrenNumbers svg = services_.process.svg_children->numbers();
    view.svg = {svg.alive, svg.resident_bytes, svg.started, svg.died, svg.stopped};
  }
  view.log = {.dropped = services_.process.log.lines_dropped(),
              .summed = services_.process.equal_lines.summed()};
  view.process = observe::read_process_numbers();
  http::Response response;
  response.headers.add("Content-Type", std::string(observe::kPrometheusContentType));
  const std::string text = observe::prometheus_text(view);
  co_await responder.send(response, as_bytes(text));
}

}  // namespace imgring::server
