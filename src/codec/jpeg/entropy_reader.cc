// Stuffing goes a register at a time, so that decoders know no 0xFF.
#include "entropy_reader.h"

#include "imgring/base/check.h"
#include "loops.h"

namespace imgring::codec::jpeg {

void Feed::start(EntropySpan source) noexcept {
  source_ = source;
  end_ = buffer_.data();
  ended_ = false;
}

const std::uint8_t* Feed::refill(const std::uint8_t* at) noexcept {
  const std::ptrdiff_t rest = end_ - at;
  // Who overran a segment has its end, and is not here. More would not fit.
  IMGRING_CHECK(rest >= 0 && rest < kAhead);
  std::memmove(buffer_.data(), at, static_cast<std::size_t>(rest));
  Unstuffing u{source_.begin, source_.end, buffer_.data() + rest, buffer_.data() + rest + kChunk};
  ended_ = loops().unstuff(&u);
  source_.begin = u.in;
  end_ = u.out;
  if (ended_) std::memset(end_, 0, kZeros);
  return buffer_.data();
}

void EntropyReader::start_scan(EntropySpan source, int restart_interval) noexcept {
  source_end_ = source.end;
  restart_interval_ = restart_interval;
  restart_index_ = 0;
  start_segment(source.begin);
}

void EntropyReader::start_segment(const std::uint8_t* from) noexcept {
  feed.start({from, source_end_});
  place.at = feed.ahead(feed.begin());
  place.bits = Bits::load(place.at);
  place.count = 56;
  place.at += 7;
  restarts_left = restart_interval_ != 0 ? restart_interval_ : -1;  // which never gets to 0
  for (DcState& state : dc) state.predicted = 0;
}

bool EntropyReader::at_marker(Bits* bits) noexcept {
  if (feed.overrun(bits->at)) return false;
  bits->at = feed.ahead(bits->at);  // with so much left it is not at the end
  const std::ptrdiff_t left = (feed.end() - bits->at) * 8 + bits->count;
  return feed.ended() && left >= 0 && left < 8 && source_end_ - feed.marker() >= 2;
}

bool EntropyReader::next_restart(Bits* bits) noexcept {
  if (!at_marker(bits) || feed.marker()[1] != 0xD0 + restart_index_) return false;
  restart_index_ = (restart_index_ + 1) & 7;
  start_segment(feed.marker() + 2);
  *bits = place;
  return true;
}

}  // namespace imgring::codec::jpeg
