// Option table: image processing (configuration.md section 4).
#include "table.h"

namespace imgring::config {
namespace {

using P = ProcessingConfig;
using enum OptionType;
template <auto Member>
constexpr OptionReader at = set<&Config::processing, Member>;

// A member of a struct of ProcessingConfig.
template <auto Group, auto Member>
Refusal read_in(std::string_view text, const Option& option, Config& config) {
  return read_value(text, option, (config.processing.*Group).*Member);
}
using E = EncoderOptions;
template <auto Member>
constexpr OptionReader encoder = read_in<&P::encoders, Member>;
using A = AutoqualityConfig;
template <auto Member>
constexpr OptionReader aq = read_in<&P::autoquality, Member>;
using B = BestFormatConfig;
template <auto Member>
constexpr OptionReader best = read_in<&P::best_format, Member>;

Refusal read_target(std::string_view text, const Option& option, Config& config) {
  double value = 0;
  if (Refusal refusal = read_value(text, option, value)) return refusal;
  if (value <= 0) return "cannot be zero or negative";
  config.processing.autoquality.target = value;
  return std::nullopt;
}
Refusal read_error(std::string_view text, const Option& option, Config& config) {
  double value = 0;
  if (Refusal refusal = read_value(text, option, value)) return refusal;
  if (value < 0 || value > 1) return "out of range (0..1)";
  config.processing.autoquality.allowed_error = value;
  return std::nullopt;
}
Refusal read_threshold(std::string_view text, const Option& option, Config& config) {
  double value = 0;
  if (Refusal refusal = read_value(text, option, value)) return refusal;
  if (value < 0) return "cannot be negative";
  config.processing.best_format.complexity_threshold = value;
  return std::nullopt;
}

constexpr Option kOptions[] = {
    row("IMGPROXY_QUALITY", kInt, "80", between(1, 100), at<&P::quality>,
        "Quality where nothing else says one."),
    row("IMGPROXY_FORMAT_QUALITY", kFormatQuality, "webp=79,avif=63,jxl=77", at<&P::format_quality>,
        "Quality by format; formats that are not named keep theirs."),
    row("IMGPROXY_PREFERRED_FORMATS", kFormats, "jpeg,png,gif", at<&P::preferred_formats>,
        "Formats a result may have when the URL names none."),
    row("IMGPROXY_SKIP_PROCESSING_FORMATS", kFormats, "", at<&P::skip_processing_formats>,
        "Formats sent on as they are when source and result are the same."),
    row("IMGPROXY_JPEG_PROGRESSIVE", kBool, "false", encoder<&E::jpeg_progressive>,
        "Progressive JPEG."),
    row("IMGPROXY_JPEG_NO_SUBSAMPLE", kBool, "false", encoder<&E::jpeg_no_subsample>,
        "JPEG with colours as fine as light."),
    row("IMGPROXY_JPEG_QUANT_TABLE", kInt, "0", between(0, 8), encoder<&E::jpeg_quant_table>,
        "Table of quantisation of JPEG, as mozjpeg numbers them."),
    ignored("IMGPROXY_JPEG_TRELLIS_QUANT", "libjpeg-turbo has none; mozjpeg does."),
    ignored("IMGPROXY_JPEG_OVERSHOOT_DERINGING", "libjpeg-turbo has none; mozjpeg does."),
    ignored("IMGPROXY_JPEG_OPTIMIZE_SCANS", "libjpeg-turbo has none; mozjpeg does."),
    row("IMGPROXY_PNG_INTERLACED", kBool, "false", encoder<&E::png_interlaced>, "Interlaced PNG."),
    row("IMGPROXY_PNG_QUANTIZE", kBool, "false", encoder<&E::png_quantize>, "PNG with a palette."),
    row("IMGPROXY_PNG_QUANTIZATION_COLORS", kInt, "256", between(2, 256),
        encoder<&E::png_quantization_colors>, "Colours of that palette."),
    row("IMGPROXY_WEBP_EFFORT", kInt, "4", between(1, 6), at<&P::webp_effort>,
        "CPU time for WebP: more is smaller."),
    choice("IMGPROXY_WEBP_PRESET", "default", "default,photo,picture,drawing,icon,text",
           encoder<&E::webp_preset>, "Kind of picture WebP is tuned for."),
    choice("IMGPROXY_WEBP_COMPRESSION", "lossy", "lossy,near_lossless,lossless",
           encoder<&E::webp_compression>, "How WebP is packed."),
    row("IMGPROXY_WEBP_SMART_SUBSAMPLE", kBool, "false", encoder<&E::webp_smart_subsample>,
        "Sharper colours in lossy WebP, for more CPU time."),
    choice("IMGPROXY_AVIF_SUBSAMPLE", "auto", "auto,on,off", encoder<&E::avif_subsample>,
           "Coarser colours in AVIF; auto: below quality 90."),
    row("IMGPROXY_AVIF_SPEED", kInt, "8", between(0, 9), at<&P::avif_speed>,
        "Speed of AVIF: less is smaller."),
    row("IMGPROXY_JXL_EFFORT", kInt, "4", between(1, 9), at<&P::jxl_effort>,
        "CPU time for JPEG XL: more is smaller."),
    choice("IMGRING_JPEG_DECODER", "own", "own,turbo", at<&P::jpeg_decoder>,
           "What decodes JPEGs that are made smaller: ours, or libjpeg-turbo."),
    choice("IMGRING_SANDBOX", "risky", "svg,risky,all", at<&P::sandbox>,
           "What child processes work on, shut in: SVG; AVIF, HEIC, TIFF, JPEG XL too; GIF, WebP "
           "too."),
    row("IMGRING_SANDBOX_REQUIRED", kBool, "false", at<&P::sandbox_required>,
        "Refuse to start where a child can't be shut in."),
    choice("IMGPROXY_UNSHARP_MASKING_MODE", "none", "auto,none,always",
           at<&P::unsharp_masking_mode>,
           "Sharpen after the resize: auto, where the picture was made smaller."),
    row("IMGPROXY_UNSHARP_MASKING_WEIGHT", kFloat, "1", read_above_zero<&P::unsharp_masking_weight>,
        "How strongly: the neighbours' weight."),
    row("IMGPROXY_UNSHARP_MASKING_DIVIDER", kFloat, "24",
        read_above_zero<&P::unsharp_masking_divider>, "What the weights are divided by."),
    choice("IMGPROXY_AUTOQUALITY_METHOD", "none", "none,size,dssim,ml", aq<&A::method>,
           "How a result's quality is found; ml is dssim, as there are no models."),
    row("IMGPROXY_AUTOQUALITY_TARGET", kFloat, "0.02", read_target,
        "Bytes of the result, or its DSSIM of 0..1."),
    row("IMGPROXY_AUTOQUALITY_MIN", kInt, "70", between(1, 100), aq<&A::min>, "Least quality."),
    row("IMGPROXY_AUTOQUALITY_MAX", kInt, "80", between(1, 100), aq<&A::max>, "Greatest quality."),
    row("IMGPROXY_AUTOQUALITY_FORMAT_MIN", kFormatQuality, "avif=60", aq<&A::format_min>,
        "Least quality by format."),
    row("IMGPROXY_AUTOQUALITY_FORMAT_MAX", kFormatQuality, "avif=65", aq<&A::format_max>,
        "Greatest quality by format."),
    row("IMGPROXY_AUTOQUALITY_ALLOWED_ERROR", kFloat, "0.002", read_error,
        "How far from the target a DSSIM may be."),
    row("IMGPROXY_AUTOQUALITY_MAX_RESOLUTION", kMegapixels, "0", kAnySize, aq<&A::max_resolution>,
        "Larger results have the configured quality; 0: none."),
    row("IMGPROXY_BEST_FORMAT_COMPLEXITY_THRESHOLD", kFloat, "5.5", read_threshold,
        "Bits of grey; pictures with no more are packed without loss; 0: none is."),
    row("IMGPROXY_BEST_FORMAT_MAX_RESOLUTION", kMegapixels, "0", kAnySize, best<&B::max_resolution>,
        "Larger results are written once; 0: none."),
    row("IMGPROXY_BEST_FORMAT_BY_DEFAULT", kBool, "false", best<&B::by_default>,
        "Where the URL names no format the best one is found."),
    row("IMGPROXY_BEST_FORMAT_ALLOW_SKIPS", kBool, "false", best<&B::allow_skips>,
        "Sources of skipped formats may be the best as they are."),
    row("IMGPROXY_PNG_UNLIMITED", kBool, "false", at<&P::png_unlimited>,
        "Lift the limits of the PNG loader."),
    row("IMGPROXY_SVG_UNLIMITED", kBool, "false", at<&P::svg_unlimited>,
        "Lift the limits of the SVG loader."),
    row("IMGPROXY_TIFF_UNLIMITED", kBool, "false", at<&P::tiff_unlimited>,
        "Lift the limits of the TIFF loader."),
    row("IMGPROXY_SANITIZE_SVG", kBool, "true", at<&P::sanitize_svg>,
        "Take scripts out of SVG images sent as SVG."),
    row("IMGPROXY_ALWAYS_RASTERIZE_SVG", kBool, "false", at<&P::always_rasterize_svg>,
        "Do not send SVG as SVG."),
    row("IMGPROXY_USE_LINEAR_COLORSPACE", kBool, "false", at<&P::use_linear_colorspace>,
        "Resize in linear light."),
    row("IMGPROXY_DISABLE_SHRINK_ON_LOAD", kBool, "false", at<&P::disable_shrink_on_load>,
        "Load sources in full size before resizing."),
    row("IMGPROXY_ENFORCE_THUMBNAIL", kBool, "false", at<&P::enforce_thumbnail>,
        "Use the thumbnail inside HEIC and AVIF sources."),
    row("IMGPROXY_PRESERVE_HDR", kBool, "false", at<&P::preserve_hdr>,
        "Keep more than 8 bits per channel."),
    row("IMGPROXY_STRIP_METADATA", kBool, "true", at<&P::strip_metadata>, "Drop metadata."),
    row("IMGPROXY_KEEP_COPYRIGHT", kBool, "true", at<&P::keep_copyright>,
        "Keep copyright where metadata is dropped."),
    row("IMGPROXY_STRIP_METADATA_DPI", kFloat, "72", read_dpi,
        "Resolution of results whose metadata is dropped, above 0 and at most 65535."),
    row("IMGPROXY_COLOR_PROFILES_DIR", kString, "/usr/share/color/icc", at<&P::color_profiles_dir>,
        "Folder of the profiles that color_profile names; looked through at the start."),
    row("IMGPROXY_STRIP_COLOR_PROFILE", kBool, "true", at<&P::strip_color_profile>,
        "Turn colours to sRGB and drop the profile."),
    row("IMGPROXY_AUTO_ROTATE", kBool, "true", at<&P::auto_rotate>,
        "Turn images as their metadata says."),
    row("IMGPROXY_AUTO_WEBP", kBool, "false", at<&P::auto_webp>,
        "WebP for clients that accept it, where the URL names no format."),
    row("IMGPROXY_AUTO_AVIF", kBool, "false", at<&P::auto_avif>, "The same for AVIF."),
    row("IMGPROXY_AUTO_JXL", kBool, "false", at<&P::auto_jxl>, "The same for JPEG XL."),
    row("IMGPROXY_ENFORCE_WEBP", kBool, "false", at<&P::enforce_webp>,
        "WebP for clients that accept it, whatever the URL names."),
    row("IMGPROXY_ENFORCE_AVIF", kBool, "false", at<&P::enforce_avif>, "The same for AVIF."),
    row("IMGPROXY_ENFORCE_JXL", kBool, "false", at<&P::enforce_jxl>, "The same for JPEG XL."),
    row("IMGPROXY_ENABLE_CLIENT_HINTS", kBool, "false", at<&P::enable_client_hints>,
        "Take width and dpr from client hints."),
    row("IMGPROXY_WATERMARK_DATA", kBase64, "", at<&P::watermark_data>, "Watermark, in Base64."),
    row("IMGPROXY_WATERMARK_PATH", kFile, "", at<&P::watermark_path>, "Watermark's file."),
    row("IMGPROXY_WATERMARK_URL", kString, "", at<&P::watermark_url>, "Watermark's URL."),
    row("IMGPROXY_WATERMARK_OPACITY", kFloat, "1", read_opacity,
        "Opacity of the watermark, above 0 and at most 1."),
    row("IMGPROXY_WATERMARK_PREPROCESS_URL", kBool, "false",
        set<&Config::url, &UrlConfig::watermark_preprocess_url>,
        "Apply base URL and replacements to watermark_url, too."),
    row("IMGPROXY_WATERMARKS_CACHE_SIZE", kInt, "256", between(0, 65536),
        at<&P::watermarks_cache_size>, "Watermarks of watermark_url kept in memory; 0: none."),
    row("IMGPROXY_FALLBACK_IMAGE_DATA", kBase64, "", at<&P::fallback_image_data>,
        "Image sent when the source cannot be had, in Base64."),
    row("IMGPROXY_FALLBACK_IMAGE_PATH", kFile, "", at<&P::fallback_image_path>, "Its file."),
    row("IMGPROXY_FALLBACK_IMAGE_URL", kString, "", at<&P::fallback_image_url>, "Its URL."),
    row("IMGPROXY_FALLBACK_IMAGES_CACHE_SIZE", kInt, "256", between(0, 65536),
        at<&P::fallback_images_cache_size>,
        "Images of fallback_image_url kept in memory; 0: none."),
    row("IMGPROXY_FALLBACK_IMAGE_HTTP_CODE", kInt, "200", between(0, 599), read_fallback_code,
        "Status sent with it, 100..599; 0: the error's."),
    row("IMGPROXY_FALLBACK_IMAGE_TTL", kInt, "0", between(0, INT64_MAX),
        at<&P::fallback_image_ttl_s>, "Seconds it may be cached; 0: as other images."),
    not_built(row("IMGPROXY_VIPS_LEAK_CHECK", kBool, "false", nullptr, "libvips leak check.")),
    not_built(row("IMGPROXY_VIPS_CACHE_TRACE", kBool, "false", nullptr, "libvips cache trace.")),
};

}  // namespace

std::span<const Option> processing_options() noexcept { return kOptions; }

}  // namespace imgring::config
