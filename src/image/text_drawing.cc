// vips_text lays it out and draws it at once: each look is a drawing.
#include "text_drawing.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "imgring/base/text.h"
#include "operation.h"

namespace imgring::image {
namespace {

constexpr const char* kFont = "sans 16";
constexpr double kTextDpi = 72;
// What libvips takes.
constexpr double kDpiLeast = 1, kDpiMost = 1e6;

class Text final : public SvgDrawing {
 public:
  Text(ByteSpan source, const SvgParams& params) : markup_(as_text(source)), params_(params) {}

  Result<SvgSize> look(double scale) override {
    image_.reset();
    auto made = written(scale);
    if (!made) {
      const std::string_view said = made.error().detail;
      if (said.find("no text to render") != std::string_view::npos) return SvgSize{};
      if (said.find("invalid markup") == std::string_view::npos) {
        return std::unexpected(std::move(made).error());
      }
      return fail(ErrorCode::kInvalidUrl, "option watermark_text: its markup can't be read");
    }
    const SvgSize size{vips_image_get_width(made->get()), vips_image_get_height(made->get())};
    const std::int64_t pixels = std::int64_t{size.width} * size.height;
    if (params_.pixels_max > 0 && pixels > params_.pixels_max) {
      return fail(ErrorCode::kResolutionTooLarge,
                  "the watermark's text takes " + std::to_string(pixels) + " pixels, at most " +
                      std::to_string(params_.pixels_max) + " are drawn");
    }
    image_ = std::move(*made);
    return size;
  }

  Result<VipsImagePtr> draw() override {
    if (image_ == nullptr) return fail(ErrorCode::kInternal, "drawn before it was looked at");
    return std::move(image_);
  }

 private:
  Result<VipsImagePtr> written(double scale) const {
    const double dpi = std::clamp(std::ceil(kTextDpi * scale), kDpiLeast, kDpiMost);
    return Operation("text")
        .set("text", markup_.c_str())
        .set("font", kFont)
        .set("dpi", static_cast<int>(dpi))
        .set("rgba", 1)
        .image();
  }

  std::string markup_;
  SvgParams params_;
  VipsImagePtr image_;
};

}  // namespace

std::unique_ptr<SvgDrawing> write_here(ByteSpan source, const SvgParams& params) {
  return std::make_unique<Text>(source, params);
}

}  // namespace imgring::image
