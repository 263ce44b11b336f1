// The child's side of drawing SVGs: what it needs before it shuts itself in, and the rasteriser
// behind the questions. The server's side is svg_in_child.cc.
#include "svg_kind.h"

#include <iconv.h>

#include <array>
#include <memory>

#include "font_files.h"
#include "imgring/base/text.h"
#include "imgring/image/loader.h"
#include "imgring/image/sandbox_kinds.h"
#include "imgring/image/svg_drawing.h"
#include "imgring/sandbox/kept_files.h"
#include "imgring/svg/encoding.h"
#include "row_puller.h"

namespace imgring::image {
namespace {

// Text, and the first bytes of each kind of picture that an SVG may hold: fonts, their shaping, and
// the modules that read pictures are loaded while files can be opened.
constexpr const char* kFirstPicture =
    "<svg xmlns='http://www.w3.org/2000/svg' xmlns:x='http://www.w3.org/1999/xlink' width='8' "
    "height='8'><text font-family='sans-serif' font-size='4' y='4'>a</text><text "
    "font-family='serif' font-weight='bold' y='8'>b</text>"
    "<image width='1' height='1' x:href='data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCA"
    "AAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=='/>"
    "<image width='1' height='1' x:href='data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQAB"
    "AAACAUwAOw=='/>"
    "<image width='1' height='1' x:href='data:image/jpeg;base64,/9j/4AAQSkZJRgABAQAAAQABAAD/2Q="
    "='/>"
    "<image width='1' height='1' x:href='data:image/webp;base64,UklGRh4AAABXRUJQVlA4TBEAAAAvAAAAAA"
    "fQ//73v/+BiOh/AAA='/></svg>";

// The C library has them in files of their own. Never closed: that would unload them. Measured with
// glibc 2.36: the 39 take 4 to 6 ms, 1.9 MB of memory (0.7 MB of it for this child alone) and 4 MB
// of addresses.
void load_encoding(const char* name) noexcept {
  static_cast<void>(iconv_open("UTF-8", name));
  static_cast<void>(iconv_open(name, "UTF-8"));
}
void load_encodings() noexcept {
  // The last three: SVGs inside are decoded by the rasteriser's own use of iconv, by these names.
  for (const char* name : {"UTF-16LE", "UTF-16BE", "SHIFT_JIS", "EUC-JP", "EUC-KR"}) {
    load_encoding(name);
  }
  for (const svg::SvgEncoding& encoding : svg::kSvgEncodings) load_encoding(encoding.name);
}

void drop_words(const char*, GLogLevelFlags, const char*, void*) {}

void draw_first_picture() {
  const auto image = load(as_bytes(kFirstPicture), ImageType::kSvg, {});
  const StopFlag never;
  if (image) static_cast<void>(RowPuller(image->get(), never).pull(0));
  drop_vips_error();
}

void draw_first_text() {
  SvgParams text;
  text.text = true;
  const std::string markup = "<b>a</b><i>b</i>";
  static_cast<void>(draw_here(as_bytes(markup), text)->look(1));
  drop_vips_error();
}

// libvips, fonts, and a first picture: whatever reads files to be ready.
Result<void> prepare_to_draw() {
  IMGRING_TRY_VOID(init_vips("imgring"));
  g_log_set_default_handler(drop_words, nullptr);
  load_encodings();
  sandbox::keep_files(font_files());
  draw_first_picture();
  draw_first_text();
  return {};
}

class SvgWork final : public sandbox::Work {
 public:
  Result<sandbox::Facts> answer(const sandbox::Request& request, sandbox::Room& room) override {
    Result<void> done = answer_to(request, room);
    job_finished();
    if (!done) return std::unexpected(std::move(done).error());
    sandbox::Facts facts;
    facts.picture = {.width = size_.width, .height = size_.height, .bands = kSvgBands};
    return facts;
  }

 private:
  Result<void> answer_to(const sandbox::Request& request, sandbox::Room& room) {
    const auto question = request.facts.numbers.as<SvgQuestion>();
    if (drawing_ == nullptr) {
      SvgParams params;
      params.pixels_max = question.pixels_max;
      params.unlimited = question.unlimited != 0;
      params.served = question.served != 0;
      params.text = question.text != 0;
      params.seconds_max = request.seconds_max;
      drawing_ = draw_here(request.parts[sandbox::Part::kSource], params);
    }
    if (question.draw != 0) return draw_into(room);
    IMGRING_TRY(size_, drawing_->look(question.scale));
    return {};
  }

  Result<void> draw_into(sandbox::Room& room) {
    IMGRING_TRY(const VipsImagePtr image, drawing_->draw());
    if (vips_image_get_bands(image.get()) != kSvgBands ||
        vips_image_get_format(image.get()) != VIPS_FORMAT_UCHAR) {
      return fail(ErrorCode::kBrokenImage, "not drawn as RGBA");
    }
    const StopFlag never;  // the server kills the child
    RowPuller rows(image.get(), never);
    const std::size_t row_bytes = static_cast<std::size_t>(size_.width) * kSvgBands;
    for (int top = 0; top < size_.height;) {
      IMGRING_TRY(const Strip strip, rows.pull(top));
      IMGRING_TRY_VOID(room.append(sandbox::Part::kPixels,
                                   {strip.first, row_bytes, strip.stride_bytes, strip.row_count}));
      top += strip.row_count;
    }
    return {};
  }

  std::unique_ptr<SvgDrawing> drawing_;
  SvgSize size_;
};

constexpr ErrorCode kErrors[] = {ErrorCode::kBrokenSvg, ErrorCode::kResolutionTooLarge,
                                 ErrorCode::kInvalidUrl};
constexpr const char* kInherited[] = {"HOME",
                                      "FC_LANG",
                                      "FONTCONFIG_FILE",
                                      "FONTCONFIG_PATH",
                                      "FONTCONFIG_SYSROOT",
                                      "XDG_CACHE_HOME",
                                      "XDG_CONFIG_HOME",
                                      "XDG_DATA_HOME",
                                      "XDG_DATA_DIRS",
                                      "GDK_PIXBUF_MODULE_FILE",
                                      "LIBHEIF_PLUGIN_PATH",
                                      "VIPSHOME"};
// Filters of librsvg else take a thread for each core.
constexpr const char* kEnvironment[] = {"RAYON_NUM_THREADS=1"};

}  // namespace

const sandbox::Kind kSvgKind{
    .name = "svg",
    .texts = {.does = "draws SVGs",
              .does_one = "draws this SVG",
              .one = "SVG",
              .broken = "SVGs can't be drawn"},
    .errors = kErrors,
    .calls = {},
    .inherited = kInherited,
    .environment = kEnvironment,
    .large_bytes = kSvgLargeBytes,
    .descriptors_max = 64,  // fonts
    .prepare = prepare_to_draw,
    .begin = []() -> std::unique_ptr<sandbox::Work> { return std::make_unique<SvgWork>(); }};

std::span<const sandbox::Kind* const> sandbox_kinds() noexcept {
  static constexpr std::array<const sandbox::Kind*, 2> kKinds = {&kSvgKind, &kPictureKind};
  return kKinds;
}

}  // namespace imgring::image
