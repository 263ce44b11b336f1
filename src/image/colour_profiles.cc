// Each profile is tried on one pixel before it is offered.
#include "imgring/image/colour_profiles.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "imgring/base/text.h"
#include "imgring/base/uri.h"
#include "imgring/image/colour.h"
#include "operation.h"
#include "profile.h"

namespace imgring::image {
namespace {

constexpr std::string_view kExtensions[] = {".icc", ".icm"};

bool takes_pixels(const ColourProfile& profile) {
  VipsImage* raw = nullptr;
  if (vips_black(&raw, 1, 1, "bands", 3, nullptr) != 0) return false;
  const VipsImagePtr black(raw);
  auto pixel = Operation("copy")
                   .set("in", black.get())
                   .set("interpretation", static_cast<int>(VIPS_INTERPRETATION_sRGB))
                   .image();
  bool works = pixel.has_value();
  if (works) {
    auto converted = to_profile(pixel->get(), profile);
    works = converted.has_value() && vips_image_wio_input(converted->get()) == 0;
  }
  drop_vips_error();
  return works;
}

// Empty: it is good; else why it is left out.
std::string look_at(const std::filesystem::path& path, ColourProfile* out) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return "can't be read";
  std::string bytes(kColourProfileBytesMax + 1, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  if (bytes.size() > kColourProfileBytesMax) return "is larger than 4 MiB";
  out->file = path.string();
  out->cmyk = fits_model(as_bytes(bytes), ColourModel::kCmyk);
  const bool rgb = fits_model(as_bytes(bytes), ColourModel::kRgb);
  if (!out->cmyk && !rgb) return "is no profile of RGB or CMYK";
  return takes_pixels(*out) ? "" : "can't be converted to";
}

std::vector<std::filesystem::path> files_of(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
       at.increment(error)) {
    const auto extension = at->path().extension().string();
    const bool named = std::ranges::find(kExtensions, extension) != std::end(kExtensions);
    std::error_code unknown;
    if (named && at->is_regular_file(unknown)) files.push_back(at->path());
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

ColourProfiles find_colour_profiles(const std::string& folder, std::vector<std::string>* warnings) {
  ColourProfiles all{{"srgb", {.file = "srgb", .cmyk = false, .standard_srgb = true}},
                     {"cmyk", {.file = "cmyk", .cmyk = true, .standard_srgb = false}}};
  for (const auto& path : files_of(folder)) {
    ColourProfile profile;
    const bool full = all.size() >= kColourProfilesMax;
    const std::string reason = full ? "is beyond the first 254" : look_at(path, &profile);
    if (reason.empty()) {
      all.emplace(path.filename().string(), std::move(profile));
    } else {
      warnings->push_back("IMGPROXY_COLOR_PROFILES_DIR: " + display_text(path.string()) + " " +
                          reason + ", and is left out: take it away");
    }
  }
  return all;
}

const ColourProfile* find_profile(const ColourProfiles& profiles, std::string_view name) {
  for (const std::string_view built_in : {"srgb", "cmyk"}) {
    if (equal_ignore_case(name, built_in)) name = built_in;
  }
  auto found = profiles.find(name);
  for (const std::string_view extension : kExtensions) {
    if (found != profiles.end()) break;
    found = profiles.find(std::string(name) + std::string(extension));
  }
  return found == profiles.end() ? nullptr : &found->second;
}

}  // namespace imgring::image
