// Options of models and videos, of which there are none: what turns them off, and what would not
// touch a picture anyway, is taken (paid.md section 11).
#include "options.h"

namespace imgring::url {
namespace {

Result<void> refuse_unless_off(const Call& call, bool off) {
  if (off) return {};
  return not_supported_yet(call, "option " + std::string(call.name));
}

// Empty or 0: off.
Result<void> refuse_unless_zero(const Call& call,
                                Result<double> (*parse)(const Call&, std::string_view)) {
  if (call.at(0).empty()) return {};
  IMGRING_TRY(const double value, parse(call, call.at(0)));
  return refuse_unless_off(call, value == 0);
}

}  // namespace

Result<void> apply_objects_position(const Call& call, ApplyContext&) {
  if (call.at(0).empty() || (call.at(0) == "prop" && call.size() == 1)) return {};
  Gravity unused;
  return parse_gravity(call, 0, GravitySet::kExtend, unused);
}

Result<void> apply_video_second(const Call& call, ApplyContext&) {
  if (call.at(0).empty()) return {};
  IMGRING_TRY_VOID(parse_unsigned_real(call, call.at(0)));
  return {};
}

Result<void> apply_video_keyframes(const Call& call, ApplyContext&) {
  if (!call.at(0).empty()) static_cast<void>(parse_lenient_bool(call, call.at(0)));
  return {};
}

Result<void> apply_blur_detections(const Call& call, ApplyContext&) {
  return refuse_unless_zero(call, parse_unsigned_real);
}

Result<void> apply_draw_detections(const Call& call, ApplyContext&) {
  return refuse_unless_off(call, call.at(0).empty() || !parse_lenient_bool(call, call.at(0)));
}

Result<void> apply_crop_objects(const Call& call, ApplyContext&) {
  return refuse_unless_zero(call, parse_unsigned_real);
}

// Sprites and animations: the step between frames comes first.
Result<void> apply_video_frames(const Call& call, ApplyContext&) {
  return refuse_unless_zero(call, parse_real);
}

}  // namespace imgring::url
