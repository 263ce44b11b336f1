// A block of noise, read from a place that depends on the id.
#include "content.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace imgring::simulation {

namespace {

constexpr std::size_t kNoiseBytes = 1 << 16;
constexpr std::string_view kSourceMark = "SIMU", kResultMark = "SIMR";
constexpr std::size_t kPngHead = 33, kMarkBytes = 12;

const std::string& noise() {
  static const std::string made = [] {
    std::string text(kNoiseBytes, '\0');
    std::uint64_t state = 88172645463325252;
    for (char& c : text) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      c = static_cast<char>(state >> 24);
    }
    return text;
  }();
  return made;
}

void put_number(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

std::uint32_t number_at(std::string_view text, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(text[at + i]);
  return value;
}

std::size_t place_of(std::uint32_t id) { return id * std::size_t{7919} % kNoiseBytes; }

void put_noise(std::string& out, std::uint32_t id, std::size_t size_bytes) {
  std::size_t at = place_of(id);
  while (out.size() < size_bytes) {
    const std::size_t count = std::min(size_bytes - out.size(), kNoiseBytes - at);
    out.append(noise(), at, count);
    at = 0;
  }
}

bool is_noise(std::string_view text, std::uint32_t id) {
  std::size_t at = place_of(id);
  while (!text.empty()) {
    const std::size_t count = std::min(text.size(), kNoiseBytes - at);
    if (std::memcmp(text.data(), noise().data() + at, count) != 0) return false;
    text.remove_prefix(count);
    at = 0;
  }
  return true;
}

std::string marked(std::string head, std::string_view mark, std::uint32_t id, std::size_t size) {
  head.reserve(size);
  head += mark;
  put_number(head, id);
  put_number(head, static_cast<std::uint32_t>(size));
  put_noise(head, id, size);
  return head;
}

std::optional<std::uint32_t> id_at(std::string_view bytes, std::size_t at, std::string_view mark) {
  if (bytes.size() < at + kMarkBytes || bytes.substr(at, 4) != mark) return std::nullopt;
  const std::uint32_t id = number_at(bytes, at + 4);
  if (number_at(bytes, at + 8) != bytes.size()) return std::nullopt;
  if (!is_noise(bytes.substr(at + kMarkBytes), id)) return std::nullopt;
  return id;
}

}  // namespace

std::string make_source(const Facts& facts, std::size_t size_bytes) {
  std::string head("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
  put_number(head, static_cast<std::uint32_t>(facts.width));
  put_number(head, static_cast<std::uint32_t>(facts.height));
  head.append("\x08\x02\0\0\0\0\0\0\0", 9);
  return marked(std::move(head), kSourceMark, facts.id, std::max(size_bytes, kSourceBytesMin));
}

std::optional<std::uint32_t> id_of_source(std::string_view bytes) {
  return id_at(bytes, kPngHead, kSourceMark);
}

std::string make_result(std::uint32_t id, std::size_t size_bytes) {
  return marked({}, kResultMark, id ^ 0x5555, std::max(size_bytes, kMarkBytes));
}

std::optional<std::uint32_t> id_of_result(std::string_view bytes) {
  const auto id = id_at(bytes, 0, kResultMark);
  if (!id) return std::nullopt;
  return *id ^ 0x5555;
}

}  // namespace imgring::simulation
