// Header rules of answers (server.md section 3, urls.md section 7) and error bodies.
// Plain functions over values; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "imgring/base/error.h"
#include "imgring/base/image_type.h"
#include "imgring/config/config.h"
#include "imgring/http/request.h"
#include "imgring/http/server.h"
#include "imgring/url/processing_options.h"

namespace imgring::server {

// Random request ids of one core: 21 characters as imgproxy's, 126 bits of the kernel's generator
// each, none used twice. Asked for by the page: a system call for each was a thirtieth of what a
// refusal costs. Those to come lie in the process's memory: an id names a request and opens
// nothing.
class RequestIds {
 public:
  std::string next();

 private:
  static constexpr std::size_t kLength = 21;
  std::array<unsigned char, 192 * kLength> bytes_;
  std::size_t left_ = 0;
};

// X-Request-ID when it is fit, else the one in X-Amzn-Request-Context, else the next random one.
std::string request_id_of(const http::Headers& headers, RequestIds& ids);
// CF-Connecting-IP, first X-Forwarded-For, X-Real-IP, else the peer.
std::string client_address(const http::Headers& headers, const http::Peer& peer);
// Request id and security policy: on every answer.
http::Response base_response(int status, std::string_view request_id);

// Cache-Control (server.md 3.1).
struct Freshness {
  int status = 200;
  std::int64_t now_unix_s = 0;
  std::optional<std::int64_t> expires_unix_s{};  // option; up to 0 it only ends a fallback's age
  bool fallback_used = false;
  const http::Headers* source = nullptr;  // null: no passthrough
};
std::optional<std::string> cache_control(const Freshness& f, const config::Config& config);

// inline|attachment; filename="STEM.EXT"
struct DispositionInput {
  std::string_view filename{};    // option
  std::string_view source_url{};  // stem: what follows its last slash, without extension
  std::string_view extension{};   // with the dot
  bool attachment = false;
};
// Holds no control characters, no quote or backslash within its quotes, no credentials.
std::string content_disposition(const DispositionInput& in);
// The value of Link that names the source of an answer: without user information, escaped. nullopt:
// the source is not on the web, or its query opens it (display_text) and is not for everybody.
std::optional<std::string> canonical_link(std::string_view source_url);
// Raw: the path that names the answer: on the web without query and escapes, else all of it.
std::string raw_path(std::string_view source_url);
// Raw: the extension of the path's name, else one guessed from the content type.
std::string raw_extension(std::string_view path, std::string_view content_type);
// What follows the last slash, without its extension; "image" when that is empty.
std::string source_stem(std::string_view source_url);

// Vary of image answers; empty when nothing varies.
std::string vary(const config::Config& config);

// Conditional headers on their way to the source (server.md 3.2); nothing when a buster does not
// match.
http::Headers conditional_headers(const http::Headers& client, const config::ServerConfig& config);
// Validators on their way to the client.
void add_validators(http::Response& response, const http::Headers& source,
                    const config::ServerConfig& config);

// Client cookies that go to this source, as one header value; empty when none (server.md 5,
// cookies).
std::string cookies_for(std::string_view source_url, const http::Headers& client,
                        const config::SourceConfig& config);

// Body and Content-Type of an error answer. JSON only for clients that would rather have it than
// text: Accept takes application/json with a q above 0, and none of text/plain, text/* and */*
// with the same or a higher one. axios' "application/json, text/plain, */*" gets imgproxy's text.
// In development text/html counts too, because there is a page to send.
struct ErrorBody {
  std::string text;
  std::string content_type;
};
// The public text alone, which needs no making.
bool error_is_plain(std::string_view accept, bool development);
ErrorBody error_body(const Error& error, std::string_view accept, std::string_view request_id,
                     bool development);
std::string landing_page();

}  // namespace imgring::server
