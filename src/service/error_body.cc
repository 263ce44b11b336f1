// Error bodies: text, JSON, or the page of the development mode.
#include "imgring/service/error_body.h"

#include <algorithm>
#include <initializer_list>

#include "imgring/base/text.h"
#include "imgring/base/uri.h"

namespace imgring::service {

namespace {

using MediaRanges = std::initializer_list<std::string_view>;

// The highest q that an Accept header gives one of `ranges`; 0 when it names none.
double accepted_q(std::string_view accept, MediaRanges ranges) {
  double best = 0;
  for (const std::string_view item : split(accept, ",")) {
    const auto pieces = split(item, ";");
    const std::string_view name = trim(pieces[0]);
    const bool named = std::any_of(ranges.begin(), ranges.end(), [&](std::string_view range) {
      return equal_ignore_case(name, range);
    });
    if (!named) continue;
    double q = 1;
    for (std::size_t i = 1; i < pieces.size(); ++i) {
      const std::string_view parameter = trim(pieces[i]);
      if (!equal_ignore_case(parameter.substr(0, 2), "q=")) continue;
      q = parse_float(parameter.substr(2)).value_or(0);
    }
    best = std::max(best, q);
  }
  return best;
}

bool prefers_json(std::string_view accept, bool development) {
  if (accept.find_first_of("jJ") == std::string_view::npos) return false;
  const double json = accepted_q(accept, {"application/json"});
  const double text = accepted_q(accept, {"text/plain", "text/*", "*/*"});
  const double page = development ? accepted_q(accept, {"text/html"}) : 0;
  return json > std::max(text, page);
}

}  // namespace

bool error_is_plain(std::string_view accept, bool development) {
  return !development && !prefers_json(accept, development);
}

ErrorBody error_body(const Error& error, std::string_view accept, std::string_view request_id,
                     bool development) {
  const std::string text(error.public_text());
  if (prefers_json(accept, development)) {
    std::string body = "{\"status\":" + std::to_string(error.status()) +
                       ",\"message\":" + json_quote(text) +
                       ",\"request_id\":" + json_quote(request_id);
    if (development) body += ",\"detail\":" + json_quote(error.detail);
    return {body + "}", "application/json"};
  }
  if (!development) return {text, "text/plain"};
  const std::string detail = error.detail.empty() ? text : text + ": " + error.detail;
  if (accept.find("text/html") == std::string_view::npos) {
    return {detail + "\n\n", "text/plain; charset=utf-8"};
  }
  std::string page = "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>";
  page += std::to_string(error.status()) + " " + html_escape(text);
  page +=
      "</title><style>body{font:16px/1.5 sans-serif;margin:3em auto;max-width:46em}"
      "pre{white-space:pre-wrap;background:#f4f4f4;padding:1em}</style></head><body><h1>";
  page += std::to_string(error.status()) + " " + html_escape(text) + "</h1><pre>";
  page += html_escape(detail) + "</pre><p>Request ID: " + html_escape(request_id);
  page += "</p><p>imgring " IMGRING_VERSION "</p></body></html>";
  return {page, "text/html; charset=utf-8"};
}

}  // namespace imgring::service
