// The one table of URL options: names, aliases, arguments, help, and what applies them.
// Immutable, any thread. To build a paid option, drop the `later` around its row.
#include "imgring/url/option_table.h"

#include <array>
#include <unordered_map>
#include <vector>

#include "imgring/base/text.h"
#include "options.h"

namespace imgring::url {
namespace {

using P = PixelOptions;
using R = RequestOptions;

constexpr OptionRow row(UrlOption about, Apply apply, Show show) { return {about, apply, show}; }
// Of the whole request, wherever in a chain it stands.
constexpr OptionRow request_row(UrlOption about, Apply apply, Show show) {
  about.whole_request = true;
  return {about, apply, show};
}
constexpr OptionRow security(UrlOption about, Apply apply, Show show) {
  about.security = about.never_ignored = about.whole_request = true;
  return {about, apply, show};
}
// Left out, it would show what should not be seen, or check nothing.
constexpr OptionRow never_ignored(OptionRow row) {
  row.about.never_ignored = true;
  return row;
}
// Of imgproxy's paid edition, built.
constexpr OptionRow paid(OptionRow row) {
  row.about.paid = true;
  return row;
}
// Known from the documentation of imgproxy's paid edition, not built yet: only what turns it off.
constexpr OptionRow later(OptionRow row) {
  row.about.built = false;
  return paid(row);
}

constexpr std::string_view kPresetName = "preset";

constexpr OptionRow kRows[] = {
    row({"resize", "rs", "type:width:height:enlarge:extend:gravity:x:y", "",
         "Resizing type and the arguments of size.", 8},
        apply_resize, nullptr),
    row({"size", "s", "width:height:enlarge:extend:gravity:x:y", "",
         "Size, enlarge and extend at once.", 7},
        apply_size, nullptr),
    row({"resizing_type", "rt", "fit|fill|fill-down|force|auto", "fit", "How to resize."},
        apply_resizing_type, show_resizing_type),
    whole<&P::width>({"width", "w", "pixels", "0", "Width of the result; 0: from the height."}),
    whole<&P::height>({"height", "h", "pixels", "0", "Height of the result; 0: from the width."}),
    whole<&P::min_width>({"min-width", "mw", "pixels", "0", "Least width, kept by enlarging."}),
    whole<&P::min_height>({"min-height", "mh", "pixels", "0", "Least height, kept by enlarging."}),
    row({"zoom", "z", "factor or x:y", "1:1", "Factor on width and height.", 2}, apply_zoom,
        show_zoom),
    factor<&P::dpr>({"dpr", "", "factor", "1", "Device pixels per pixel."}),
    boolean<&P::enlarge>({"enlarge", "el", "boolean", "false", "Enlarge small images."}),
    row({"extend", "ex", "boolean:gravity:x:y", "false:ce:0:0", "Fill up to the wanted size.", 4},
        apply_extend, show_extend),
    row({"extend_aspect_ratio", "extend_ar,exar", "boolean:gravity:x:y", "false:ce:0:0",
         "Fill up to the wanted ratio.", 4},
        apply_extend_aspect_ratio, show_extend_aspect_ratio),
    row({"gravity", "g", "type:x:y", "ce:0:0", "Which part stays when something is cut.", 0},
        apply_gravity, show_gravity),
    row({"crop", "c", "width:height:gravity:x:y", "0:0", "Area of the source to use.", 0},
        apply_crop, show_crop),
    row({"trim", "t", "threshold:color:equal_hor:equal_ver", "", "Cut off the border.", 4},
        apply_trim, show_trim),
    row({"padding", "pd", "top:right:bottom:left", "0", "Space around the result.", 4},
        apply_padding, show_padding),
    boolean<&P::auto_rotate>(
        {"auto_rotate", "ar", "boolean", "true", "Turn as the metadata says."}),
    row({"rotate", "rot", "multiple of 90", "0", "Turn clockwise."}, apply_rotate,
        show_value<&P::rotate>),
    row({"flip", "fl", "horizontal:vertical", "false:false", "Mirror.", 2}, apply_flip, show_flip),
    row({"background", "bg", "r:g:b or hex", "", "Colour under transparent parts.", 0},
        apply_background, show_background),
    sigma<&P::blur>({"blur", "bl", "sigma", "0", "Gaussian blur."}),
    sigma<&P::sharpen>({"sharpen", "sh", "sigma", "0", "Sharpen."}),
    whole<&P::pixelate, kPixelsMax>({"pixelate", "pix", "pixels", "0", "Pixelate."}),
    never_ignored(
        row({"watermark", "wm", "opacity:position:x:y:scale", "0:ce:0:0:0", "Watermark.", 7},
            apply_watermark, show_watermark)),
    boolean<&R::strip_metadata>({"strip_metadata", "sm", "boolean", "true", "Drop metadata."}),
    boolean<&R::keep_copyright>(
        {"keep_copyright", "kcr", "boolean", "true", "Keep copyright when metadata is dropped."}),
    boolean<&R::strip_color_profile>(
        {"strip_color_profile", "scp", "boolean", "true", "Turn to sRGB, drop the profile."}),
    boolean<&R::preserve_hdr>({"preserve_hdr", "ph", "boolean", "false", "Keep more than 8 bits."}),
    boolean<&R::enforce_thumbnail>(
        {"enforce_thumbnail", "eth", "boolean", "false", "Use the source's thumbnail."}),
    request_row({"quality", "q", "0..100", "0", "Quality; 0: the configured one."}, apply_quality,
                show_value<&R::quality>),
    request_row({"format_quality", "fq", "format:quality:...", "", "Quality by format.", 0},
                apply_format_quality, show_format_quality),
    request_row(
        {"max_bytes", "mb", "bytes", "0", "Lower the quality until the result is this small."},
        apply_max_bytes, show_value<&R::max_bytes>),
    request_row({"format", "f,ext", "format", "", "Format of the result."}, apply_format,
                show_format),
    request_row({"skip_processing", "skp,sp", "format:...", "", "Formats to send as they are.", 0},
                apply_skip_processing, show_skip_processing),
    boolean<&R::raw>({"raw", "", "boolean", "false", "Send the source as it is."}),
    request_row({"cachebuster", "cb", "text", "", "No effect; makes a URL new."}, apply_cachebuster,
                show_value<&R::cachebuster>),
    request_row({"expires", "exp", "unix time", "", "Until when the URL is good."}, apply_expires,
                show_expires),
    request_row({"filename", "fn", "name:encoded", "", "Name of the file sent.", 2}, apply_filename,
                show_value<&R::filename>),
    boolean<&R::return_attachment>(
        {"return_attachment", "att", "boolean", "false", "Have browsers save the file."}),
    row({kPresetName, "pr", "name:...", "", "Apply presets.", 0}, nullptr, nullptr),
    security({"max_src_resolution", "msr", "megapixels", "50", "Most pixels of the source."},
             apply_max_src_resolution, show_value<&R::max_src_resolution>),
    security({"max_src_file_size", "msfs", "bytes", "0", "Most bytes of the source."},
             apply_max_src_file_size, show_value<&R::max_src_file_size_bytes>),
    security({"max_animation_frames", "maf", "frames", "1", "Most frames."},
             apply_max_animation_frames, show_value<&R::max_animation_frames>),
    security(
        {"max_animation_frame_resolution", "mafr", "megapixels", "0", "Most pixels of one frame."},
        apply_max_frame_resolution, show_value<&R::max_animation_frame_resolution>),
    security({"max_result_dimension", "mrd", "pixels", "0", "Longest side of the result."},
             apply_max_result_dimension, show_value<&R::max_result_dimension>),

    // Of imgproxy's paid edition (paid.md).
    paid(row({"resizing_algorithm", "ra", "nearest|linear|cubic|lanczos2|lanczos3", "lanczos3",
              "Kernel of the resize."},
             apply_resizing_algorithm, show_resizing_algorithm)),
    paid(row({"crop_aspect_ratio", "crop_ar,car", "ratio:enlarge", "0:false",
              "Width by height of the area that crop leaves.", 2},
             apply_crop_aspect_ratio, show_crop_aspect_ratio)),
    paid(row({"background_alpha", "bga", "0..1", "1", "How much of the background shows."},
             apply_background_alpha, show_value<&P::background_alpha>)),
    paid(row({"adjust", "a", "brightness:contrast:saturation", "0:1:1",
              "Brightness, contrast and saturation at once.", 3},
             apply_adjust, nullptr)),
    paid(row({"brightness", "br", "-255..255", "0", "Added to each channel."}, apply_brightness,
             show_value<&P::brightness>)),
    // `co` with more than one argument is crop_objects (UrlRules).
    paid(row({"contrast", "co", "factor", "1", "Distance of each channel from the middle."},
             apply_contrast, show_value<&P::contrast>)),
    paid(row({"saturation", "sa", "factor", "1", "Strength of colours; 0: grey."}, apply_saturation,
             show_value<&P::saturation>)),
    paid(row(
        {"monochrome", "mc", "intensity:color", "0:b3b3b3", "Shades and tints of one colour.", 2},
        apply_monochrome, show_monochrome)),
    paid(row({"duotone", "dt", "intensity:dark:light", "0:000000:ffffff",
              "Between two colours, by how light a pixel is.", 3},
             apply_duotone, show_duotone)),
    paid(row({"unsharp_masking", "ush,unsharpening", "mode:weight:divider", "none:1:24",
              "Sharpens pictures that were made smaller.", 3},
             apply_unsharp_masking, show_unsharp_masking)),
    never_ignored(paid(row({"blur_areas", "ba", "sigma:left:top:width:height:...", "0",
                            "Blurs parts of the source, given as parts of its sides.", 0},
                           apply_blur_areas, show_blur_areas))),
    paid(row({"progressive_blur", "pbl", "sigma:direction:start:stop", "0:down:0:1",
              "A blur that grows.", 4},
             apply_progressive_blur, show_progressive_blur)),
    paid(row({"colorize", "col", "opacity:color:keep_alpha", "0:000000:false",
              "One colour over the picture.", 3},
             apply_colorize, show_colorize)),
    paid(row({"gradient", "gr", "opacity:color:direction:start:stop", "0:000000:down:0:1",
              "A colour that grows over the picture.", 5},
             apply_gradient, show_gradient)),

    paid(request_row({"page", "pg", "number", "0", "First page or frame of a still result."},
                     apply_page, show_value<&R::page>)),
    paid(request_row({"pages", "pgs", "number", "1", "How many of them, one below the other."},
                     apply_pages, show_value<&R::pages>)),
    paid(request_row({"disable_animation", "da", "boolean", "false", "A still result, always."},
                     apply_disable_animation, show_value<&R::disable_animation>)),
    paid(request_row({"autoquality", "aq", "none|size|dssim:target:min:max:allowed_error",
                      "IMGPROXY_AUTOQUALITY_…", "Find the quality by trying.", 5},
                     apply_autoquality, show_autoquality)),
    paid(request_row({"jpeg_options", "jpgo,jpego",
                      "progressive:no_subsample:trellis_quant:overshoot_deringing:optimize_scans:"
                      "quant_table",
                      "IMGPROXY_JPEG_…", "How JPEG is written.", 6},
                     apply_jpeg_options, show_jpeg_options)),
    paid(request_row({"png_options", "pngo", "interlaced:quantize:colors", "IMGPROXY_PNG_…",
                      "How PNG is written.", 3},
                     apply_png_options, show_png_options)),
    paid(request_row({"webp_options", "webpo", "compression:smart_subsample:preset",
                      "IMGPROXY_WEBP_…", "How WebP is written.", 3},
                     apply_webp_options, show_webp_options)),
    paid(request_row({"avif_options", "avifo", "auto|on|off", "IMGPROXY_AVIF_SUBSAMPLE",
                      "Whether AVIF's colours are coarser than its light."},
                     apply_avif_options, show_avif_options)),
    paid(request_row({"fallback_image_url", "fiu", "base64", "",
                      "Picture for a source that cannot be had, before the configured one."},
                     apply_fallback_image_url, show_value<&R::fallback_image_url>)),
    never_ignored(paid(request_row({"hashsum", "hs", "none|md5|sha1|sha256|sha512:hex", "none",
                                    "What the source must sum up to; else 422.", 2},
                                   apply_hashsum, show_hashsum))),
    paid(request_row({"style", "st,stl", "base64", "", "CSS for sources that are SVG."},
                     apply_style, show_style)),
    paid(request_row({"bypass_cache", "bc", "boolean", "false",
                      "Leave the result cache out; needs IMGPROXY_ALLOW_BYPASS_CACHE."},
                     apply_bypass_cache, show_value<&R::bypass_cache>)),
    paid(
        request_row({"cache_tags", "ct", "tag:...", "", "Tags for a CDN, in the answer's head.", 0},
                    apply_cache_tags, show_cache_tags)),
    never_ignored(paid(row({"watermark_url", "wmu", "base64", "",
                            "URL of the watermark, in place of the configured one."},
                           apply_watermark_url, show_watermark_url))),
    never_ignored(paid(row({"watermark_text", "wmt", "base64", "",
                            "Text with Pango's markup as watermark, in place of a picture."},
                           apply_watermark_text, show_watermark_text))),
    never_ignored(paid(row({"watermark_size", "wms", "width:height", "0:0",
                            "What the watermark is fitted into, where its scale is 0.", 2},
                           apply_watermark_size, show_watermark_size))),
    never_ignored(paid(
        row({"watermark_rotate", "wm_rot,wmr", "degrees", "0", "Turn of the watermark, clockwise."},
            apply_watermark_rotate, show_watermark_rotate))),
    never_ignored(
        paid(row({"watermark_shadow", "wmsh", "sigma", "0", "A shadow of the watermark, under it."},
                 apply_watermark_shadow, show_watermark_shadow))),
    paid(request_row({"dpi", "", "number", "0", "Resolution of the result; 0: not set."}, apply_dpi,
                     show_value<&R::dpi>)),
    paid(request_row({"color_profile", "cp,icc", "srgb|cmyk|file", "",
                      "Profile that the result is converted to and carries."},
                     apply_color_profile, show_value<&R::color_profile>)),

    // Of models and videos.
    paid(row({"objects_position", "obj_pos,op", "type:x:y", "ce:0:0",
              "Where detected objects go in a crop. No effect: nothing is detected.", 0},
             apply_objects_position, nullptr)),
    never_ignored(later(row({"blur_detections", "bd", "sigma:class:...", "0", "Blur objects.", 0},
                            apply_blur_detections, nullptr))),
    later(row(
        {"draw_detections", "dd", "boolean:class:...", "false", "Draw boxes around objects.", 0},
        apply_draw_detections, nullptr)),
    later(row({"crop_objects", "c_obj", "factor:class:...", "0", "Crop to the objects.", 0},
              apply_crop_objects, nullptr)),
    paid(request_row({"video_thumbnail_second", "vts", "number", "",
                      "Of videos, which no source is: no effect."},
                     apply_video_second, nullptr)),
    paid(request_row({"video_thumbnail_keyframes", "vtk", "boolean", "",
                      "Of videos, which no source is: no effect."},
                     apply_video_keyframes, nullptr)),
    later(request_row(
        {"video_thumbnail_tile", "vtt", "step and nine values", "0", "Sprite of a video.", 0},
        apply_video_frames, nullptr)),
    later(request_row({"video_thumbnail_animation", "vta", "step and nine values", "0",
                       "Animation of a video.", 0},
                      apply_video_frames, nullptr)),
};

using Index = std::unordered_map<std::string_view, const OptionRow*>;
Index make_index() {
  Index index;
  for (const OptionRow& each : kRows) {
    index.emplace(each.about.name, &each);
    if (each.about.aliases.empty()) continue;
    for (const std::string_view alias : split(each.about.aliases, ",")) {
      index.emplace(alias, &each);
    }
  }
  return index;
}

}  // namespace

const OptionRow* find_row(std::string_view name) noexcept {
  static const Index index = make_index();
  const auto at = index.find(name);
  return at == index.end() ? nullptr : at->second;
}

bool is_preset_option(const OptionRow& row_of) noexcept { return row_of.about.name == kPresetName; }

std::span<const OptionRow> option_rows() noexcept { return kRows; }

std::span<const UrlOption> url_options() noexcept {
  static const std::vector<UrlOption> options = [] {
    std::vector<UrlOption> all;
    for (const OptionRow& each : kRows) all.push_back(each.about);
    return all;
  }();
  return options;
}

const UrlOption* find_url_option(std::string_view name) noexcept {
  const OptionRow* found = find_row(name);
  return found ? &found->about : nullptr;
}

}  // namespace imgring::url
