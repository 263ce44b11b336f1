// Header rules of answers (server.md section 3, urls.md section 7).
// Plain functions over values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "imgring/config/config.h"
#include "imgring/http/headers.h"
#include "imgring/http/server.h"

namespace imgring::service {

// Request id and security policy: on every answer.
http::Response base_response(int status, std::string_view request_id);

// Headers that come with every answer of the image route.
void add_cors(http::Response& response, const config::Config& config);
void add_custom(http::Response& response, const config::Config& config);

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

// Validators on their way to the client (server.md 3.2), with the busters of the configuration.
void add_validators(http::Response& response, const http::Headers& source,
                    const config::ServerConfig& config);

// Vary of image answers; empty when nothing varies.
std::string vary(const config::Config& config);

}  // namespace imgring::service
