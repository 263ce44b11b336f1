// What a ResponseParser makes of bytes that come in pieces; for the tests of responses.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/http/client_response_parser.h"

namespace imgring::http {

struct Outcome {
  int status = 0;
  std::string body, fields;  // fields: "name=value|" of each
  bool done = false, keeps_alive = false;
  std::size_t left = 0;  // bytes that belong to no response
  std::string error;
  ErrorCode code = ErrorCode::kInternal;

  bool operator==(const Outcome&) const = default;
};

// `next_piece()` says how many bytes come next. With `ends` the source closes the connection.
template <class NextPiece>
Outcome parse_pieces(std::string_view text, NextPiece next_piece, bool ends = true) {
  ResponseParser parser;
  Outcome out;
  const auto failed = [](const Error& error) {
    Outcome refused;
    refused.error = error.detail;
    refused.code = error.code;
    return refused;
  };
  while (!text.empty() && !parser.done()) {
    const std::size_t size = std::min<std::size_t>(next_piece(), text.size());
    std::vector<std::uint8_t> bytes(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
    const auto fed = parser.feed(bytes);
    if (!fed) return failed(fed.error());
    out.body.append(reinterpret_cast<const char*>(bytes.data()), fed->body_bytes);
    text.remove_prefix(fed->consumed_bytes);
  }
  if (!parser.done() && ends) {
    const auto end = parser.end_of_stream();
    if (!end) return failed(end.error());
  }
  out.status = parser.head().status;
  for (const auto& [name, value] : parser.head().headers.fields()) {
    out.fields.append(name).append("=").append(value).append("|");
  }
  out.done = parser.done();
  out.keeps_alive = parser.keeps_alive();
  out.left = text.size();
  return out;
}

inline Outcome parse(std::string_view text, std::size_t piece, bool ends = true) {
  return parse_pieces(text, [piece] { return piece; }, ends);
}

}  // namespace imgring::http
