// Lines of a response as sources write them, turned into such as a strict parser takes (RFC 9112
// 2.2, 2.3, 5, 6.3): what browsers read past is left out, equal lengths are one, framing that can
// be read in two ways is an Error. No parser: llhttp reads what comes out.
// A value of one ResponseParser; plain functions, no I/O.
#pragma once

#include <string>
#include <string_view>

#include "imgring/base/error.h"

namespace imgring::http {

class ResponseLines {
 public:
  // Each takes a line without its end and returns what the parser is given in its place, with
  // CR LF; empty: the line is left out. The text is good until the next call.
  Result<std::string_view> status(std::string_view line);
  Result<std::string_view> field(std::string_view line);
  std::string_view chunk_size(std::string_view line);
  // A trailer is never given to the parser; only its shape counts.
  void trailer(std::string_view line);

  // Another response follows an interim one.
  void next_response() noexcept;
  void found_odd() noexcept { odd_ = true; }
  // Something was not as the standard has it: nothing else may be asked on that connection.
  bool odd() const noexcept { return odd_; }

 private:
  Result<std::string_view> length(std::string_view value);
  Result<std::string_view> coding(std::string_view value);
  std::string_view left_out() noexcept;

  std::string out_;
  std::string length_;  // what Content-Length said, without zeros in front
  bool chunked_ = false, old_ = false, bodiless_ = false, odd_ = false;
};

}  // namespace imgring::http
