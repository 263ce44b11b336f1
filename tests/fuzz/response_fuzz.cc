// Fuzz target: the answer of a source. What it checks beside memory errors: the outcome does not
// depend on how the bytes were cut, nothing is read twice or left out, and what was said to be the
// length is the length.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "imgring/base/check.h"
#include "imgring/http/client_response_parser.h"
#include "target.h"

namespace {

using imgring::http::ResponseParser;

struct Outcome {
  std::string body, fields, error;
  std::size_t used = 0;
  int status = 0;
  bool done = false, keeps_alive = false;

  bool operator==(const Outcome&) const = default;
};

Outcome parse(const std::uint8_t* data, std::size_t size, std::size_t piece) {
  ResponseParser parser;
  Outcome out;
  const auto failed = [](const imgring::Error& error) {
    Outcome refused;
    refused.error = error.detail;
    return refused;
  };
  while (out.used < size && !parser.done()) {
    const std::size_t next = std::min(piece, size - out.used);
    std::vector<std::uint8_t> bytes(data + out.used, data + out.used + next);
    const auto fed = parser.feed(bytes);
    if (!fed) return failed(fed.error());
    IMGRING_CHECK(fed->consumed_bytes > 0 && fed->consumed_bytes <= next);
    IMGRING_CHECK(fed->body_bytes <= fed->consumed_bytes);
    IMGRING_CHECK(fed->consumed_bytes == next || parser.done());
    out.used += fed->consumed_bytes;
    out.body.append(reinterpret_cast<const char*>(bytes.data()), fed->body_bytes);
  }
  if (!parser.done()) {
    const auto end = parser.end_of_stream();
    if (!end) return failed(end.error());
  }
  const std::int64_t length = parser.head().content_length;
  IMGRING_CHECK(length < 0 || static_cast<std::size_t>(length) == out.body.size());
  for (const auto& [name, value] : parser.head().headers.fields()) {
    IMGRING_CHECK(imgring::http::safe_value(value));
    out.fields.append(name).append("\n").append(value).append("\n");
  }
  out.status = parser.head().status;
  out.done = parser.done();
  out.keeps_alive = parser.keeps_alive();
  return out;
}

}  // namespace

FUZZ_TARGET(response) {
  const Outcome whole = parse(data, size, size + 1);
  for (const std::size_t piece : {1, 2, 5, 13}) IMGRING_CHECK(parse(data, size, piece) == whole);
  return 0;
}
