// Routes to answers: pictures through their stages, the rest at once.
#include "request_handler.h"

#include "imgring/service/check_request.h"
#include "imgring/service/delivery.h"
#include "imgring/service/picture.h"
#include "imgring/service/queue_check.h"
#include "imgring/service/refusals.h"
#include "imgring/service/request_record.h"
#include "plain_routes.h"

namespace imgring::server {

namespace {

using service::Answer;
using service::ImageRequest;
using service::Services;

// What is refused before anything that a picture needs is built; an error: what is in the way.
Result<void> check(Services& services, loop::Event& memory_short, ImageRequest& image,
                   http::Responder& responder) {
  auto parsed = service::check_request(*image.request, *image.snapshot, services.loop.unix_s());
  if (!parsed) {
    responder.take_slot(http::RefusalPace::kMistakeSlot);
    return std::unexpected(std::move(parsed).error());
  }
  image.parsed = std::move(*parsed);
  if (image.parsed->info) services.metrics.info_requests.add();
  if (!image.parsed->ignored.empty()) services.metrics.ignored_options.add();
  const service::MemoryLevel memory = services.shared.memory.look();
  if (memory != service::MemoryLevel::kFine) memory_short.notify();
  if (memory == service::MemoryLevel::kFull) {
    services.metrics.count_refusal(observe::Refusal::kMemory);
    responder.close_after();
    return fail(ErrorCode::kOverloaded, "92 % of the memory limit are used");
  }
  if (image.parsed->options.raw) return {};
  image.lane = service::lane_asked_for(image.parsed->options);
  return service::check_queue(services, image);
}

}  // namespace

loop::Task<void> RequestHandler::handle(loop::Scope& scope, const http::Request& request,
                                        http::Responder& responder, const http::Peer& peer) {
  ImageRequest image;
  image.request = &request;
  image.snapshot = services_.snapshot;
  image.peer = &peer;
  image.id = service::request_id_of(request.headers, services_.ids);
  const config::ServerConfig& config = image.config().server;
  const Route route = route_of(request, config);
  if (route != Route::kImage) {
    const PlainAnswer out = answer_for(route, process_, image.config(), image.id);
    if (out.response.status == 404) responder.take_slot(http::RefusalPace::kMistakeSlot);
    co_await responder.send(out.response, as_bytes(out.body));
    co_return;
  }
  image.time = service::Timeline(services_.loop.now(), std::chrono::seconds(config.timeout_s));
  service::RequestRecord record(services_, image);
  Result<void> checked = check(services_, memory_short_, image, responder);
  if (checked) {
    responder.watch_client();
    co_await service::serve_picture(services_, scope, image, responder, record);
    co_return;
  }
  Answer answer = error_answer(image, std::move(checked).error());
  pace(answer, responder);
  std::optional<bool> sent = responder.send_now(answer.response, answer.body.span());
  if (!sent) sent = co_await responder.send_rest();
  if (!*sent) answer.error = service::untaken_error(false);
  record.finish(answer, false);
}

}  // namespace imgring::server
