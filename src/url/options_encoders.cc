// URL options about encoders that imgproxy's paid edition has (paid.md section 5). Any thread.
// Promises: an argument that is empty or missing keeps what was there.
#include <algorithm>
#include <array>
#include <utility>

#include "imgring/base/text.h"
#include "options.h"

namespace imgring::url {
namespace {

// In the order of config::WebpCompression, WebpPreset and AvifSubsample.
constexpr auto kCompressions =
    std::to_array<std::string_view>({"lossy", "near_lossless", "lossless"});
constexpr auto kWebpPresets =
    std::to_array<std::string_view>({"default", "photo", "picture", "drawing", "icon", "text"});
constexpr auto kSubsamples = std::to_array<std::string_view>({"auto", "on", "off"});

template <class Enum, std::size_t Count>
Result<void> keep_or_name(const Call& call, std::size_t at,
                          const std::array<std::string_view, Count>& names, Enum* value) {
  const std::string_view text = call.at(at);
  if (text.empty()) return {};
  const auto found = std::ranges::find(names, text);
  if (found == names.end()) return bad_argument(call, text, "one of its words");
  *value = static_cast<Enum>(found - names.begin());
  return {};
}

template <class Enum, std::size_t Count>
std::string_view word(const std::array<std::string_view, Count>& names, Enum value) noexcept {
  return names[static_cast<std::size_t>(value)];
}

// An integer of a range, or what was there.
struct Within {
  std::int64_t least, most;
};
Result<void> keep_or_within(const Call& call, std::size_t at, const Within& range, int* value) {
  const std::string_view text = call.at(at);
  if (text.empty()) return {};
  IMGRING_TRY(const std::int64_t given, parse_whole(call, text));
  if (given < range.least || given > range.most) {
    return bad_argument(
        call, text,
        "a number of " + std::to_string(range.least) + ".." + std::to_string(range.most));
  }
  *value = static_cast<int>(given);
  return {};
}

void add_word(std::string_view word, std::string* text) {
  if (!text->empty()) *text += ',';
  *text += word;
}
void show_words(std::string_view name, std::string words, ShowContext& context) {
  if (!words.empty()) context.fields.push_back({std::string(name), std::move(words)});
}

constexpr auto kMethods = std::to_array<std::string_view>({"none", "size", "dssim", "ml"});

// A quality; 0 counts as 1.
Result<void> keep_or_quality(const Call& call, std::size_t at, std::optional<int>* value) {
  int quality = value->value_or(1);
  if (call.at(at).empty()) return {};
  IMGRING_TRY_VOID(keep_or_within(call, at, {0, 100}, &quality));
  *value = std::max(1, quality);
  return {};
}

}  // namespace

Result<void> apply_autoquality(const Call& call, ApplyContext& context) {
  if (call.arguments.empty()) return {};
  Autoquality o = context.request.autoquality;
  IMGRING_TRY_VOID(keep_or_name(call, 0, kMethods, &o.method));
  // As of a format without a model: there are none.
  if (o.method == config::AutoqualityMethod::kMl) o.method = config::AutoqualityMethod::kDssim;
  IMGRING_TRY_VOID(keep_or(call, 1, &o.target, parse_unsigned_real));
  IMGRING_TRY_VOID(keep_or_quality(call, 2, &o.min));
  IMGRING_TRY_VOID(keep_or_quality(call, 3, &o.max));
  IMGRING_TRY_VOID(keep_or(call, 4, &o.allowed_error, parse_fraction));
  o.given = true;
  context.request.autoquality = o;
  return {};
}

void show_autoquality(std::string_view name, ShowContext& context) {
  const Autoquality& o = context.request.autoquality;
  if (o.method == config::AutoqualityMethod::kNone) return;
  const auto limit = [](const std::optional<int>& q) { return q ? std::to_string(*q) : ""; };
  context.fields.push_back({std::string(name), std::string(word(kMethods, o.method)) + ":" +
                                                   format_number(o.target) + ":" + limit(o.min) +
                                                   ":" + limit(o.max) + ":" +
                                                   format_number(o.allowed_error)});
}

Result<void> apply_jpeg_options(const Call& call, ApplyContext& context) {
  config::EncoderOptions o = context.request.encoders;
  IMGRING_TRY_VOID(keep_or(call, 0, &o.jpeg_progressive, lenient_bool));
  IMGRING_TRY_VOID(keep_or(call, 1, &o.jpeg_no_subsample, lenient_bool));
  for (const std::size_t of_mozjpeg : {2, 3, 4}) {
    bool wanted = false;
    IMGRING_TRY_VOID(keep_or(call, of_mozjpeg, &wanted, lenient_bool));
    o.jpeg_mozjpeg = o.jpeg_mozjpeg || wanted;
  }
  IMGRING_TRY_VOID(keep_or_within(call, 5, {0, 8}, &o.jpeg_quant_table));
  context.request.encoders = o;
  return {};
}

Result<void> apply_png_options(const Call& call, ApplyContext& context) {
  if (call.arguments.empty()) return {};
  config::EncoderOptions o = context.request.encoders;
  IMGRING_TRY_VOID(keep_or(call, 0, &o.png_interlaced, lenient_bool));
  IMGRING_TRY_VOID(keep_or(call, 1, &o.png_quantize, lenient_bool));
  IMGRING_TRY_VOID(keep_or_within(call, 2, {2, 256}, &o.png_quantization_colors));
  o.png_given = true;
  context.request.encoders = o;
  return {};
}

Result<void> apply_webp_options(const Call& call, ApplyContext& context) {
  if (call.arguments.empty()) return {};
  config::EncoderOptions o = context.request.encoders;
  IMGRING_TRY_VOID(keep_or_name(call, 0, kCompressions, &o.webp_compression));
  IMGRING_TRY_VOID(keep_or(call, 1, &o.webp_smart_subsample, lenient_bool));
  IMGRING_TRY_VOID(keep_or_name(call, 2, kWebpPresets, &o.webp_preset));
  o.webp_given = true;
  context.request.encoders = o;
  return {};
}

Result<void> apply_avif_options(const Call& call, ApplyContext& context) {
  return keep_or_name(call, 0, kSubsamples, &context.request.encoders.avif_subsample);
}

void show_jpeg_options(std::string_view name, ShowContext& context) {
  const config::EncoderOptions& o = context.request.encoders;
  std::string text;
  if (o.jpeg_progressive) add_word("progressive", &text);
  if (o.jpeg_no_subsample) add_word("no_subsample", &text);
  if (o.jpeg_quant_table > 0) add_word("quant_table=" + std::to_string(o.jpeg_quant_table), &text);
  show_words(name, std::move(text), context);
}

void show_png_options(std::string_view name, ShowContext& context) {
  const config::EncoderOptions &o = context.request.encoders, plain;
  std::string text;
  if (o.png_interlaced) add_word("interlaced", &text);
  if (o.png_quantize) add_word("quantize", &text);
  if (o.png_quantization_colors != plain.png_quantization_colors) {
    add_word("colors=" + std::to_string(o.png_quantization_colors), &text);
  }
  show_words(name, std::move(text), context);
}

void show_webp_options(std::string_view name, ShowContext& context) {
  const config::EncoderOptions &o = context.request.encoders, plain;
  std::string text;
  if (o.webp_compression != plain.webp_compression) {
    add_word(word(kCompressions, o.webp_compression), &text);
  }
  if (o.webp_smart_subsample) add_word("smart_subsample", &text);
  if (o.webp_preset != plain.webp_preset) {
    add_word("preset=" + std::string(word(kWebpPresets, o.webp_preset)), &text);
  }
  show_words(name, std::move(text), context);
}

void show_avif_options(std::string_view name, ShowContext& context) {
  const config::AvifSubsample subsample = context.request.encoders.avif_subsample;
  if (subsample == config::AvifSubsample::kAuto) return;
  show_words(name, std::string(word(kSubsamples, subsample)), context);
}

}  // namespace imgring::url
