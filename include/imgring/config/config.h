// The whole configuration as one immutable value.
// Built once by load_config from the environment, read by every thread, replaced whole by reload.
// Names, types, defaults and ranges: the option table in src/config (configuration.md).
// Units are in the names.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "imgring/base/engine_kind.h"
#include "imgring/base/image_type.h"
#include "imgring/base/log.h"

namespace imgring::config {

enum class Network : std::uint8_t { kTcp, kTcp4, kTcp6, kUnix, kUnixPacket };
enum class JpegReader : std::uint8_t { kOwn, kTurbo };
// What becomes of URL options that are known and not built.
enum class UnsupportedOptions : std::uint8_t { kFail, kIgnore };
// When a picture that was made smaller is sharpened: in the order of url::Unsharp's modes.
enum class UnsharpMode : std::uint8_t { kAuto, kNone, kAlways };
// Under which names an answer's tags are sent.
enum class CacheTagsFormat : std::uint8_t { kAll, kCloudfront, kCloudflare, kNone };
// What is worked on by children that are shut in: SVGs, formats with a history, all but two.
enum class Sandbox : std::uint8_t { kSvg, kRisky, kAll };
enum class WebpCompression : std::uint8_t { kLossy, kNearLossless, kLossless };
enum class AvifSubsample : std::uint8_t { kAuto, kOn, kOff };
enum class WebpPreset : std::uint8_t { kDefault, kPhoto, kPicture, kDrawing, kIcon, kText };

// What encoders can be told, by the configuration and by each URL.
struct EncoderOptions {
  bool jpeg_progressive = false, jpeg_no_subsample = false;
  int jpeg_quant_table = 0;   // 0..8, as mozjpeg numbers them
  bool jpeg_mozjpeg = false;  // a URL asks for what mozjpeg alone can do
  bool png_interlaced = false, png_quantize = false;
  int png_quantization_colors = 256;
  WebpCompression webp_compression = WebpCompression::kLossy;
  bool webp_smart_subsample = false;
  WebpPreset webp_preset = WebpPreset::kDefault;
  AvifSubsample avif_subsample = AvifSubsample::kAuto;
  bool jxl_lossless = false;                   // what the format `best` may choose
  bool png_given = false, webp_given = false;  // a URL names them: `best` leaves them as they are
};

enum class AutoqualityMethod : std::uint8_t { kNone, kSize, kDssim, kMl };
// Qualities found by trying.
struct AutoqualityConfig {
  AutoqualityMethod method = AutoqualityMethod::kNone;
  double target = 0.02;  // bytes, or DSSIM
  int min = 70, max = 80;
  // By ImageType; 0 = min and max. load_config sets avif 60 and 65.
  std::array<int, kImageTypeCount> format_min = {}, format_max = {};
  double allowed_error = 0.002;
  std::int64_t max_resolution = 0;  // pixels of the result; 0 = no limit
};
struct BestFormatConfig {
  double complexity_threshold = 5.5;  // bits; 0 = not measured
  std::int64_t max_resolution = 0;    // pixels of the result; 0 = no limit
  bool by_default = false, allow_skips = false;
};

// A source pattern: anchored at the start, `*` is any run without `/` (configuration.md 1.2).
struct SourcePattern {
  std::string text;
};
struct UrlReplacement {
  std::string pattern;
  std::string replacement;  // $1, ${1}: wildcards
};
struct KeySalt {
  std::string key;   // raw bytes
  std::string salt;  // raw bytes
};

struct ServerConfig {
  EngineKind engine = EngineKind::kAuto;
  std::string bind = ":8080";
  Network network = Network::kTcp;
  bool so_reuseport = false;
  std::string path_prefix;
  int max_clients = 2048;  // 0 = none
  int timeout_s = 10, read_request_timeout_s = 10, write_response_timeout_s = 10;
  int keep_alive_timeout_s = 10, graceful_stop_timeout_s = 20;
  int drain_delay_s = 0;        // IMGRING_DRAIN_DELAY
  int workers = 0;              // 0 = not set: usable CPUs (decision 4)
  int loops = 0;                // IMGRING_LOOPS; 0 = as many as helpers' default
  int requests_queue_size = 0;  // 0 = bounded by memory and time
  std::int64_t ttl_s = 31536000;
  bool cache_control_passthrough = false, set_canonical_header = false;
  bool use_etag = true, use_last_modified = true;
  std::string etag_buster;
  std::optional<std::int64_t> last_modified_buster_unix_s;
  CacheTagsFormat cache_tags_format = CacheTagsFormat::kAll;
  bool enable_debug_headers = false, development_errors_mode = false;
  std::string allow_origin, secret, health_check_path;
  int free_memory_interval_s = 10;
  bool log_mem_stats = false;
  bool return_attachment = false;
  std::string server_name = "imgproxy", health_check_message = "imgproxy is running";
  std::vector<std::pair<std::string, std::string>> custom_response_headers, custom_request_headers;
  std::vector<std::string> request_headers_passthrough, response_headers_passthrough;
  std::string port_file;  // IMGRING_PORT_FILE: the bound port is written here
  bool report_downloading_errors = true, report_io_errors = false;
};

struct MemoryConfig {
  std::int64_t limit_mib = 0;  // IMGRING_MEMORY_LIMIT; 0 = of the cgroup or the machine
  std::int64_t download_buffer_size_bytes = 0, gzip_buffer_size_bytes = 0;
  std::int64_t buffer_pool_calibration_threshold = 1024;
  int gzip_compression = 0;  // 0..9
};

struct SourceConfig {
  int download_timeout_s = 5, client_keep_alive_timeout_s = 90, max_redirects = 10;
  std::string user_agent = "imgproxy/%current_version";  // replaced at load
  bool allow_loopback = false, allow_link_local = false, allow_private = true;
  bool ignore_ssl_verification = false;
  std::string local_filesystem_root;
  std::string query_separator = "?";  // blank = off
  bool cookie_passthrough = false, cookie_passthrough_all = false;
  std::string cookie_base_url;
  std::string http_proxy, https_proxy, no_proxy;
  bool use_s3 = false;
  std::string s3_region, s3_endpoint;
  bool s3_endpoint_use_path_style = true;
  std::vector<std::string> s3_allowed_buckets, s3_denied_buckets;
};

struct UrlConfig {
  std::vector<KeySalt> keys;
  int signature_size_bytes = 32;
  std::vector<std::string> trusted_signatures;
  std::vector<SourcePattern> allowed_sources;
  std::vector<std::string> allowed_processing_options;
  bool allow_security_options = false, allow_bypass_cache = false;
  bool fallback_image_preprocess_url = false;  // of the option fallback_image_url
  std::string arguments_separator = ":";
  std::string base_url;
  std::vector<UrlReplacement> url_replacements;
  bool base64_url_includes_filename = false;
  std::vector<std::string> presets;  // "name=options", the list's items and then the file's lines
  bool only_presets = false;
  // Of the info endpoint.
  std::vector<std::string> allowed_info_options;
  std::vector<std::string> info_presets;
  bool info_only_presets = false;         // not set: as only_presets
  std::string source_url_encryption_key;  // raw bytes; empty = none
  UnsupportedOptions unsupported_options =
      UnsupportedOptions::kFail;  // IMGRING_UNSUPPORTED_OPTIONS
  bool watermark_preprocess_url = false;
  int max_chained_pipelines = 0;  // dashes of a URL; 0 = no limit but the fixed one
};

// Defaults and limits of the image work.
struct ProcessingConfig {
  std::int64_t max_src_resolution = 50'000'000;  // pixels, frames summed
  std::int64_t max_src_file_size_bytes = 0;
  int max_animation_frames = 1;
  std::int64_t max_animation_frame_resolution = 0;
  int max_result_dimension = 0;
  int quality = 80;
  // By ImageType; 0 = quality. load_config sets webp 79, avif 63, jxl 77.
  std::array<int, kImageTypeCount> format_quality = {};
  std::vector<ImageType> preferred_formats = {ImageType::kJpeg, ImageType::kPng, ImageType::kGif};
  ImageTypeSet skip_processing_formats;
  EncoderOptions encoders;
  AutoqualityConfig autoquality;
  BestFormatConfig best_format;
  int webp_effort = 4, avif_speed = 8, jxl_effort = 4;
  bool png_unlimited = false, svg_unlimited = false, tiff_unlimited = false;
  bool sanitize_svg = true, always_rasterize_svg = false;
  bool use_linear_colorspace = false, disable_shrink_on_load = false;
  bool enforce_thumbnail = false, preserve_hdr = false;
  bool strip_metadata = true, keep_copyright = true, strip_color_profile = true, auto_rotate = true;
  bool auto_webp = false, auto_avif = false, auto_jxl = false;
  bool enforce_webp = false, enforce_avif = false, enforce_jxl = false;
  bool enable_client_hints = false;
  JpegReader jpeg_decoder = JpegReader::kOwn;
  Sandbox sandbox = Sandbox::kRisky;  // IMGRING_SANDBOX
  bool sandbox_required = false;      // IMGRING_SANDBOX_REQUIRED
  UnsharpMode unsharp_masking_mode = UnsharpMode::kNone;
  double unsharp_masking_weight = 1, unsharp_masking_divider = 24;
  double strip_metadata_dpi = 72;
  std::string color_profiles_dir = "/usr/share/color/icc";
  std::string watermark_data, watermark_path, watermark_url;  // data: decoded bytes
  double watermark_opacity = 1;
  int watermarks_cache_size = 256;       // entries of all loops; 0 = off
  int fallback_images_cache_size = 256;  // the same
  std::string fallback_image_data, fallback_image_path, fallback_image_url;
  int fallback_image_http_code = 200;  // 0 = the error's
  std::int64_t fallback_image_ttl_s = 0;
};

struct ObserveConfig {
  LogFormat log_format = LogFormat::kStructured;  // load picks pretty on a terminal
  LogLevel log_level = LogLevel::kInfo;
  std::string prometheus_bind, prometheus_namespace;
  bool fail_on_deprecation = false;
};

struct Config {
  ServerConfig server;
  MemoryConfig memory;
  SourceConfig source;
  UrlConfig url;
  ProcessingConfig processing;
  ObserveConfig observe;
};

}  // namespace imgring::config
