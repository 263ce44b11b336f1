// IMGPROXY_ALLOWED_SOURCES: patterns against source URLs as they are fetched.
// Immutable, any thread.
// Promises: a URL is judged by the parts that its fetcher takes it apart into, after replacements,
// base URL and escapes; scheme, user information, host, port, path and query are compared apart, so
// that no star reaches from one into another. Time is the text's length times the stars'.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/base/error.h"

namespace imgring::url {

// Text with stars. A star is any run of characters that are none of `stops`.
class Glob {
 public:
  Glob() = default;  // empty text
  Glob(std::string_view text, std::string_view stops);
  bool matches_whole(std::string_view text) const;
  bool matches_start(std::string_view text) const;

 private:
  std::optional<std::size_t> end_of_match(std::string_view text, std::size_t pieces) const;
  std::vector<std::string> pieces_ = {""};  // before, between and after the stars
  std::string stops_;
};

// A source URL as its fetcher understands it.
struct FetchedUrl {
  bool web = false;  // http, https: with user information, a port, escapes
  std::string scheme;
  std::optional<std::string> user_info;
  std::string host;  // web: lower case, IPv6 in brackets; else the bucket
  std::uint16_t port = 0;
  std::string path;                  // begins with a slash; web: encoded
  std::optional<std::string> query;  // web; else what stands behind the query separator
};
// Errors: kInvalidSourceUrl for what can't be fetched, and for dot segments: where a server goes by
// them is the server's affair, so no list could say what they lead to.
Result<FetchedUrl> parse_for_list(std::string_view url, std::string_view query_separator);

class AllowedSource {
 public:
  AllowedSource(std::string_view pattern, std::string_view query_separator);
  bool matches(const FetchedUrl& url) const;
  // What its writer may not expect of it; empty: nothing.
  const std::string& warning() const noexcept { return warning_; }

 private:
  // The pattern as one of the two kinds of URL.
  struct Reading {
    bool any_authority = false;  // "http://", "http://*/…"
    bool any_port = false;
    std::optional<Glob> user_info;
    Glob host, path;
    std::optional<Glob> port;  // none: the scheme's own, or any
    std::optional<Glob> query;
  };
  static Reading read_web(std::string_view rest);
  static Reading read_storage(std::string_view rest, std::string_view query_separator);

  Glob scheme_;
  bool scheme_only_ = false;  // nothing of "://" behind it: the beginning of scheme and "://"
  Reading web_, storage_;
  std::string warning_;
};

}  // namespace imgring::url
