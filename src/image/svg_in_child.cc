// The server's side of drawing SVGs in a child. The child's side is svg_kind.cc.
#include <memory>
#include <utility>

#include "imgring/base/bytes.h"
#include "imgring/base/check.h"
#include "imgring/image/svg_check.h"
#include "imgring/image/svg_drawing.h"
#include "imgring/sandbox/children.h"
#include "imgring/svg/parser.h"
#include "svg_kind.h"

namespace imgring::image {
namespace {

Result<VipsImagePtr> image_of(Bytes pixels, const SvgSize& size) {
  VipsImagePtr image(vips_image_new_from_memory(pixels.data(), pixels.size(), size.width,
                                                size.height, kSvgBands, VIPS_FORMAT_UCHAR));
  if (image == nullptr) return std::unexpected(vips_failure("pixels of an SVG"));
  // The pixels live as long as the image.
  g_object_set_data_full(reinterpret_cast<GObject*>(image.get()), "imgring-pixels",
                         new Bytes(std::move(pixels)),
                         [](void* p) { delete static_cast<Bytes*>(p); });
  constexpr double kPixelsPerMm = 96 / 25.4;  // as libvips' own loader leaves it
  vips_image_init_fields(image.get(), size.width, size.height, kSvgBands, VIPS_FORMAT_UCHAR,
                         VIPS_CODING_NONE, VIPS_INTERPRETATION_sRGB, kPixelsPerMm, kPixelsPerMm);
  vips_image_set_string(image.get(), VIPS_META_LOADER, "svgload_source");
  return image;
}

// One source in one child, from the first look to the pixels.
class ChildDrawing final : public SvgDrawing {
 public:
  ChildDrawing(std::unique_ptr<sandbox::Job> job, ByteSpan source, const SvgParams& params)
      : job_(std::move(job)), source_(source), params_(params) {}

  Result<SvgSize> look(double scale) override {
    sandbox::Request request = question(scale);
    if (!std::exchange(opened_, true)) request.parts[sandbox::Part::kSource] = source_;
    size_ = {};
    IMGRING_TRY(const sandbox::Answer answer, job_->ask(request));
    const sandbox::Picture& told = answer.facts.picture;
    if (params_.text && told.width == 0 && told.height == 0) return size_;
    // The sides of any libvips image end there.
    if (told.width < 1 || told.height < 1 || told.width > VIPS_MAX_COORD ||
        told.height > VIPS_MAX_COORD) {
      return std::unexpected(job_->refute("told of an impossible size"));
    }
    size_ = {told.width, told.height};
    return size_;
  }

  Result<VipsImagePtr> draw() override {
    IMGRING_CHECK(size_.width > 0);
    const auto pixels =
        static_cast<std::uint64_t>(size_.width) * static_cast<std::uint64_t>(size_.height);
    if (pixels > kSvgPixelBytesMax / kSvgBands) {
      return fail(ErrorCode::kResolutionTooLarge, "an SVG drawn with over 134 million pixels");
    }
    sandbox::Request request = question(1, true);
    request.room_bytes = pixels * kSvgBands;
    IMGRING_TRY(sandbox::Answer answer, job_->ask(request));
    Bytes& drawn = answer.parts[sandbox::Part::kPixels];
    if (drawn.size() != request.room_bytes) {
      return std::unexpected(job_->refute("drew another number of pixels"));
    }
    job_->end();
    return image_of(std::move(drawn), size_);
  }

 private:
  sandbox::Request question(double scale, bool draw = false) const {
    SvgQuestion question;
    question.scale = scale;
    question.pixels_max = params_.pixels_max;
    question.draw = draw ? 1 : 0;
    question.unlimited = params_.unlimited ? 1 : 0;
    question.served = params_.served ? 1 : 0;
    question.text = params_.text ? 1 : 0;
    sandbox::Request request;
    request.facts.numbers = sandbox::Numbers(question);
    return request;
  }

  std::unique_ptr<sandbox::Job> job_;
  ByteSpan source_;
  SvgParams params_;
  bool opened_ = false;
  SvgSize size_;
};

}  // namespace

Result<std::unique_ptr<SvgDrawing>> draw_in_child(sandbox::Children& children, ByteSpan source,
                                                  const SvgParams& params, const StopFlag& stop) {
  if (source.empty()) return fail(ErrorCode::kBrokenImage, "empty source");
  if (source.size() > svg::kSvgBytesMax) return fail(ErrorCode::kBrokenSvg, "SVG: over 10 MiB");
  const sandbox::JobNeeds needs{source.size(), params.memory_bytes};
  IMGRING_TRY(auto job, children.begin(kSvgKind, needs, stop));
  return std::make_unique<ChildDrawing>(std::move(job), source, params);
}

}  // namespace imgring::image
