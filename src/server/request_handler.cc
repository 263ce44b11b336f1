// Routes to answers: pictures through their stages, the rest at once.
#include "request_handler.h"

#include <ctime>

#include "imgring/service/image_request.h"
#include "imgring/service/request_log.h"
#include "plain_routes.h"

namespace imgring::server {

namespace {

using service::Answer;
using service::ImageRequest;
using service::Services;

struct Gauge {  // up while it lives
  explicit Gauge(mem::Counter& c) : counter(c) { counter.add(); }
  ~Gauge() { counter.sub(); }
  mem::Counter& counter;
};

// What is refused before anything that a picture needs is built; none: nothing is in the way.
std::optional<Error> refused_at_once(Services& services, loop::Event& memory_short,
                                     ImageRequest& image, http::Responder& responder) {
  Result<void> checked = check_request(image, std::time(nullptr));
  if (!checked) {
    responder.take_slot(http::RefusalPace::kMistakeSlot);
    return std::move(checked).error();
  }
  const service::MemoryLevel memory = services.shared.memory.look();
  if (memory != service::MemoryLevel::kFine) memory_short.notify();
  if (memory == service::MemoryLevel::kFull) {
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
loop::Task<Answer> work_on(Services& services, loop::Scope& scope, ImageRequest& image,
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
  Served(Services& services, ImageRequest& image)
      : services_(services), image_(image), gauge_(services.metrics.requests_in_progress) {
    services.metrics.requests.add();
  }
  void finish(const Answer& answer, bool client_left) {
    observe::CoreMetrics& metrics = services_.metrics;
    const Error* error = answer.error ? &*answer.error : nullptr;
    const auto took = loop::Clock::now() - start_;
    const service::CompletedLine line{.status = client_left ? 499 : answer.response.status,
                                      .seconds = std::chrono::duration<double>(took).count(),
                                      .error = error,
                                      .source_shown = answer.source_shown};
    metrics.count_status(line.status);
    if (error != nullptr) metrics.count_error(error->code);
    metrics.request_duration.observe(took);
    log_completed(services_.shared, image_, line);
  }

 private:
  Services& services_;
  ImageRequest& image_;
  Gauge gauge_;
  loop::Clock::time_point start_ = loop::Clock::now();
};

void pace(const Answer& answer, http::Responder& responder) noexcept {
  const bool refused = answer.error && is_refusal(*answer.error);
  if (refused) responder.take_slot(http::RefusalPace::kRefusalSlot);
}

// One that nothing was in the way of.
loop::Task<void> serve_image(Services& services, loop::Scope& scope, ImageRequest& image,
                             http::Responder& responder, Served& served) {
  Answer answer = co_await work_on(services, scope, image, responder);
  const bool client_left = scope.reason() == loop::CancelReason::kClientGone;
  if (client_left && !answer.error) answer.error = Error(ErrorCode::kCancelled, "the client left");
  pace(answer, responder);
  if (!responder.started() && !client_left) {
    const auto before = loop::Clock::now();
    const service::SlowReaders::Sending sending(services.readers, responder,
                                                {answer.of_part, answer.body.size()});
    const bool sent = co_await responder.send(answer.response, answer.body.span());
    services.metrics.span(observe::Span::kStreaming).observe(loop::Clock::now() - before);
    if (sending.ended()) services.metrics.count_refusal(observe::Refusal::kSlowReader);
    if (!sent) answer.error = service::untaken_error(sending.ended());
  }
  served.finish(answer, client_left);
}

}  // namespace

loop::Task<void> RequestHandler::handle(loop::Scope& scope, const http::Request& request,
                                        http::Responder& responder, const http::Peer& peer) {
  ImageRequest image;
  image.request = &request;
  image.snapshot = services_.snapshot;
  image.peer = &peer;
  image.id = service::request_id_of(request.headers, services_.ids);
  const Route route = route_of(request, image.config().server);
  if (route != Route::kImage) {
    const PlainAnswer out = answer_for(route, process_, image.config(), image.id);
    if (out.response.status == 404) responder.take_slot(http::RefusalPace::kMistakeSlot);
    co_await responder.send(out.response, as_bytes(out.body));
    co_return;
  }
  Served served(services_, image);
  std::optional<Error> refused = refused_at_once(services_, memory_short_, image, responder);
  if (!refused) {
    responder.watch_client();
    co_await serve_image(services_, scope, image, responder, served);
    co_return;
  }
  Answer answer = error_answer(image, std::move(*refused));
  pace(answer, responder);
  std::optional<bool> sent = responder.send_now(answer.response, answer.body.span());
  if (!sent) sent = co_await responder.send_rest();
  if (!*sent) answer.error = service::untaken_error(false);
  served.finish(answer, false);
}

}  // namespace imgring::server
