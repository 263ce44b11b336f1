// Plain answers: what each says, and the handler that gives nothing else.
#include "plain_routes.h"

#include "imgring/service/answers.h"

namespace imgring::server {

namespace {

PlainAnswer plain(int status, std::string_view id, std::string body) {
  PlainAnswer out{service::base_response(status, id), std::move(body)};
  out.response.headers.add("Content-Type", "text/plain");
  return out;
}

void add_ordinary_freshness(http::Response& response, const config::Config& config) {
  if (auto value = service::cache_control(service::Freshness{}, config)) {
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
  if (process.leaving.load() || process.draining.load()) why = "the server is draining";
  if (!process.healthy.load()) why = "the libvips self-test fails";
  if (helpers_missing(process.helpers, config)) {
    why = "helpers are stuck for over twice IMGPROXY_TIMEOUT";
  }
  PlainAnswer out = plain(why.empty() ? 200 : 503, id, why.empty() ? "ready" : why);
  out.response.headers.add("Cache-Control", "no-cache");
  return out;
}

}  // namespace

std::string landing_page() {
  return "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>imgring</title><style>"
         "body{font:16px/1.6 sans-serif;margin:4em auto;max-width:40em;padding:0 1em}"
         "code{background:#f2f2f2;padding:.1em .3em}</style></head><body>"
         "<h1>imgring is running</h1>"
         "<p>An image processing server. Ask it for a picture:</p>"
         "<p><code>/SIGNATURE/rs:fit:500:0/q:80/plain/https://host/photo.jpg@webp</code></p>"
         "<p>It reads the URLs and the <code>IMGPROXY_*</code> settings of imgproxy.</p>"
         "<p><small>Version " IMGRING_VERSION "</small></p></body></html>";
}

PlainAnswer answer_for(Route route, const Process& process, const config::Config& config,
                       std::string_view id) {
  if (route == Route::kHealth) return health_answer(process, config, id);
  if (route == Route::kReady) return ready_answer(process, config, id);
  if (route == Route::kLanding) {
    PlainAnswer out{service::base_response(200, id), landing_page()};
    out.response.headers.add("Content-Type", "text/html");
    add_ordinary_freshness(out.response, config);
    return out;
  }
  if (route == Route::kPreflight) {
    PlainAnswer out = plain(200, id, " ");
    service::add_cors(out.response, config);
    add_ordinary_freshness(out.response, config);
    return out;
  }
  return plain(404, id, " ");
}

loop::Task<void> HealthHandler::handle(loop::Scope&, const http::Request& request,
                                       http::Responder& responder, const http::Peer&) {
  const config::Config& config = services_.snapshot->config;
  const std::string id = service::request_id_of(request.headers, services_.ids);
  const Route route = route_of(request, config.server);
  const bool heard = is_health(route);
  const std::string text(facts_of(ErrorCode::kOverloaded).public_text);
  PlainAnswer out = plain(503, id, text);
  if (heard) out = answer_for(route, process_, config, id);
  if (!heard) out.response.headers.add("Retry-After", "1");
  responder.close_after();
  co_await responder.send(out.response, as_bytes(out.body));
}

}  // namespace imgring::server
