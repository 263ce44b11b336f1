// One marker after the other. Whatever libjpeg-turbo would warn of, and whatever is rare, is
// irregular.
#include "headers.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace imgring::codec::jpeg {
namespace {

enum Marker : std::uint8_t {
  kSof0 = 0xC0,
  kSof1 = 0xC1,
  kSof2 = 0xC2,
  kDht = 0xC4,
  kRst0 = 0xD0,
  kSoi = 0xD8,
  kEoi = 0xD9,
  kSos = 0xDA,
  kDqt = 0xDB,
  kDri = 0xDD,
  kApp0 = 0xE0,
  kApp14 = 0xEE,
  kApp15 = 0xEF,
  kCom = 0xFE,
};

int big16(const std::uint8_t* p) noexcept { return p[0] << 8 | p[1]; }

bool starts_with(ByteSpan body, std::string_view name) noexcept {
  return body.size() >= name.size() && std::memcmp(body.data(), name.data(), name.size()) == 0;
}

// The 0xFF of the first marker behind entropy-coded data, restarts left out; or the end.
const std::uint8_t* next_marker(const std::uint8_t* p, const std::uint8_t* end) noexcept {
  while (end - p >= 2) {
    p = static_cast<const std::uint8_t*>(
        std::memchr(p, 0xFF, static_cast<std::size_t>(end - p - 1)));
    if (p == nullptr) return end;
    if (p[1] != 0 && (p[1] & 0xF8) != kRst0) return p;
    p += 2;
  }
  return end;
}

bool within(int value, int low, int high) noexcept { return value >= low && value <= high; }

// Luma 1x1, 2x1, 1x2, 2x2 or 4x1; chroma as luma or once, both alike.
bool usual_sampling(const std::vector<FrameComponent>& c) noexcept {
  if (c.size() == 1) return true;
  const FrameComponent &luma = c[0], &blue = c[1], &red = c[2];
  const bool luma_ok = luma.h * luma.v <= 4 && luma.h != 3 && luma.v <= 2;
  const bool alike = blue.h == red.h && blue.v == red.v;
  const bool chroma_ok = (blue.h == luma.h || blue.h == 1) && (blue.v == luma.v || blue.v == 1);
  const int blocks = luma.h * luma.v + blue.h * blue.v + red.h * red.v;
  return luma_ok && alike && chroma_ok && blocks <= kMcuBlocksMax;
}

class Reader {
 public:
  explicit Reader(ByteSpan source) noexcept
      : at_(source.data()), end_(source.data() + source.size()) {}

  // A sequential file is read to its first scan, a progressive one to its end.
  std::optional<Headers> headers() {
    if (end_ - at_ < 4 || at_[0] != 0xFF || at_[1] != kSoi) return std::nullopt;
    at_ += 2;
    Step step = Step::kOn;
    while (step == Step::kOn) step = marker();
    if (step == Step::kIrregular || out_.scans.empty()) return std::nullopt;
    const bool whole = out_.progressive ? progression_complete() : one_whole_scan();
    if (!whole || !find_colours() || !quants_known()) return std::nullopt;
    return std::move(out_);
  }

 private:
  enum class Step : std::uint8_t { kOn, kDone, kIrregular };

  Step marker() {
    if (end_ - at_ < 2 || at_[0] != 0xFF) return Step::kIrregular;
    const std::uint8_t marker = at_[1];
    if (marker == kEoi) return out_.progressive ? Step::kDone : Step::kIrregular;
    if (end_ - at_ < 4) return Step::kIrregular;
    const int length = big16(at_ + 2);
    if (length < 2 || length > end_ - (at_ + 2)) return Step::kIrregular;
    const ByteSpan body(at_ + 4, static_cast<std::size_t>(length - 2));
    at_ += 2 + length;
    if (!take(marker, body)) return Step::kIrregular;
    return marker == kSos && !out_.progressive ? Step::kDone : Step::kOn;
  }

  bool take(std::uint8_t marker, ByteSpan body) {
    switch (marker) {
      case kSof0:
      case kSof1:
      case kSof2: out_.progressive = marker == kSof2; return take_frame(body);
      case kDht: return take_codes(body);
      case kDqt: return take_quants(body);
      case kDri:
        if (body.size() != 2) return false;
        restart_interval_ = big16(body.data());
        return true;
      case kSos: return take_scan(body);
      case kApp0: return take_jfif(body);
      case kApp14:
        if (out_.scans.empty() && body.size() >= 12 && starts_with(body, "Adobe"))
          adobe_transform_ = body[11];
        return true;
      default: return within(marker, kApp0, kApp15) || marker == kCom;
    }
  }

  bool take_jfif(ByteSpan body) noexcept {
    if (body.size() < 14 || !starts_with(body, std::string_view("JFIF\0", 5))) return true;
    // libjpeg decides on colours at the first scan.
    if (out_.scans.empty()) jfif_ = true;
    return body[5] == 1;  // the major version
  }

  bool take_quants(ByteSpan body) noexcept {
    constexpr std::size_t kEach = 65;
    if (!out_.scans.empty() || body.size() % kEach != 0) return false;
    for (; !body.empty(); body = body.subspan(kEach)) {
      const std::size_t id = body[0];  // above 3: 16 bits, or none
      if (id > 3) return false;
      for (std::size_t i = 0; i < 64; ++i) {
        if (body[1 + i] == 0) return false;
        out_.quants[id][i] = body[1 + i];
      }
      quant_known_[id] = true;
    }
    return true;
  }

  bool take_codes(ByteSpan body) {
    constexpr std::size_t kCounts = 1 + kCodeBitsMax;
    while (!body.empty()) {
      if (body.size() < kCounts || (body[0] & 0xEF) > 3) return false;
      if (out_.codes.size() == kCodesMax) return false;
      const bool ac = (body[0] & 0x10) != 0;
      HuffmanCodes codes;
      std::size_t count = 0;
      for (std::size_t i = 1; i < kCounts; ++i) count += codes.counts[i] = body[i];
      if (count > codes.symbols.size() || body.size() < kCounts + count) return false;
      const ByteSpan symbols = body.subspan(kCounts, count);
      std::ranges::copy(symbols, codes.symbols.begin());
      const auto no_dc = [](std::uint8_t symbol) { return symbol > 15; };
      if (!ac && std::ranges::any_of(symbols, no_dc)) return false;
      if (!complete(&codes)) return false;
      (ac ? ac_ : dc_)[body[0] & 3] = out_.codes.size();
      out_.codes.push_back(codes);
      body = body.subspan(kCounts + count);
    }
    return true;
  }

  bool take_frame(ByteSpan body) {
    if (!out_.components.empty() || body.size() < 6 || body[0] != 8) return false;
    out_.height = big16(body.data() + 1);
    out_.width = big16(body.data() + 3);
    const std::size_t count = body[5];
    if (!within(out_.width, 1, kSideMax) || !within(out_.height, 1, kSideMax)) return false;
    if (count != 1 && count != 3) return false;
    if (body.size() != 6 + 3 * count) return false;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint8_t* at = body.data() + 6 + 3 * i;
      FrameComponent c{at[0], at[1] >> 4, at[1] & 15, at[2]};
      if (!within(c.h, 1, 4) || !within(c.v, 1, 4) || c.quant > 3) return false;
      if (count == 1) c.h = c.v = 1;  // a scan of one component has no sampling
      for (const FrameComponent& other : out_.components) {
        if (other.id == c.id) return false;
      }
      out_.components.push_back(c);
    }
    return usual_sampling(out_.components);
  }

  bool take_scan(ByteSpan body) {
    if (out_.components.empty() || body.empty()) return false;
    if (out_.scans.size() == kScansMax) return false;
    Scan scan;
    scan.count = body[0];
    const auto count = static_cast<std::size_t>(scan.count);
    if (count < 1 || count > out_.components.size() || body.size() != 4 + 2 * count) return false;
    for (std::size_t i = 0; i < count; ++i) {
      if (!take_scan_component(body[1 + 2 * i], body[2 + 2 * i], &scan.components[i])) return false;
      const bool falls = i > 0 && scan.components[i].index <= scan.components[i - 1].index;
      if (falls) return false;
    }
    const std::uint8_t* band = body.data() + 1 + 2 * count;
    scan.from = band[0];
    scan.to = band[1];
    scan.high = band[2] >> 4;
    scan.low = band[2] & 15;
    scan.restart_interval = restart_interval_;
    scan.data = {at_, out_.progressive ? at_ = next_marker(at_, end_) : end_};
    if (out_.progressive)
      scan.data.end = end_ - at_ < 2 ? end_ : at_ + 2;  // the marker belongs to it
    out_.scans.push_back(scan);
    return true;
  }

  bool take_scan_component(std::uint8_t id, int tables, ScanComponent* out) const noexcept {
    const auto same = [id](const FrameComponent& c) { return c.id == id; };
    const auto found = std::ranges::find_if(out_.components, same);
    if (found == out_.components.end() || (tables & 0xCC) != 0) return false;
    out->index = static_cast<std::size_t>(found - out_.components.begin());
    out->dc_id = tables >> 4;
    out->ac_id = tables & 3;
    out->dc = dc_[static_cast<std::size_t>(out->dc_id)];
    out->ac = ac_[static_cast<std::size_t>(out->ac_id)];
    return true;
  }

  bool one_whole_scan() const noexcept {
    const Scan& s = out_.scans[0];
    const bool all = static_cast<std::size_t>(s.count) == out_.components.size();
    return all && s.from == 0 && s.to == 63 && s.high == 0 && s.low == 0;
  }

  // What is not complete is smoothed by libjpeg-turbo.
  bool progression_complete() const noexcept {
    constexpr int kNotYet = -1;
    std::array<std::array<int, 64>, kComponentsMax> low;
    for (auto& bits : low) bits.fill(kNotYet);
    for (const Scan& s : out_.scans) {
      const bool band = s.from == 0 ? s.to == 0 : s.count == 1 && s.from <= s.to && s.to <= 63;
      const bool bit = s.low <= 10 && (s.high == 0 || s.high == s.low + 1);
      if (!band || !bit) return false;
      for (int i = 0; i < s.count; ++i) {
        auto& bits = low[s.components[static_cast<std::size_t>(i)].index];
        if (s.from > 0 && bits[0] == kNotYet) return false;
        for (int k = s.from; k <= s.to; ++k) {
          int& now = bits[static_cast<std::size_t>(k)];
          if (now != (s.high == 0 ? kNotYet : s.high)) return false;
          now = s.low;
        }
      }
    }
    const auto done = [](const std::array<int, 64>& bits) {
      return std::ranges::all_of(bits, [](int bit) { return bit == 0; });
    };
    return std::all_of(low.begin(), low.begin() + std::ssize(out_.components), done);
  }

  // As libjpeg guesses, where it does not have to warn.
  bool find_colours() noexcept {
    const auto& c = out_.components;
    if (c.size() == 1) {
      out_.colours = Colours::kGrey;
      return true;
    }
    const auto ids = [&](int a, int b, int d) {
      return c[0].id == a && c[1].id == b && c[2].id == d;
    };
    const bool rgb = adobe_transform_ == 0 || (adobe_transform_ < 0 && ids('R', 'G', 'B'));
    const bool ycc = adobe_transform_ == 1 || (adobe_transform_ < 0 && ids(1, 2, 3));
    if (!jfif_ && !rgb && !ycc) return false;
    out_.colours = jfif_ || ycc ? Colours::kYcc : Colours::kRgb;
    const bool reduced = c[0].h * c[0].v != 1 || c[1].h * c[1].v != 1;
    return out_.colours == Colours::kYcc || !reduced;
  }

  bool quants_known() const noexcept {
    return std::ranges::all_of(out_.components,
                               [this](const FrameComponent& c) { return quant_known_[c.quant]; });
  }

  const std::uint8_t *at_, *end_;
  Headers out_;
  std::array<std::optional<std::size_t>, 4> dc_, ac_;  // of Headers::codes, as defined last
  std::array<bool, 4> quant_known_{};
  int restart_interval_ = 0, adobe_transform_ = -1;
  bool jfif_ = false;
};

}  // namespace

std::optional<Headers> read_headers(ByteSpan source) { return Reader(source).headers(); }

}  // namespace imgring::codec::jpeg
