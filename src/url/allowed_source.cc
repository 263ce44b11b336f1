// Patterns of sources, read part by part (see allowed_source.h). Any thread.
#include "allowed_source.h"

#include <algorithm>
#include <cstddef>

#include "imgring/base/text.h"
#include "imgring/base/uri.h"
#include "imgring/url/source_url.h"

namespace imgring::url {
namespace {

// What ends a host somewhere: delimiters of URLs, and what browsers or servers take for one.
constexpr std::string_view kHostStops = "/?#@\\:[]% \t";
constexpr std::string_view kAddressStops = "]%/?#@\\";  // inside the brackets of IPv6
constexpr std::string_view kUserStops = "/?#@\\";
constexpr std::string_view kWebPathStops = "/?";
constexpr std::string_view kPathStops = "/";

// A port without its leading zeros, which mean nothing.
std::string_view plain_port(std::string_view text) noexcept {
  while (text.size() > 1 && text[0] == '0') text.remove_prefix(1);
  return text;
}

std::unexpected<Error> refused(std::string_view why) {
  return fail(ErrorCode::kInvalidSourceUrl, "the source URL " + std::string(why));
}

}  // namespace

Glob::Glob(std::string_view text, std::string_view stops) : stops_(stops) {
  pieces_.clear();
  for (const std::string_view piece : split(text, "*")) pieces_.emplace_back(piece);
}

// Where the first `pieces` pieces and the stars between them end at the earliest. The earliest
// place of a piece is as good as any later one: between them there is no stop, or the piece itself
// holds the one that it must meet.
std::optional<std::size_t> Glob::end_of_match(std::string_view text, std::size_t pieces) const {
  if (!text.starts_with(pieces_[0])) return std::nullopt;
  std::size_t at = pieces_[0].size();
  for (std::size_t i = 1; i < pieces; ++i) {
    const std::size_t found = text.find(pieces_[i], at);
    if (found == std::string_view::npos || text.find_first_of(stops_, at) < found) {
      return std::nullopt;
    }
    at = found + pieces_[i].size();
  }
  return at;
}

bool Glob::matches_start(std::string_view text) const {
  return end_of_match(text, pieces_.size()).has_value();
}

bool Glob::matches_whole(std::string_view text) const {
  if (pieces_.size() == 1) return text == pieces_[0];
  const auto at = end_of_match(text, pieces_.size() - 1);
  const std::string& last = pieces_.back();
  if (!at || !text.ends_with(last) || text.size() - last.size() < *at) return false;
  const std::string_view star = text.substr(*at, text.size() - last.size() - *at);
  return star.find_first_of(stops_) == std::string_view::npos;
}

Result<FetchedUrl> parse_for_list(std::string_view text, std::string_view query_separator) {
  FetchedUrl out;
  out.scheme = scheme_of(text);
  out.web = out.scheme == "http" || out.scheme == "https";
  if (out.web) {
    const Result<HttpUrl> url = parse_http_url(text);
    if (!url) return refused("can't be fetched: " + url.error().detail);
    out.user_info = url->user_info;
    out.host = url->host_is_ipv6 ? "[" + url->host + "]" : url->host;
    out.port = url->port;
    out.path = url->target.substr(0, url->target.find('?'));
    if (out.path.size() < url->target.size()) out.query = url->target.substr(out.path.size() + 1);
  } else {
    Result<StorageUrl> url = parse_storage_url(text, query_separator);
    if (!url) return refused("can't be fetched: " + url.error().detail);
    out.host = std::move(url->bucket);
    out.path = "/" + url->key;
    if (url->has_version) out.query = std::move(url->version);
  }
  if (has_dot_segment(out.path) || has_dot_segment(out.host)) {
    return refused("has a dot segment: with IMGPROXY_ALLOWED_SOURCES it must name what it means");
  }
  return out;
}

AllowedSource::Reading AllowedSource::read_web(std::string_view rest) {
  Reading out;
  std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  rest.remove_prefix(authority.size());
  out.any_port = rest.empty();
  out.any_authority = authority == "*" || (authority.empty() && rest.empty());
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    out.user_info = Glob(authority.substr(0, at), kUserStops);
    authority.remove_prefix(at + 1);
  }
  const bool address = authority.starts_with('[');
  const std::size_t bracket = address ? authority.find(']') : 0;
  const std::size_t colon = authority.find(':', std::min(bracket, authority.size()));
  const std::string host = to_lower(authority.substr(0, colon));
  out.host = Glob(replace_all(host, "%25", "%"), address ? kAddressStops : kHostStops);
  const std::string_view port =
      colon == std::string_view::npos ? std::string_view() : authority.substr(colon + 1);
  if (!port.empty()) out.port = Glob(plain_port(port), kHostStops);
  const std::string_view path = rest.substr(0, rest.find('?'));
  const std::string slash = path.starts_with('/') ? "" : "/";
  out.path = Glob(slash + encode_path(path), kWebPathStops);
  if (path.size() < rest.size()) {
    out.query = Glob(encode_query(rest.substr(path.size() + 1)), kPathStops);
  }
  return out;
}

AllowedSource::Reading AllowedSource::read_storage(std::string_view rest,
                                                   std::string_view query_separator) {
  Reading out;
  const std::string_view bucket = rest.substr(0, rest.find('/'));
  rest.remove_prefix(bucket.size());
  out.any_authority = bucket.empty() && rest.empty();
  out.host = Glob(bucket, kHostStops);
  if (!query_separator.empty()) {
    if (const std::size_t at = rest.find(query_separator); at != std::string_view::npos) {
      out.query = Glob(rest.substr(at + query_separator.size()), kPathStops);
      rest = rest.substr(0, at);
    }
  }
  while (rest.starts_with('/')) rest.remove_prefix(1);
  out.path = Glob("/" + std::string(rest), kPathStops);
  return out;
}

AllowedSource::AllowedSource(std::string_view pattern, std::string_view query_separator) {
  std::size_t mark = pattern.find("://");
  const std::size_t colon = pattern.find(":/");
  const bool no_authority = mark == std::string_view::npos && colon != std::string_view::npos &&
                            colon + 2 < pattern.size();
  std::string_view rest;
  if (no_authority) {  // "local:/folder/"
    mark = colon;
    storage_ = read_storage(pattern.substr(colon + 1), query_separator);
    web_.host = Glob("/", kHostStops);  // no host is that
  } else if (mark != std::string_view::npos) {
    rest = pattern.substr(mark + 3);
    web_ = read_web(rest);
    storage_ = read_storage(rest, query_separator);
  }
  scheme_only_ = mark == std::string_view::npos;
  scheme_ = Glob(to_lower(pattern.substr(0, mark)), scheme_only_ ? ":/" : "");
  const bool bare_host =
      !rest.empty() && rest.find('/') == std::string_view::npos && !web_.any_authority;
  if (bare_host) {
    warning_ = "IMGPROXY_ALLOWED_SOURCES: " + display_text(pattern) +
               " has no slash after its host and allows this host alone, at any port, and none "
               "whose name only begins so: write " +
               display_text(pattern) + "/";
  }
}

bool AllowedSource::matches(const FetchedUrl& url) const {
  if (scheme_only_) return scheme_.matches_start(url.scheme + "://");
  if (!scheme_.matches_whole(url.scheme)) return false;
  const Reading& own = url.web ? web_ : storage_;
  if (!own.any_authority) {
    if (own.user_info.has_value() != url.user_info.has_value()) return false;
    if (own.user_info && !own.user_info->matches_whole(*url.user_info)) return false;
    if (!own.host.matches_whole(url.host)) return false;
    const std::uint16_t usual = url.scheme == "https" ? 443 : 80;
    if (own.port && !own.port->matches_whole(std::to_string(url.port))) return false;
    if (url.web && !own.port && !own.any_port && url.port != usual) return false;
  }
  if (!own.query) return own.path.matches_start(url.path);
  return own.path.matches_whole(url.path) && url.query && own.query->matches_start(*url.query);
}

}  // namespace imgring::url
