// The rasteriser in this process.
#include "imgring/image/svg_drawing.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "imgring/image/loader.h"
#include "imgring/image/svg_check.h"
#include "imgring/svg/encoding.h"
#include "imgring/svg/svg.h"
#include "svg_limits.h"
#include "text_drawing.h"

namespace imgring::image {
namespace {

using namespace svg;

// Of an SVG that does not say its size and is not read.
constexpr double kUnsaidSide = 100;

SvgSize size_of(const SvgRootSize& said, double scale) noexcept {
  const auto side = [scale](double length) {
    return static_cast<int>(std::clamp(std::round(length * scale), 1.0, 1.0 * VIPS_MAX_COORD));
  };
  return {side(said.width), side(said.height)};
}

class Here final : public SvgDrawing {
 public:
  Here(ByteSpan source, const SvgParams& params) noexcept : source_(source), params_(params) {}

  Result<SvgSize> look(double scale) override {
    image_.reset();
    if (!checked_) IMGRING_TRY_VOID(check());
    checked_ = true;
    scale_ = scale;
    if (unread_) return size_of(*unread_, scale);
    IMGRING_TRY(image_, open(source_));
    return SvgSize{vips_image_get_width(image_.get()), vips_image_get_height(image_.get())};
  }

  Result<VipsImagePtr> draw() override {
    if (image_ == nullptr) return fail(ErrorCode::kInternal, "drawn before it was looked at");
    IMGRING_TRY_VOID(prepare());
    if (text_ != nullptr) {  // it lives as long as the image, and as this
      g_object_set_data_full(reinterpret_cast<GObject*>(image_.get()), "imgring-source",
                             new Text(text_), [](void* p) { delete static_cast<Text*>(p); });
    }
    return std::move(image_);
  }

 private:
  using Text = std::shared_ptr<const std::string>;

  Result<VipsImagePtr> open(ByteSpan source) const {
    LoadParams params;
    params.scale = scale_;
    params.unlimited = params_.unlimited;
    return load(source, ImageType::kSvg, params);
  }
  void take_text(std::string text) {
    text_ = std::make_shared<const std::string>(std::move(text));
    source_ = as_bytes(*text_);
  }
  SvgBudget budget() const noexcept {
    return {params_.pixels_max > 0 ? params_.pixels_max : kSvgPixelsMaxOtherwise,
            params_.seconds_max > 0 ? params_.seconds_max : kSvgSecondsMaxOtherwise};
  }

  // What is checked is what is drawn.
  Result<void> check() {
    const StopFlag never;  // the server kills the child
    SvgWork work(never);
    IMGRING_TRY(std::optional<std::string> text, svg_to_utf8(source_, &work));
    if (text) take_text(std::move(*text));
    IMGRING_TRY(const std::string refused, check_svg_loading(source_, budget(), &work));
    if (params_.served && !refused.empty()) {
      unread_ = svg_root_size(source_).value_or(SvgRootSize{kUnsaidSide, kUnsaidSide});
      return {};
    }
    return refuse_svg(refused);
  }
  Result<void> prepare() {
    const StopFlag never;
    SvgWork work(never);
    const SvgCanvas canvas{static_cast<double>(vips_image_get_width(image_.get())),
                           static_cast<double>(vips_image_get_height(image_.get()))};
    IMGRING_TRY(SvgPrepared prepared, prepare_svg(source_, canvas, budget(), &work));
    IMGRING_TRY_VOID(refuse_svg(prepared.refused));
    if (!prepared.text) return {};
    image_.reset();
    take_text(std::move(*prepared.text));
    // A link that was written anew may be longer than what a parser takes from strangers.
    params_.unlimited = true;
    IMGRING_TRY(image_, open(source_));
    return {};
  }

  Text text_;  // null: the source served as it was
  ByteSpan source_;
  SvgParams params_;
  double scale_ = 1;
  bool checked_ = false;
  std::optional<SvgRootSize> unread_;  // served, and reading it would cost too much or end us
  VipsImagePtr image_;
};

}  // namespace

std::unique_ptr<SvgDrawing> draw_here(ByteSpan source, const SvgParams& params) {
  if (params.text) return write_here(source, params);
  return std::make_unique<Here>(source, params);
}

}  // namespace imgring::image
