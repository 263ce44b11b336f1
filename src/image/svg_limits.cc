// One walk that counts what drawing would cost, and puts the pictures inside into their forms.
#include "svg_limits.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "imgring/image/svg_check.h"
#include "imgring/svg/data.h"
#include "imgring/svg/encoding.h"
#include "imgring/svg/tag_walk.h"
#include "svg_pictures.h"

namespace imgring::image {
namespace {

using namespace svg;

std::string_view local_of(std::string_view name) noexcept {
  return name.substr(name.rfind(':') + 1);
}

Result<void> refused(const std::string& why) { return fail(ErrorCode::kBrokenSvg, "SVG: " + why); }

std::string too_long(double seconds, double seconds_max, const char* what) {
  if (seconds <= seconds_max) return {};
  const auto whole = static_cast<std::int64_t>(std::ceil(std::min(seconds, 1e9)));
  return std::string(what) + " would take about " + std::to_string(whole) + " s, more than the " +
         format_number(seconds_max) + " s there are (IMGPROXY_TIMEOUT)";
}

// Librsvg reads no larger kernel, runs or not, and ends the process over it.
std::string why_not_loaded(const SvgScene& scene, const SvgBudget& budget) {
  if (scene.kernel_cells() > kSvgKernelCellsMax) {
    return "a kernel of " + format_number(scene.kernel_cells()) + " cells (order), more than 400";
  }
  return too_long(scene.loading_seconds(), budget.seconds, "its style");
}

std::string why_not_drawn(const SvgScene::Drawn& drawn, const SvgBudget& budget) {
  if (!drawn.refused.empty()) return drawn.refused;
  std::string late = too_long(drawn.seconds, budget.seconds, "drawing it");
  if (!late.empty() || drawn.picture_pixels <= budget.pixels) return late;
  return "pictures inside with " + std::to_string(drawn.picture_pixels) + " pixels, more than " +
         std::to_string(budget.pixels) + " (IMGPROXY_MAX_SRC_RESOLUTION)";
}

Result<void> verdict_of(SvgParser::Outcome outcome, const SvgParser& parser, SvgWork* work) {
  if (outcome == SvgParser::Outcome::kStopped) return std::unexpected(stop_error(work->reason()));
  if (outcome == SvgParser::Outcome::kOverLimit) return refused(parser.why());
  return {};
}

class Loading : public SvgHandler {
 public:
  void on_start(const SvgTag& tag) override { scene_.begin(tag); }
  void on_end(std::string_view) override { scene_.end(); }
  void on_text(std::string_view text, std::string_view) override { scene_.text(text); }
  const SvgScene& scene() const noexcept { return scene_; }

 private:
  SvgScene scene_;
};

class Preparation : public SvgHandler {
 public:
  Preparation(std::string_view source, const SvgBudget& budget, SvgWork* work, int depth) noexcept
      : source_(source), budget_(budget), work_(work), depth_(depth) {}
  void attach(SvgParser* parser) noexcept { parser_ = parser; }

  void on_start(const SvgTag& tag) override {
    scene_.begin(tag);
    const std::string_view local = local_of(tag.name);
    if (local != "image" && local != "feImage") return;
    for (const SvgAttribute& a : tag.written) {
      if (local_of(a.name) == "href") take_picture(tag, a);
    }
  }
  void on_end(std::string_view) override { scene_.end(); }
  void on_text(std::string_view text, std::string_view) override { scene_.text(text); }

  SvgScene* scene() noexcept { return &scene_; }
  std::optional<std::string> text() const {
    if (edits_.empty()) return std::nullopt;
    std::string out;
    std::size_t at = 0;
    for (const Edit& edit : edits_) {
      out += source_.substr(at, edit.start - at);
      out += edit.text;
      at = edit.start + edit.size_bytes;
    }
    return out += source_.substr(at);
  }

 private:
  struct Edit {
    std::size_t start, size_bytes;
    std::string text;
  };

  void take_picture(const SvgTag& tag, const SvgAttribute& link) {
    const std::optional<SvgData> data = read_data_link(link.value, work_);
    if (!data) return;  // nothing outside is read, and what cannot be decoded is not drawn
    parser_->spend(link.value.size());
    const SvgBudget left{budget_.pixels - pixels_, budget_.seconds};
    const SvgPicture picture = prepare_picture(*data, left, work_, depth_);
    pixels_ += picture.pixels;
    scene_.picture(picture.pixels, picture.seconds, picture.refused);
    if (picture.kept) return;
    TagWalk walk(tag.raw);
    for (auto part = walk.next(); part; part = walk.next()) {
      if (part->name == link.name) return replace(*part, picture.link);
    }
  }
  void replace(const RawAttribute& part, const std::string& link) {
    const auto start = static_cast<std::size_t>(part.whole.data() - source_.data());
    const std::string name(part.name);
    edits_.push_back(
        {start, part.whole.size(), link.empty() ? std::string() : " " + name + "=\"" + link + '"'});
  }

  std::string_view source_;
  SvgBudget budget_;
  SvgWork* work_;
  int depth_;
  SvgParser* parser_ = nullptr;
  SvgScene scene_;
  std::int64_t pixels_ = 0;
  std::vector<Edit> edits_;
};

}  // namespace

Result<std::string> check_svg_loading(ByteSpan source, const SvgBudget& budget, SvgWork* work) {
  Loading loading;
  SvgParser parser(&loading, work);
  IMGRING_TRY_VOID(verdict_of(parser.run_utf8(source), parser, work));
  return why_not_loaded(loading.scene(), budget);
}

Result<SvgPrepared> prepare_svg(ByteSpan source, const SvgCanvas& canvas, const SvgBudget& budget,
                                SvgWork* work, int depth) {
  Preparation preparation(as_text(source), budget, work, depth);
  SvgParser parser(&preparation, work);
  preparation.attach(&parser);
  IMGRING_TRY_VOID(verdict_of(parser.run_utf8(source), parser, work));
  SvgScene* scene = preparation.scene();
  SvgPrepared prepared{why_not_loaded(*scene, budget), std::nullopt};
  if (prepared.refused.empty()) prepared.refused = why_not_drawn(scene->draw(canvas), budget);
  if (prepared.refused.empty()) prepared.text = preparation.text();
  return prepared;
}

Result<void> refuse_svg(const std::string& why) {
  return why.empty() ? Result<void>() : refused(why);
}

Result<void> check_svg_limits(ByteSpan source, const SvgDemand& demand, SvgWork* work) {
  IMGRING_TRY(const std::optional<std::string> text, svg_to_utf8(source, work));
  const SvgBudget budget{demand.pixels_max > 0 ? demand.pixels_max : kSvgPixelsMaxOtherwise,
                         demand.seconds_max > 0 ? demand.seconds_max : kSvgSecondsMaxOtherwise};
  const ByteSpan utf8 = text ? as_bytes(*text) : source;
  IMGRING_TRY(const SvgPrepared prepared,
              prepare_svg(utf8, {demand.width, demand.height}, budget, work));
  return refuse_svg(prepared.refused);
}

Result<void> check_svg_limits(ByteSpan source, const SvgDemand& demand) {
  const StopFlag never;
  SvgWork work(never);
  return check_svg_limits(source, demand, &work);
}

}  // namespace imgring::image
