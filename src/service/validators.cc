// Validators, both ways, with and without busters.
#include "imgring/service/validators.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "imgring/base/text.h"
#include "imgring/base/uri.h"

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

void add_validators(http::Response& response, const http::Headers& source,
                    const config::ServerConfig& config) {
  const std::string_view etag = source.get("etag");
  if (config.use_etag && !etag.empty()) {
    const std::string value =
        config.etag_buster.empty()
            ? std::string(etag)
            : "\"" + config.etag_buster + "/" + base64url_encode(as_bytes(etag)) + "\"";
    response.headers.add("Etag", value);
  }
  const std::string_view modified = source.get("last-modified");
  if (!config.use_last_modified || modified.empty()) return;
  const auto time = http::parse_http_date(modified);
  if (!time) return;
  const std::int64_t raised = std::max(*time, config.last_modified_buster_unix_s.value_or(*time));
  response.headers.add("Last-Modified",
                       raised == *time ? std::string(modified) : http::http_date(raised));
}

}  // namespace imgring::service
