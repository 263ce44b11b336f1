// Where an id and an address come from.
#include "imgring/service/request_id.h"

#include <sys/random.h>

#include "imgring/base/text.h"

namespace imgring::service {

namespace {

constexpr std::string_view kIdAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

bool fit_for_id(std::string_view id) noexcept {
  return !id.empty() && id.find_first_not_of(kIdAlphabet) == std::string_view::npos;
}

// The text of "requestId" in a JSON object itself, not in objects inside it; of several the last.
// One that needs unescaping is unfit anyway.
std::string_view amazon_request_id(std::string_view json) noexcept {
  constexpr std::string_view kSpace = " \t\r\n";
  std::string_view key, found;
  int depth = 0;
  for (std::size_t at = 0; at < json.size(); ++at) {
    const char c = json[at];
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    if (c == ',') key = {};
    if (c != '"') continue;
    std::size_t end = at + 1;
    while (end < json.size() && json[end] != '"') end += json[end] == '\\' ? 2 : 1;
    if (end >= json.size()) return {};
    const std::string_view text = json.substr(at + 1, end - at - 1);
    const std::size_t next = json.find_first_not_of(kSpace, end + 1);
    const bool is_key = next != std::string_view::npos && json[next] == ':';
    if (depth == 1 && !is_key && equal_ignore_case(key, "requestId")) found = text;
    key = is_key && depth == 1 ? text : std::string_view();
    at = end;
  }
  return depth == 0 ? found : std::string_view();
}

}  // namespace

std::string RequestIds::next() {
  static_assert(kIdAlphabet.size() == 64);  // else some characters would be likelier than others
  if (left_ == 0) {
    constexpr auto kAll = static_cast<ssize_t>(sizeof bytes_);
    if (getrandom(bytes_.data(), bytes_.size(), 0) != kAll) return std::string(kLength, '0');
    left_ = bytes_.size();
  }
  left_ -= kLength;
  std::string id(kLength, '0');
  for (std::size_t i = 0; i < kLength; ++i) {
    id[i] = kIdAlphabet[bytes_[left_ + i] % kIdAlphabet.size()];
  }
  return id;
}

std::string request_id_of(const http::Headers& headers, RequestIds& ids) {
  const std::string_view given = headers.get("x-request-id");
  if (fit_for_id(given)) return std::string(given);
  const std::string_view amazon = amazon_request_id(headers.get("x-amzn-request-context"));
  if (fit_for_id(amazon)) return std::string(amazon);
  return ids.next();
}

std::string client_address(const http::Headers& headers, const http::Peer& peer) {
  const std::string_view cloudflare = headers.get("cf-connecting-ip");
  if (!cloudflare.empty()) return std::string(cloudflare);
  const std::string_view forwarded = headers.get("x-forwarded-for");
  if (!forwarded.empty()) return std::string(trim(forwarded.substr(0, forwarded.find(','))));
  const std::string_view real = headers.get("x-real-ip");
  return real.empty() ? peer.text() : std::string(real);
}
}  // namespace imgring::service
