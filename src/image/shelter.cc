// The server's side of pictures in children. The child's side is picture_kind.cc.
#include "imgring/image/shelter.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <string>
#include <utility>

#include "imgring/format/format.h"
#include "imgring/image/loader.h"
#include "imgring/image/sandbox_kinds.h"
#include "imgring/sandbox/children.h"
#include "picture_kind.h"
#include "profile.h"
#include "row_puller.h"
#include "saver_call.h"

namespace imgring::image {

using sandbox::Part;

// One source in one child.
class OpenPicture {
 public:
  OpenPicture(std::unique_ptr<sandbox::Job> job, ByteSpan source)
      : job_(std::move(job)), source_(source) {}

  Result<sandbox::Answer> open(const LoadQuestion& question) {
    return ask(question, kFieldListBytesMax);
  }

  // Pictures of it whose last row has not come.
  void begin_picture() noexcept { ++unread_; }
  void leave_picture() noexcept { --unread_; }
  // The last row of one came: with that of the last one the child is free.
  void end_picture() {
    if (--unread_ == 0) take_job();
  }

  Result<Bytes> rows(const LoadQuestion& question, std::size_t size_bytes) {
    IMGRING_TRY(sandbox::Answer answer, ask(question, size_bytes));
    Bytes& pixels = answer.parts[Part::kPixels];
    if (pixels.size() != size_bytes) return std::unexpected(refute("gave other rows"));
    return std::move(pixels);
  }

  Error refute(std::string_view what) {
    const std::lock_guard lock(mutex_);
    if (job_ == nullptr) return Error(ErrorCode::kBrokenImage, std::string(what));
    return job_->refute(what);
  }
  // Null: it was taken or is over. Dropped, it ends.
  std::unique_ptr<sandbox::Job> take_job() {
    const std::lock_guard lock(mutex_);
    return std::move(job_);
  }
  bool over() {
    const std::lock_guard lock(mutex_);
    return job_ == nullptr;
  }

 private:
  Result<sandbox::Answer> ask(const LoadQuestion& question, std::size_t room_bytes) {
    sandbox::Request request;
    request.facts.numbers = sandbox::Numbers(question);
    request.room_bytes = room_bytes;
    const std::lock_guard lock(mutex_);
    if (job_ == nullptr) return fail(ErrorCode::kBrokenImage, "rows of a picture that is closed");
    if (!sent_) request.parts[Part::kSource] = source_;
    auto answer = job_->ask(request);
    // A child without memory may not have taken it.
    sent_ = sent_ || answer || answer.error().code != ErrorCode::kOverloaded;
    return answer;
  }

  std::atomic<int> unread_ = 0;
  std::mutex mutex_;  // libvips may ask on a thread of its own
  std::unique_ptr<sandbox::Job> job_;
  ByteSpan source_;
  bool sent_ = false;
};

namespace {

// The rows of a picture as libvips asks for them, a strip of them at hand.
struct Strips {
  explicit Strips(std::shared_ptr<OpenPicture> of) : picture(std::move(of)) {
    picture->begin_picture();
  }
  ~Strips() {
    if (!ended) picture->leave_picture();
  }
  Strips(const Strips&) = delete;
  Strips& operator=(const Strips&) = delete;

  std::shared_ptr<OpenPicture> picture;
  LoadQuestion question;
  std::size_t row_bytes = 0;
  int height = 0, rows_most = 0;
  Bytes strip;
  int top = 0, rows = 0;
  bool ended = false;

  Result<const std::uint8_t*> row(int y) {
    if (y < top || y >= top + rows) {
      question.top = y;
      question.rows = std::min(rows_most, height - y);
      strip = Bytes();
      rows = 0;
      const std::size_t size = row_bytes * static_cast<std::size_t>(question.rows);
      IMGRING_TRY(strip, picture->rows(question, size));
      top = y;
      rows = question.rows;
      if (y + rows == height && !std::exchange(ended, true)) picture->end_picture();
    }
    return strip.data() + row_bytes * static_cast<std::size_t>(y - top);
  }
};

int rows_of_a_strip(std::size_t row_bytes) noexcept {
  const std::uint64_t fit = kStripBytesMost / row_bytes / kStripRows * kStripRows;
  return static_cast<int>(std::clamp<std::uint64_t>(fit, kStripRows, VIPS_MAX_COORD));
}

int make_rows(VipsRegion* out, void*, void* strips_of_picture, void*, gboolean*) noexcept {
  auto* strips = static_cast<Strips*>(strips_of_picture);
  const VipsRect& area = out->valid;
  const std::size_t first = VIPS_IMAGE_SIZEOF_PEL(out->im) * static_cast<std::size_t>(area.left);
  const std::size_t count = VIPS_IMAGE_SIZEOF_PEL(out->im) * static_cast<std::size_t>(area.width);
  return rows_or_shortage([&] {
    for (int y = area.top; y < area.top + area.height; ++y) {
      const auto row = strips->row(y);
      if (!row) {
        // vips_failure knows both: whose fault it was.
        const Error& error = row.error();
        const bool shortage = error.code == ErrorCode::kOverloaded;
        const bool other = !shortage && tells_of_shortage(error.detail);
        vips_error("childload", "%s%s", shortage ? kShortageWords : "",
                   other ? "more memory than its header tells of" : error.detail.c_str());
        return -1;
      }
      std::memcpy(VIPS_REGION_ADDR(out, area.left, y), *row + first, count);
    }
    return 0;
  });
}

// An image without pixels yet, which libvips reads from top to bottom.
Result<VipsImagePtr> image_of(std::unique_ptr<Strips> strips, const sandbox::Picture& sizes,
                              const PictureHeader& header, const std::vector<Field>& fields) {
  const VipsImagePtr raw(vips_image_new());
  if (raw == nullptr) return std::unexpected(vips_failure("childload"));
  set_header(sizes, header, raw.get());
  if (vips_image_pipelinev(raw.get(), VIPS_DEMAND_STYLE_THINSTRIP, nullptr) != 0) {
    return std::unexpected(vips_failure("childload"));
  }
  set_fields(fields, header, raw.get());
  Strips* const owned = strips.release();
  g_object_set_data_full(reinterpret_cast<GObject*>(raw.get()), "imgring-strips", owned,
                         [](void* p) { delete static_cast<Strips*>(p); });
  VipsImage* ordered = nullptr;
  if (vips_image_generate(raw.get(), nullptr, make_rows, nullptr, owned, nullptr) != 0 ||
      vips_sequential(raw.get(), &ordered, "tile_height", kStripRows, nullptr) != 0) {
    return std::unexpected(vips_failure("childload"));
  }
  return VipsImagePtr(ordered);
}

LoadQuestion question_of(ImageType type, const LoadParams& params) noexcept {
  LoadQuestion question;
  question.type = static_cast<std::uint8_t>(type);
  question.thumbnail = params.thumbnail ? 1 : 0;
  question.unlimited = params.unlimited ? 1 : 0;
  question.shrink = params.shrink;
  question.page = params.page;
  question.pages = params.pages;
  question.scale = params.scale;
  question.reduced = params.reduced;
  return question;
}

void add_call(const SaverCall& call, FieldList* fields) {
  for (const SaverCall::Argument& one : call.arguments()) {
    const std::string name = std::string(one.if_known ? kArgumentIfKnown : kArgument) + one.name;
    if (const auto* whole = std::get_if<int>(&one.value)) fields->add(name, *whole);
    if (const auto* real = std::get_if<double>(&one.value)) fields->add(name, *real);
    if (const auto* text = std::get_if<std::string>(&one.value)) {
      fields->add(name, FieldType::kText, as_bytes(*text));
    }
  }
}

bool among(ImageType type, std::initializer_list<ImageType> types) noexcept {
  return std::ranges::find(types, type) != types.end();
}

}  // namespace

bool loaded_by_child(ImageType type, config::Sandbox scope) noexcept {
  using enum ImageType;
  if (scope == config::Sandbox::kSvg) return false;
  if (among(type, {kHeic, kAvif, kTiff, kJxl})) return true;
  return scope == config::Sandbox::kAll && among(type, {kGif, kWebp});
}

bool saved_by_child(ImageType type, config::Sandbox scope) noexcept {
  using enum ImageType;
  return scope != config::Sandbox::kSvg && among(type, {kHeic, kAvif, kJxl});
}

Shelter::Shelter(const Settings& settings) : settings_(settings) {}
Shelter::~Shelter() = default;

bool Shelter::works() const {
  return settings_.children != nullptr && !settings_.children->gave_up(kPictureKind);
}
bool Shelter::loads(ImageType type) const {
  return loaded_by_child(type, settings_.scope) && works();
}
bool Shelter::saves(ImageType type) const {
  return saved_by_child(type, settings_.scope) && works();
}

Result<VipsImagePtr> Shelter::load(ByteSpan source, ImageType type, const LoadParams& params) {
  if (source.empty()) return fail(ErrorCode::kBrokenImage, "empty source");
  if (source_ == nullptr || source_->over()) {
    const sandbox::JobNeeds needs{source.size(), settings_.memory_bytes, facts_of(type).name};
    IMGRING_TRY(auto job, settings_.children->begin(kPictureKind, needs, *settings_.stop));
    source_ = std::make_shared<OpenPicture>(std::move(job), source);
  }
  const LoadQuestion question = question_of(type, params);
  auto opened = source_->open(question);
  if (!opened) {
    // The child may have the source, and may not: the next try is another child's.
    if (opened.error().code == ErrorCode::kOverloaded) source_.reset();
    return std::unexpected(std::move(opened).error());
  }
  const sandbox::Answer answer = std::move(*opened);
  const sandbox::Picture& sizes = answer.facts.picture;
  const auto header = answer.facts.numbers.as<PictureHeader>();
  const std::size_t pixel_bytes = pixel_bytes_of(sizes, header);
  if (pixel_bytes == 0) return std::unexpected(source_->refute("told of an impossible picture"));
  const auto fields = parse_fields(answer.parts[Part::kFields].span());
  if (!fields) return std::unexpected(source_->refute(fields.error().detail));
  auto strips = std::make_unique<Strips>(source_);
  strips->question = question;
  strips->question.ask = PictureAsk::kRows;
  strips->row_bytes = pixel_bytes * static_cast<std::size_t>(sizes.width);
  const std::uint64_t least_rows = std::min(kStripRows, sizes.height);
  const std::uint64_t most = settings_.memory_bytes > 0
                                 ? std::max(settings_.memory_bytes, kStripBytesMost)
                                 : kRowBytesMost * least_rows;
  if (strips->row_bytes > kRowBytesMost || strips->row_bytes * least_rows > most) {
    return std::unexpected(
        source_->refute("told of rows of " + std::to_string(strips->row_bytes) + " bytes"));
  }
  strips->height = sizes.height;
  strips->rows_most = rows_of_a_strip(strips->row_bytes);
  IMGRING_TRY(VipsImagePtr image, image_of(std::move(strips), sizes, header, *fields));
  drop_strange_profile(image.get(), params.log);  // as the child has done, if it is what it was
  return image;
}

Result<Bytes> Shelter::save(VipsImage* memory, ImageType type, const SaverCall& call) {
  std::unique_ptr<sandbox::Job> job = source_ != nullptr ? source_->take_job() : nullptr;
  if (job == nullptr) {
    const sandbox::JobNeeds needs{0, settings_.memory_bytes, facts_of(type).name};
    IMGRING_TRY(job, settings_.children->begin(kPictureKind, needs, *settings_.stop));
  }
  FieldList fields;
  fields.add_fields_of(memory);
  add_call(call, &fields);
  SaveQuestion question;
  question.type = static_cast<std::uint8_t>(type);
  question.header = header_of(memory);
  sandbox::Request request;
  request.facts = {sizes_of(memory), sandbox::Numbers(question)};
  const std::size_t pixels = VIPS_IMAGE_SIZEOF_IMAGE(memory);
  request.parts[Part::kPixels] = {VIPS_IMAGE_ADDR(memory, 0, 0), pixels};
  request.parts[Part::kFields] = as_bytes(fields.bytes());
  // Twice what is packed, and the profile and whatever else goes with it: what is not written takes
  // no memory.
  request.room_bytes = 2 * pixels + fields.bytes().size() + (std::size_t{1} << 20);
  IMGRING_TRY(sandbox::Answer answer, job->ask(request));
  Bytes& result = answer.parts[Part::kResult];
  if (result.empty()) return std::unexpected(job->refute("wrote nothing"));
  return std::move(result);
}

}  // namespace imgring::image
