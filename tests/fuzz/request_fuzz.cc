// Fuzz target: heads of requests, one after another. What it checks beside memory errors: what is
// read does not depend on how the bytes were cut, and no head holds a byte that starts another.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "imgring/base/check.h"
#include "imgring/base/text.h"
#include "imgring/http/request.h"
#include "target.h"

namespace {

using imgring::http::RequestParser;
using State = RequestParser::State;

constexpr std::size_t kHeadsMax = 20;

// Everything that the heads said, and how the last one ended.
std::string parse(std::string_view text, std::size_t piece) {
  RequestParser parser;
  std::string said;
  for (std::size_t heads = 0; heads < kHeadsMax && !text.empty();) {
    const auto fed = parser.feed(text.substr(0, piece));
    IMGRING_CHECK(fed.consumed <= text.size());
    IMGRING_CHECK(fed.consumed > 0 || fed.state != State::kNeedMore);
    text.remove_prefix(fed.consumed);
    if (fed.state == State::kRefused) return said + std::to_string(parser.error().status);
    if (fed.state != State::kReady) continue;
    ++heads;
    const imgring::http::Request request = parser.take();
    parser.reset();
    IMGRING_CHECK(request.target.find_first_of(" \r\n") == std::string::npos);
    said.append(request.method_name).append(" ").append(request.target).append("\n");
    for (const auto& [name, value] : request.headers.fields()) {
      IMGRING_CHECK(imgring::http::safe_value(value));
      said.append(name).append("\n").append(value).append("\n");
    }
  }
  return said;
}

}  // namespace

FUZZ_TARGET(request) {
  const std::string_view text = imgring::as_text({data, size});
  const std::string whole = parse(text, size + 1);
  for (const std::size_t piece : {1, 2, 5, 13}) IMGRING_CHECK(parse(text, piece) == whole);
  return 0;
}
