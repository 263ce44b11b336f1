// HTTP answers out of a stream of bytes, for whoever checks them. Plain, no clock.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace imgring::simulation {

class AnswerReader {
 public:
  enum class State : std::uint8_t { kHead, kBody, kWhole, kWrong };
  // Takes what belongs to the answer that is under way; how many bytes that were.
  std::size_t feed(std::string_view bytes);
  State state() const noexcept { return state_; }
  bool begun() const noexcept { return state_ != State::kHead || !head_.empty(); }
  int status() const noexcept { return status_; }
  bool closes() const noexcept { return closes_; }
  const std::string& body() const noexcept { return body_; }
  void next() { *this = AnswerReader(); }

 private:
  bool read_head();
  std::size_t feed_chunked(std::string_view bytes);
  State state_ = State::kHead;
  std::string head_, body_, line_;
  int status_ = 0;
  bool closes_ = false, chunked_ = false;
  std::size_t left_ = 0;  // of the body or of a chunk
  enum class Part : std::uint8_t { kSize, kData, kDataEnd, kLastEnd } part_ = Part::kSize;
};

}  // namespace imgring::simulation
