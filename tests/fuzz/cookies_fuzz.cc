// Fuzz target: cookies, the client's for its source and a source's for its redirects. The first
// line is the source's URL, the second the client's Cookie, the third the host it asked for, the
// others Set-Cookie. What it checks beside memory errors: whatever is sent is one line, and no
// more is kept than the limits say.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "../../src/source/exchange_cookies.h"
#include "imgring/base/check.h"
#include "imgring/base/text.h"
#include "imgring/http/headers.h"
#include "imgring/service/cookies.h"
#include "imgring/url/source_url.h"
#include "target.h"

namespace {

using namespace imgring;

void pass_on(const std::vector<std::string_view>& lines) {
  http::Headers client;
  client.add("cookie", std::string(lines[1]));
  client.add("host", std::string(lines[2]));
  config::SourceConfig config;
  config.cookie_passthrough = true;
  for (const bool all : {false, true}) {
    config.cookie_passthrough_all = all;
    const std::string sent = service::cookies_for(lines[0], client, config);
    if (http::safe_value(lines[1])) IMGRING_CHECK(http::safe_value(sent));
    config.cookie_base_url = "http://host/folder/";
    static_cast<void>(service::cookies_for(lines[0], client, config));
  }
}

void keep(const std::vector<std::string_view>& lines) {
  const auto url = url::parse_http_url(lines[0]);
  if (!url) return;
  source::ExchangeCookies cookies;
  http::Headers answer;
  for (std::size_t i = 3; i < lines.size(); ++i) answer.add("set-cookie", std::string(lines[i]));
  for (const auto& [name, value] : answer.fields()) {
    if (!http::safe_value(value)) return;  // the parser of answers lets none through
  }
  constexpr std::int64_t kNow = 1'700'000'000;
  cookies.store(*url, answer, kNow);
  const std::string sent = cookies.value_for(*url, {});
  IMGRING_CHECK(http::safe_value(sent));
  IMGRING_CHECK(sent.size() <= source::kExchangeCookiesMax * (source::kExchangeCookieBytesMax + 3));
  if (http::safe_value(lines[1])) {
    IMGRING_CHECK(http::safe_value(cookies.value_for(*url, lines[1])));
  }
  const auto elsewhere = url::parse_http_url("https://elsewhere.example/");
  IMGRING_CHECK(elsewhere.has_value());
  if (url->host.find("elsewhere.example") == std::string::npos &&
      !std::string_view("elsewhere.example").ends_with(url->host)) {
    IMGRING_CHECK(cookies.value_for(*elsewhere, {}).empty());
  }
}

}  // namespace

FUZZ_TARGET(cookies) {
  const std::vector<std::string_view> lines = split(as_text({data, size}), "\n");
  if (lines.size() < 3) return 0;
  pass_on(lines);
  keep(lines);
  return 0;
}
