// Probing and error texts.
#include "imgring/image/vips_image.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <string_view>

namespace imgring::image {
namespace {

// Beyond the four patterns of imgproxy (`x`load_source, `x`2vips, VipsJpeg, XML parse error) the
// names other libvips versions and our buffer loaders give to the same failures.
constexpr std::array kDecoderNames = {
    std::string_view("VipsJpeg"), std::string_view("vipspng"), std::string_view("vips2jpeg"),
    std::string_view("heif"),     std::string_view("webp"),    std::string_view("VipsForeignLoad")};
constexpr std::array kDecoderEndings = {
    std::string_view("load_source"), std::string_view("load_buffer"), std::string_view("load"),
    std::string_view("2vips"), std::string_view("Decode")};  // LZWDecode of libtiff

bool is_decoder_line(std::string_view text) noexcept {
  if (text.find("XML parse error: ") != std::string_view::npos) return true;
  const std::size_t colon = text.find(": ");
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view name = text.substr(0, colon);
  if (name.find_first_of(" \t\r\n") != std::string_view::npos) return false;
  for (const std::string_view known : kDecoderNames) {
    if (name == known) return true;
  }
  for (const std::string_view ending : kDecoderEndings) {
    if (name.size() > ending.size() && name.ends_with(ending)) return true;
  }
  return false;
}

// Of a source in memory: successful loads leave such lines ("source: bad seek ...") too.
bool says_nothing(std::string_view line) noexcept {
  return line.empty() || line.starts_with("source: ");
}

// The buffer gathers lines of all threads, in any order. Without one that says something it is the
// picture's fault: libvips only warns of what libpng says about rows of an interlaced picture, and
// another job's failure or end may have taken the words of this one away.
bool is_decoder_message(std::string_view text) noexcept {
  bool silent = true;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (is_decoder_line(line)) return true;
    silent = silent && says_nothing(line);
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return silent;
}

// GLib's words when the system has no thread left for a pool of libvips, and ours for children.
constexpr std::array kOurs = {std::string_view("Error creating thread"),
                              std::string_view(kShortageWords)};
// Of libvips, libpng and libjpeg.
constexpr std::array kMemory = {std::string_view("out of memory"),
                                std::string_view("Out of memory"),
                                std::string_view("nsufficient memory")};
// Alone, without a line before that tells why: of a target in memory, of libimagequant.
constexpr std::array kAlone = {std::string_view("wbuffer_write: write failed"),
                               std::string_view("quantise: quantisation failed")};
std::atomic<bool> memory_is_planned = false;

template <std::size_t N>
bool any_in(std::string_view text, const std::array<std::string_view, N>& words) noexcept {
  return std::ranges::any_of(words, [&](std::string_view one) { return text.contains(one); });
}

bool tells_of_memory(std::string_view text) noexcept {
  return any_in(text, kMemory) ||
         std::ranges::any_of(kAlone, [&](std::string_view one) { return text.starts_with(one); });
}

}  // namespace

bool tells_of_shortage(std::string_view text) noexcept {
  if (any_in(text, kOurs)) return true;
  return !memory_is_planned.load(std::memory_order_relaxed) && tells_of_memory(text);
}

void blame_pictures_for_shortages() noexcept { memory_is_planned = true; }

namespace {

GType operation_type(const char* operation) noexcept {
  return vips_type_find("VipsOperation", operation);
}

}  // namespace

namespace {

// Held for a look at the buffer and what follows from it.
std::mutex words_mutex;
std::uint64_t shortages_taken = 0;

using Words = std::unique_ptr<char, Deleter<g_free>>;

// Copied and cleared under libvips' lock: other helpers write there.
Words taken_words() noexcept {
  const std::lock_guard lock(words_mutex);
  Words words(vips_error_buffer_copy());
  if (tells_of_memory(words.get())) ++shortages_taken;
  return words;
}

}  // namespace

std::string take_vips_error() {
  std::string text = taken_words().get();
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

void drop_vips_error() noexcept { taken_words(); }

ShortageWatch::ShortageWatch() noexcept {
  const std::lock_guard lock(words_mutex);
  before_ = shortages_taken;
}

bool ShortageWatch::seen() const noexcept {
  const std::lock_guard lock(words_mutex);
  // Not copied: that would clear it. It is libvips' array; what another thread adds is behind.
  constexpr std::size_t kBufferBytes = 8192;
  const char* const words = vips_error_buffer();
  return shortages_taken != before_ || tells_of_memory({words, strnlen(words, kBufferBytes)});
}

Result<void> ShortageWatch::check() const {
  if (!seen()) return {};
  const bool planned = memory_is_planned.load(std::memory_order_relaxed);
  return fail(planned ? ErrorCode::kBrokenImage : ErrorCode::kOverloaded, "no memory for all rows");
}

Error vips_failure(std::string_view what) {
  const std::string text = take_vips_error();
  ErrorCode code = is_decoder_message(text) ? ErrorCode::kBrokenImage : ErrorCode::kInternal;
  if (tells_of_shortage(text)) code = ErrorCode::kOverloaded;
  if (what.empty()) return Error(code, text);
  return Error(code, std::string(what) + ": " + text);
}

bool vips_has_operation(const char* operation) noexcept {
  IMGRING_CHECK_OFF_LOOP();
  return operation_type(operation) != 0;
}

bool vips_has_argument(const char* operation, const char* argument) noexcept {
  IMGRING_CHECK_OFF_LOOP();
  const GType type = operation_type(operation);
  if (type == 0) return false;
  void* type_class = g_type_class_ref(type);
  const bool found =
      g_object_class_find_property(static_cast<GObjectClass*>(type_class), argument) != nullptr;
  g_type_class_unref(type_class);
  return found;
}

}  // namespace imgring::image
