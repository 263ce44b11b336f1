// The rasteriser in this process.
#include "imgring/image/svg_drawing.h"

#include "imgring/image/loader.h"
#include "imgring/image/svg.h"
#include "svg_encoding.h"

namespace imgring::image {
namespace {

class Here final : public SvgDrawing {
 public:
  Here(ByteSpan source, const SvgParams& params) noexcept : source_(source), params_(params) {}

  Result<SvgSize> look(double scale) override {
    image_.reset();
    if (!checked_) IMGRING_TRY_VOID(check());
    checked_ = true;
    LoadParams params;
    params.scale = scale;
    params.unlimited = params_.unlimited;
    IMGRING_TRY(image_, load(source_, ImageType::kSvg, params));
    return SvgSize{vips_image_get_width(image_.get()), vips_image_get_height(image_.get())};
  }

  Result<VipsImagePtr> draw() override {
    if (image_ == nullptr) return fail(ErrorCode::kInternal, "drawn before it was looked at");
    if (text_ != nullptr) {  // it lives as long as the image, and as this
      g_object_set_data_full(reinterpret_cast<GObject*>(image_.get()), "imgring-source",
                             new Text(text_), [](void* p) { delete static_cast<Text*>(p); });
    }
    return std::move(image_);
  }

 private:
  using Text = std::shared_ptr<const std::string>;

  // What is checked is what is drawn.
  Result<void> check() {
    const StopFlag never;  // the server kills the child
    SvgWork work(never);
    IMGRING_TRY(std::optional<std::string> text, svg_to_utf8(source_, &work));
    if (text) {
      text_ = std::make_shared<const std::string>(std::move(*text));
      source_ = as_bytes(*text_);
    }
    return check_svg_limits(source_, params_.pixels_max, &work);
  }

  Text text_;  // null: the source served as it was
  ByteSpan source_;
  SvgParams params_;
  bool checked_ = false;
  VipsImagePtr image_;
};

}  // namespace

std::unique_ptr<SvgDrawing> draw_here(ByteSpan source, const SvgParams& params) {
  return std::make_unique<Here>(source, params);
}

}  // namespace imgring::image
