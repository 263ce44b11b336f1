// The trip of one request along its redirects.
#include "http_source.h"

#include <algorithm>

#include "exchange_cookies.h"
#include "imgring/base/text.h"

namespace imgring::source {

using loop::Scope;
using loop::Task;

namespace {

constexpr std::size_t kRedirectBodyBytesMax = 4096;  // read for the sake of the connection

bool is_redirect(int status) noexcept {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Where a request may carry what was meant for another: to the same scheme, host and port, as
// browsers do. The step from http to https is another origin too.
bool same_origin(const url::HttpUrl& from, const url::HttpUrl& to) noexcept {
  return from.https == to.https && from.host == to.host && from.port == to.port;
}

// What says something of the wanted bytes alone, and may go to any host.
constexpr std::string_view kPlainHeaders[] = {"Accept", "Accept-Encoding", "Accept-Language",
                                              "If-Modified-Since", "Range"};

bool is_plain(std::string_view name) noexcept {
  return std::any_of(std::begin(kPlainHeaders), std::end(kPlainHeaders),
                     [name](std::string_view one) { return equal_ignore_case(one, name); });
}

// Where we come from, for `to`: whole for its own origin only, as a query may hold a signature.
// Nothing from https to http.
std::string referer_for(const url::HttpUrl& from, const url::HttpUrl& to) {
  if (from.https && !to.https) return {};
  const std::string origin = (from.https ? "https://" : "http://") + from.host_header;
  return origin + (same_origin(from, to) ? from.target : "/");
}

// One request's state between hops.
struct Trip {
  std::string url_text;
  url::HttpUrl url;
  http::Headers headers;  // without cookies
  std::string cookies;    // the client's
  std::string referer;
  std::string authorization;
  ExchangeCookies own_cookies;
  int redirects = 0;
};

void remove(http::Headers& headers, std::string_view name) {
  std::erase_if(headers.fields(),
                [name](const auto& field) { return equal_ignore_case(field.first, name); });
}

http::ClientRequest request_of(const Trip& trip) {
  http::ClientRequest request;
  request.tls = trip.url.https;
  request.host = trip.url.host;
  request.port = trip.url.port;
  request.host_header = trip.url.host_header;
  request.target = trip.url.target;
  request.headers = trip.headers;
  if (!trip.authorization.empty() && !request.headers.has("Authorization")) {
    request.headers.add("Authorization", trip.authorization);
  }
  std::string cookies = trip.own_cookies.value_for(trip.url, trip.cookies);
  if (!cookies.empty()) request.headers.add("Cookie", std::move(cookies));
  if (!trip.referer.empty()) request.headers.set("Referer", trip.referer);
  return request;
}

// Moves the trip on to the target of a redirect.
Result<void> move_on(Trip& trip, std::string_view location) {
  IMGRING_TRY(std::string next_text, url::resolve_redirect(trip.url_text, location));
  IMGRING_TRY(url::HttpUrl next, url::parse_http_url(next_text));
  if (!same_origin(trip.url, next)) {
    // The operator's headers, those passed through, cookies and credentials are gone for good: who
    // was asked in between may have chosen the way back.
    // A date says too little without the ETag that came with it.
    if (trip.headers.has("If-None-Match")) remove(trip.headers, "If-Modified-Since");
    std::erase_if(trip.headers.fields(), [](const auto& field) { return !is_plain(field.first); });
    trip.cookies.clear();
    trip.authorization.clear();
  }
  trip.referer = referer_for(trip.url, next);
  if (trip.referer.empty()) remove(trip.headers, "Referer");
  if (!next.authorization.empty()) trip.authorization = next.authorization;
  trip.url = std::move(next);
  trip.url_text = std::move(next_text);
  return {};
}

Error with_url(Error error, const Trip& trip) {
  error.detail = url::display_text(trip.url) + ": " + error.detail;
  return error;
}

}  // namespace

Task<Result<http::ExchangePtr>> HttpSource::follow(Scope& scope, const SourceRequest& request) {
  Trip trip;
  trip.url_text = request.url;
  IMGRING_CO_TRY(trip.url, url::parse_http_url(request.url));
  trip.headers = request.headers;
  trip.cookies = std::string(trip.headers.get("Cookie"));
  trip.authorization = trip.url.authorization;
  remove(trip.headers, "Cookie");
  for (;;) {
    http::ClientRequest hop = request_of(trip);
    hop.paid = request.connection;
    Result<http::ExchangePtr> exchange = co_await client_.start(scope, hop);
    if (!exchange) co_return std::unexpected(with_url(std::move(exchange).error(), trip));
    http::ResponseHead& head = (*exchange)->head();
    const std::string location(head.headers.get("Location"));
    if (!is_redirect(head.status) || location.empty()) co_return exchange;
    if (++trip.redirects > redirects_max_) {
      co_return fail(ErrorCode::kSourceUnreachable,
                     url::display_text(trip.url) + ": stopped after " +
                         std::to_string(redirects_max_) + " redirects (IMGPROXY_MAX_REDIRECTS)");
    }
    trip.own_cookies.store(trip.url, head.headers, parts_.loop.unix_s());
    const std::string from = url::display_text(trip.url);
    const Result<void> moved = move_on(trip, location);
    if (!moved) {
      co_return fail(moved.error().code, from + ": bad redirect: " + moved.error().detail);
    }
    if (allowed_ && !allowed_(trip.url_text)) {
      co_return fail(ErrorCode::kInvalidSourceUrl,
                     from + ": redirect to " + url::display_text(trip.url) +
                         ", which is not in IMGPROXY_ALLOWED_SOURCES");
    }
    co_await (*exchange)->drain(scope, kRedirectBodyBytesMax);
  }
}

Task<Result<SourceAnswer>> HttpSource::fetch(Scope& scope, const SourceRequest& request) {
  IMGRING_CO_TRY(http::ExchangePtr exchange, co_await follow(scope, request));
  IMGRING_CO_TRY_VOID(co_await check_status(scope, *exchange));
  co_return co_await read_answer(scope, parts_, *exchange, request);
}

Task<Result<OpenedSource>> HttpSource::open(Scope& scope, const SourceRequest& request) {
  IMGRING_CO_TRY(http::ExchangePtr exchange, co_await follow(scope, request));
  co_return open_exchange(std::move(exchange));
}

}  // namespace imgring::source
