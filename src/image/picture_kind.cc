// The child's side of pictures: libvips' loaders and savers behind the questions. The server's side
// is shelter.cc.
#include "picture_kind.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "encoders.h"
#include "imgring/image/loader.h"
#include "imgring/image/sandbox_kinds.h"
#include "library_threads.h"
#include "row_puller.h"
#include "saver_call.h"

namespace imgring::image {
namespace {

using sandbox::Part;

void say_nothing(const char*, GLogLevelFlags, const char*, void*) {}

// Files of nothing but a beginning, which fail: libheif loads its plugins when it is first asked.
void load_plugins() {
  constexpr std::string_view kAvif(
      "\0\0\0\x14"
      "ftypavif\0\0\0\0avif",
      20);
  constexpr std::string_view kJxl("\xff\x0a");
  static_cast<void>(load(as_bytes(kAvif), ImageType::kAvif, {}));
  static_cast<void>(load(as_bytes(kJxl), ImageType::kJxl, {}));
}

Result<void> prepare_for_pictures() {
  IMGRING_TRY_VOID(init_vips("imgring"));
  blame_pictures_for_shortages();
  g_log_set_default_handler(say_nothing, nullptr);
  show_processors_to_x265();
  load_plugins();
  drop_vips_error();
  return {};
}

LoadParams params_of(const LoadQuestion& question) noexcept {
  LoadParams params;
  params.thumbnail = question.thumbnail != 0;
  params.unlimited = question.unlimited != 0;
  params.shrink = question.shrink;
  params.page = question.page;
  params.pages = question.pages;
  params.scale = question.scale;
  params.reduced = question.reduced;
  return params;
}

bool same_picture(const LoadQuestion& a, const LoadQuestion& b) noexcept {
  return a.type == b.type && a.thumbnail == b.thumbnail && a.unlimited == b.unlimited &&
         a.shrink == b.shrink && a.page == b.page && a.pages == b.pages && a.scale == b.scale &&
         a.reduced == b.reduced;
}

SaverCall call_of(std::vector<Field>* fields) {
  SaverCall call;
  std::erase_if(*fields, [&call](const Field& field) {
    const bool if_known = field.name.starts_with(kArgumentIfKnown);
    if (!if_known && !field.name.starts_with(kArgument)) return false;
    SaverCall::Argument one{std::string(field.name.substr(kArgument.size())), 0, if_known};
    if (field.type == FieldType::kInt) one.value = field.whole();
    if (field.type == FieldType::kDouble) one.value = field.real();
    if (field.type == FieldType::kText) one.value = std::string(as_text(field.value));
    call.add(std::move(one));
    return true;
  });
  return call;
}

class PictureWork final : public sandbox::Work {
 public:
  ~PictureWork() override {
    open_.clear();
    job_finished();
  }
  PictureWork() = default;
  PictureWork(const PictureWork&) = delete;
  PictureWork& operator=(const PictureWork&) = delete;

  Result<sandbox::Facts> answer(const sandbox::Request& request, sandbox::Room& room) override {
    if (!request.parts[Part::kSource].empty()) source_ = request.parts[Part::kSource];
    // The first byte of every question.
    switch (request.facts.numbers.as<PictureAsk>()) {
      case PictureAsk::kOpen: return look(request, room);
      case PictureAsk::kRows: return give_rows(request, room);
      case PictureAsk::kSave: return save(request, room);
    }
    return fail(ErrorCode::kBrokenImage, "no such question");
  }

 private:
  // A source may be open as itself and as its thumbnail.
  struct Open {
    LoadQuestion question;
    VipsImagePtr image;
    std::optional<RowPuller> rows;  // goes before the image
    bool pulled = false;            // some of them were given: there is no way back
  };
  static constexpr std::size_t kOpenMost = 2;

  Result<Open*> open(const sandbox::Request& request) {
    const auto question = request.facts.numbers.as<LoadQuestion>();
    const auto found = std::ranges::find_if(
        open_, [&](const auto& one) { return same_picture(one->question, question); });
    if (found != open_.end()) return found->get();
    if (open_.size() == kOpenMost) open_.erase(open_.begin());
    auto one = std::make_unique<Open>();
    one->question = question;
    LoadParams params = params_of(question);
    params.stop = request.stop;
    IMGRING_TRY(one->image, load(source_, static_cast<ImageType>(question.type), params));
    if (vips_image_get_coding(one->image.get()) != VIPS_CODING_NONE) {
      return fail(ErrorCode::kBrokenImage, "pixels that are packed");
    }
    if (vips_image_get_bands(one->image.get()) > kPictureBandsMost) {
      return fail(ErrorCode::kBrokenImage, "samples that are neither colours nor alpha");
    }
    one->rows.emplace(one->image.get(), *request.stop);
    return open_.emplace_back(std::move(one)).get();
  }

  Result<sandbox::Facts> look(const sandbox::Request& request, sandbox::Room& room) {
    const auto question = request.facts.numbers.as<LoadQuestion>();
    std::erase_if(open_, [&](const auto& one) {
      return one->pulled && same_picture(one->question, question);
    });
    IMGRING_TRY(const Open* one, open(request));
    VipsImage* const image = one->image.get();
    FieldList fields;
    fields.add_fields_of(image);
    IMGRING_TRY_VOID(room.append(Part::kFields, as_bytes(fields.bytes())));
    return sandbox::Facts{sizes_of(image), sandbox::Numbers(header_of(image))};
  }

  Result<sandbox::Facts> give_rows(const sandbox::Request& request, sandbox::Room& room) {
    const auto question = request.facts.numbers.as<LoadQuestion>();
    IMGRING_TRY(Open * one, open(request));
    one->pulled = true;
    const std::size_t row_bytes = VIPS_IMAGE_SIZEOF_LINE(one->image.get());
    const int end = question.top + question.rows;
    for (int y = question.top; y < end;) {
      IMGRING_TRY(const Strip strip, one->rows->pull(y));
      const int count = std::min(strip.row_count, end - y);
      IMGRING_TRY_VOID(
          room.append(Part::kPixels, {strip.first, row_bytes, strip.stride_bytes, count}));
      y += count;
    }
    return sandbox::Facts{};
  }

  Result<sandbox::Facts> save(const sandbox::Request& request, sandbox::Room& room) {
    open_.clear();
    const auto question = request.facts.numbers.as<SaveQuestion>();
    const sandbox::Picture& sizes = request.facts.picture;
    IMGRING_TRY(std::vector<Field> fields, parse_fields(request.parts[Part::kFields]));
    const SaverCall call = call_of(&fields);
    const ByteSpan pixels = request.parts[Part::kPixels];
    const VipsImagePtr image(vips_image_new_from_memory(
        pixels.data(), pixels.size(), sizes.width, sizes.height, sizes.bands,
        static_cast<VipsBandFormat>(question.header.format)));
    if (image == nullptr) return std::unexpected(vips_failure("childsave"));
    set_header(sizes, question.header, image.get());
    set_fields(fields, question.header, image.get());
    const auto type = static_cast<ImageType>(question.type);
    IMGRING_TRY_VOID(expect_threads(threads_to_save(type)));
    IMGRING_TRY(const Bytes bytes, save_memory(image.get(), type, call, *request.stop));
    IMGRING_TRY_VOID(room.append(Part::kResult, bytes.span()));
    return sandbox::Facts{};
  }

  ByteSpan source_;
  std::vector<std::unique_ptr<Open>> open_;
};

constexpr ErrorCode kErrors[] = {ErrorCode::kBrokenImage, ErrorCode::kSourceUnsupported,
                                 ErrorCode::kResultUnsupported, ErrorCode::kResolutionTooLarge,
                                 ErrorCode::kOverloaded};
// Where plugins of libheif are, if not where it was built for.
constexpr const char* kInherited[] = {"LIBHEIF_PLUGIN_PATH", "VIPSHOME"};

}  // namespace

const sandbox::Kind kPictureKind{
    .name = "picture",
    .texts = {.does = "decodes and encodes pictures",
              .does_one = "works on this picture",
              .one = "picture",
              .broken = "AVIF, HEIC, TIFF and JPEG XL are worked on in the server itself"},
    .errors = kErrors,
    .calls = {},
    .inherited = kInherited,
    .environment = {},
    .address_bytes_max = std::uint64_t{2} << 30,
    .threads_max = 4,
    .thread_address_bytes = std::uint64_t{256} << 20,
    .dispensable = true,
    .stoppable = true,
    .prepare = prepare_for_pictures,
    .begin = []() -> std::unique_ptr<sandbox::Work> { return std::make_unique<PictureWork>(); }};

}  // namespace imgring::image
