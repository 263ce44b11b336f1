// Which headers go on to a source.
#include "imgring/service/source_request.h"

#include <optional>
#include <string>
#include <string_view>

#include "imgring/base/text.h"
#include "imgring/base/uri.h"
#include "imgring/http/server.h"
#include "imgring/service/cookies.h"

namespace imgring::service {

namespace {

std::string_view bare_etag(std::string_view etag) noexcept {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    etag = etag.substr(1, etag.size() - 2);
  }
  return etag;
}

// The source's ETag inside a busted one; nullopt when the buster is another.
std::optional<std::string> unbusted(std::string_view etag, std::string_view buster) {
  const std::string_view bare = bare_etag(etag);
  if (!bare.starts_with(buster) || bare.size() <= buster.size() || bare[buster.size()] != '/') {
    return std::nullopt;
  }
  return base64url_decode(bare.substr(buster.size() + 1));
}

}  // namespace

http::Headers conditional_headers(const http::Headers& client, const config::ServerConfig& config) {
  http::Headers out;
  const std::string_view etag = client.get("if-none-match");
  if (config.use_etag && !etag.empty()) {
    if (config.etag_buster.empty()) {
      out.add("If-None-Match", std::string(etag));
    } else {
      auto inner = unbusted(etag, config.etag_buster);
      if (!inner) return {};
      if (!inner->empty()) out.add("If-None-Match", std::move(*inner));
    }
  }
  const std::string_view since = client.get("if-modified-since");
  if (config.use_last_modified && !since.empty()) {
    const auto& buster = config.last_modified_buster_unix_s;
    const auto time = http::parse_http_date(since);
    if (!buster || (time && *buster < *time)) out.add("If-Modified-Since", std::string(since));
  }
  return out;
}

source::SourceRequest source_request(const ImageRequest& request, bool raw) {
  const config::Config& config = request.config();
  const http::Headers& client = request.request->headers;
  source::SourceRequest out;
  out.url = request.parsed->source_url;
  out.size_bytes_max = request.parsed->options.max_src_file_size_bytes;
  if (raw) {
    out.size_bytes_max = 0;
    for (std::string_view name :
         {"If-None-Match", "If-Modified-Since", "Accept-Encoding", "Range"}) {
      if (client.has(name)) out.headers.add(std::string(name), std::string(client.get(name)));
    }
  } else {
    out.headers = conditional_headers(client, config.server);
  }
  for (const std::string& name : config.server.request_headers_passthrough) {
    if (client.has(name)) out.headers.set(name, std::string(client.get(name)));
  }
  for (const auto& [name, value] : config.server.custom_request_headers) {
    out.headers.set(name, value);
  }
  std::string cookies = cookies_for(out.url, client, config.source);
  if (!cookies.empty()) out.headers.set("Cookie", std::move(cookies));
  return out;
}

source::SourceRequest fallback_request(const ImageRequest& request) {
  source::SourceRequest out;
  out.url = request.parsed->options.fallback_image_url;
  out.size_bytes_max = request.parsed->options.max_src_file_size_bytes;
  for (const auto& [name, value] : request.config().server.custom_request_headers) {
    out.headers.set(name, value);
  }
  return out;
}

}  // namespace imgring::service
