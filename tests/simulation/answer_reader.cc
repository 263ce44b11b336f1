// Heads by their lines, bodies by length or in chunks.
#include "answer_reader.h"

#include <algorithm>
#include <cstdlib>

namespace imgring::simulation {

bool AnswerReader::read_head() {
  if (!head_.starts_with("HTTP/1.1 ")) return false;
  status_ = std::atoi(head_.c_str() + 9);
  closes_ = head_.find("\r\nConnection: close\r\n") != std::string::npos;
  chunked_ = head_.find("\r\nTransfer-Encoding: chunked\r\n") != std::string::npos;
  const std::size_t at = head_.find("\r\nContent-Length: ");
  if (at != std::string::npos) left_ = std::strtoull(head_.c_str() + at + 18, nullptr, 10);
  if (at == std::string::npos && !chunked_ && status_ != 304) return false;
  state_ = left_ == 0 && !chunked_ ? State::kWhole : State::kBody;
  return status_ >= 200 && status_ < 600;
}

std::size_t AnswerReader::feed_chunked(std::string_view bytes) {
  if (part_ == Part::kData) {
    const std::size_t count = std::min(left_, bytes.size());
    body_.append(bytes.substr(0, count));
    left_ -= count;
    if (left_ == 0) part_ = Part::kDataEnd;
    return count;
  }
  const std::size_t end = bytes.find('\n');
  const std::size_t count = end == std::string_view::npos ? bytes.size() : end + 1;
  line_.append(bytes.substr(0, count));
  if (end == std::string_view::npos) return count;
  if (part_ == Part::kSize) {
    left_ = std::strtoull(line_.c_str(), nullptr, 16);
    part_ = left_ > 0 ? Part::kData : Part::kLastEnd;
  } else {
    if (line_ != "\r\n") state_ = State::kWrong;
    if (part_ == Part::kLastEnd && state_ == State::kBody) state_ = State::kWhole;
    part_ = Part::kSize;
  }
  line_.clear();
  return count;
}

std::size_t AnswerReader::feed(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && (state_ == State::kHead || state_ == State::kBody)) {
    const std::string_view rest = bytes.substr(taken);
    if (state_ == State::kHead) {
      head_ += rest.front();
      ++taken;
      if (head_.ends_with("\r\n\r\n") && !read_head()) state_ = State::kWrong;
    } else if (chunked_) {
      taken += feed_chunked(rest);
    } else {
      const std::size_t count = std::min(left_, rest.size());
      body_.append(rest.substr(0, count));
      left_ -= count;
      taken += count;
      if (left_ == 0) state_ = State::kWhole;
    }
  }
  return taken;
}

}  // namespace imgring::simulation
