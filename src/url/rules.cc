// UrlRules: the configuration's presets, patterns and defaults, and the parse of one path
// (urls.md sections 3 and 5). Immutable after build, any thread.
// Promises: options apply left to right, after the defaults, the client's hints and preset default.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

#include "allowed_source.h"
#include "imgring/base/text.h"
#include "imgring/base/uri.h"
#include "imgring/url/request.h"
#include "imgring/url/source_url.h"
#include "info_rules.h"
#include "options.h"
#include "pattern.h"
#include "source_part.h"
#include "written.h"

namespace imgring::url {
namespace {

struct Replacement {
  Pattern pattern;
  std::string text;
};

// Of one request, whatever IMGPROXY_MAX_CHAINED_PIPELINES says: each may copy and blur a picture.
constexpr std::size_t kPipelinesMax = 32;

// Garbage, as it comes of a wrong key, nearly never is.
bool may_be_fetched(std::string_view source_url, std::string_view query_separator) {
  const std::string scheme = scheme_of(source_url);
  if (scheme == "http" || scheme == "https") return parse_http_url(source_url).has_value();
  const bool storage =
      scheme == "local" || scheme == "s3" || scheme == "gs" || scheme == "abs" || scheme == "swift";
  return storage && parse_storage_url(source_url, query_separator).has_value();
}

// `variable` and its ..._PATH hold the presets.
Result<void> no_problems(const std::string& variable, const std::vector<std::string>& problems) {
  if (problems.empty()) return {};
  return fail(ErrorCode::kInternal,
              variable + " or the file of " + variable + "_PATH: " + join(problems, "; "));
}

bool is_basic_format(std::string_view part) {
  for (const std::string_view name : {"fit", "fill", "fill-down", "force", "auto"}) {
    if (part == name) return true;
  }
  return false;
}

// `co` is in the documentation of two options: what contrast has no place for is crop_objects'.
const OptionRow* row_for(const Written& written) noexcept {
  const auto given = std::ranges::find_if(written.arguments.rbegin(), written.arguments.rend(),
                                          [](std::string_view text) { return !text.empty(); });
  const auto count = written.arguments.rend() - given;
  return find_row(written.name == "co" && count > 1 ? "crop_objects" : written.name);
}

Arguments arguments_for(const OptionRow& row, const Written& written) noexcept {
  const Arguments all = written.arguments;
  return row.about.paid ? all.first(size_without_empty_end(written.arguments)) : all;
}

}  // namespace

struct UrlRules::Impl {
  config::UrlConfig url;
  config::ProcessingConfig processing;
  RequestOptions defaults;
  Presets presets;
  InfoRules info;
  std::vector<AllowedSource> sources;
  std::string query_separator;
  std::vector<Replacement> replacements;
  mutable std::atomic<bool> told_of_mozjpeg = false;  // in the log of one request

  // State of one application of options.
  struct Run {
    RequestOptions& options;
    std::int64_t now_unix_s;
    std::vector<std::string>* warnings;
    std::vector<std::string>* ignored;
    std::vector<std::string_view> presets_open{};  // from the outside in
    int applied = 0;
    std::size_t pipeline = 0;  // that is written
    bool unbuilt = false;      // refused for what is known and not built
  };

  void set_defaults(const config::Config& config);
  Result<void> apply(const Written& written, Run& run) const;
  // Of an option that is known and not built, whole or with these arguments: the refusal, or
  // nothing where the configuration wants such options left out.
  Result<void> leave_out(const OptionRow& row, Run& run, Result<void> refusal) const;
  // Goes on to the next pipeline: one that a preset made, or a new one.
  Result<void> next_pipeline(Run& run) const;
  Result<void> apply_all(const std::vector<Written>& options, Run& run) const;
  Result<void> apply_presets(const Parts& names, Run& run) const;
  Result<void> check_allowed(const Written& written) const;
  Result<std::size_t> apply_path_options(const Parts& parts, Run& run) const;
  Result<void> apply_extension(std::string_view extension, Run& run) const;
  Result<std::string> final_source_url(std::string source_url) const;
  // Of the option fallback_image_url: as the configuration wants it made, and allowed.
  Result<void> finish_fallback_url(RequestOptions* options) const;
  // Of watermarks that are fetched: they are sources like others.
  Result<void> finish_watermarks(RequestOptions& options) const;
  // Against IMGPROXY_ALLOWED_SOURCES.
  Result<void> check_source(std::string_view source_url) const;
  // What stands behind `used` parts of options. Null: its extension names no format.
  Result<void> take_source(const Parts& parts, std::size_t used, Run* run,
                           ProcessingRequest& request) const;
};

void UrlRules::Impl::set_defaults(const config::Config& config) {
  defaults.first().auto_rotate = processing.auto_rotate;
  defaults.first().unsharp = {processing.unsharp_masking_mode, processing.unsharp_masking_weight,
                              processing.unsharp_masking_divider};
  defaults.strip_metadata = processing.strip_metadata;
  defaults.keep_copyright = processing.keep_copyright;
  defaults.strip_color_profile = processing.strip_color_profile;
  defaults.preserve_hdr = processing.preserve_hdr;
  defaults.enforce_thumbnail = processing.enforce_thumbnail;
  defaults.encoders = processing.encoders;
  defaults.autoquality.method = processing.autoquality.method;
  defaults.autoquality.target = processing.autoquality.target;
  defaults.autoquality.allowed_error = processing.autoquality.allowed_error;
  defaults.skip_processing = processing.skip_processing_formats;
  defaults.return_attachment = config.server.return_attachment;
  defaults.max_src_resolution = processing.max_src_resolution;
  defaults.max_src_file_size_bytes = processing.max_src_file_size_bytes;
  defaults.max_animation_frames = processing.max_animation_frames;
  defaults.max_animation_frame_resolution = processing.max_animation_frame_resolution;
  defaults.max_result_dimension = processing.max_result_dimension;
}

Result<void> UrlRules::Impl::apply(const Written& written, Run& run) const {
  if (++run.applied > kAppliedMax) {
    return fail(ErrorCode::kInvalidUrl,
                "over " + std::to_string(kAppliedMax) + " options with those of the presets");
  }
  const OptionRow* row = row_for(written);
  if (!row) return fail(ErrorCode::kInvalidUrl, "unknown option " + std::string(written.name));
  bool unsupported = false;
  const Call call{written.name, arguments_for(*row, written), run.warnings, &unsupported};
  if (row->about.security && !url.allow_security_options) {
    return fail(ErrorCode::kSecurityOption,
                "option " + std::string(written.name) + " is a security option: not allowed");
  }
  if (is_preset_option(*row)) return apply_presets(written.arguments, run);
  const auto most = static_cast<std::size_t>(row->about.arguments_max);
  if (most > 0 && call.size() > most) {
    return fail(ErrorCode::kInvalidUrl,
                "option " + std::string(written.name) + " has too many arguments");
  }
  ApplyContext context{run.options, run.options.pipelines[run.pipeline], run.now_unix_s};
  Result<void> applied = row->apply(call, context);
  if (run.options.bypass_cache && !url.allow_bypass_cache) {
    return fail(ErrorCode::kSecurityOption,
                "option bypass_cache is not allowed (IMGPROXY_ALLOW_BYPASS_CACHE)");
  }
  return unsupported ? leave_out(*row, run, std::move(applied)) : applied;
}

Result<void> UrlRules::Impl::leave_out(const OptionRow& row, Run& run, Result<void> refusal) const {
  const bool ignore = url.unsupported_options == config::UnsupportedOptions::kIgnore;
  if (!ignore || row.about.never_ignored) {
    run.unbuilt = true;
    return refusal;
  }
  std::vector<std::string>& names = *run.ignored;
  if (std::ranges::find(names, row.about.name) == names.end()) names.emplace_back(row.about.name);
  return {};
}

Result<void> UrlRules::Impl::next_pipeline(Run& run) const {
  if (++run.pipeline < run.options.pipelines.size()) return {};
  if (run.pipeline == kPipelinesMax) {
    return fail(ErrorCode::kInvalidUrl, "over " + std::to_string(kPipelinesMax) +
                                            " chained pipelines with those of presets");
  }
  run.options.pipelines.push_back(defaults.first());
  return {};
}

// A preset's pipelines are put upon the one it is used in and those behind it.
Result<void> UrlRules::Impl::apply_all(const std::vector<Written>& options, Run& run) const {
  const std::size_t from = run.pipeline;
  for (const Written& written : options) {
    IMGRING_TRY_VOID(begins_pipeline(written) ? next_pipeline(run) : apply(written, run));
  }
  run.pipeline = from;
  return {};
}

Result<void> UrlRules::Impl::apply_presets(const Parts& names, Run& run) const {
  for (const std::string_view name : names) {
    ++run.applied;
    const auto found = presets.find(name);
    if (found == presets.end()) {
      return fail(ErrorCode::kInvalidUrl, "unknown preset " + std::string(name));
    }
    if (std::find(run.presets_open.begin(), run.presets_open.end(), name) !=
        run.presets_open.end()) {
      run.warnings->push_back("preset " + std::string(name) + " is used inside itself: skipped");
      continue;
    }
    run.presets_open.push_back(name);
    IMGRING_TRY_VOID(apply_all(found->second->options, run));
    run.presets_open.pop_back();
  }
  return {};
}

// Options of presets are exempt; aliases are names of their own.
Result<void> UrlRules::Impl::check_allowed(const Written& written) const {
  const auto& allowed = url.allowed_processing_options;
  if (allowed.empty() || std::find(allowed.begin(), allowed.end(), written.name) != allowed.end()) {
    return {};
  }
  return fail(ErrorCode::kInvalidUrl, "option " + std::string(written.name) + " is not allowed");
}

// Gives the number of parts before the source.
Result<std::size_t> UrlRules::Impl::apply_path_options(const Parts& parts, Run& run) const {
  if (url.only_presets) {
    IMGRING_TRY_VOID(apply_presets(split(parts[0], url.arguments_separator), run));
    return std::size_t{1};
  }
  if (is_basic_format(parts[0])) {
    return fail(ErrorCode::kInvalidUrl, "the basic URL format is not supported");
  }
  std::size_t used = 0;
  const std::vector<Written> options = read_options(parts, url.arguments_separator, used);
  const auto dashes = std::ranges::count_if(options, begins_pipeline);
  const int most = url.max_chained_pipelines;
  if (most > 0 && dashes > most) {
    return fail(ErrorCode::kInvalidUrl, std::to_string(dashes) + " chained pipelines, at most " +
                                            std::to_string(most) +
                                            " (IMGPROXY_MAX_CHAINED_PIPELINES)");
  }
  for (const Written& written : options) {
    if (begins_pipeline(written)) {
      IMGRING_TRY_VOID(next_pipeline(run));
      continue;
    }
    IMGRING_TRY_VOID(check_allowed(written));
    IMGRING_TRY_VOID(apply(written, run));
  }
  return used;
}

Result<void> UrlRules::Impl::apply_extension(std::string_view extension, Run& run) const {
  // A raw request does not look at it at all.
  if (extension.empty() || run.options.raw) return {};
  const std::string_view arguments[] = {extension};
  ApplyContext context{run.options, run.options.first(), run.now_unix_s};
  bool unsupported = false;
  Result<void> applied =
      apply_format({"extension", arguments, run.warnings, &unsupported}, context);
  return unsupported ? leave_out(*find_row("format"), run, std::move(applied)) : applied;
}

Result<std::string> UrlRules::Impl::final_source_url(std::string source_url) const {
  for (const Replacement& rule : replacements) {
    const auto groups = rule.pattern.match(source_url);
    if (!groups) continue;
    source_url = expand_template(rule.text, *groups) + source_url.substr((*groups)[0].size());
  }
  if (!source_url.starts_with(url.base_url)) source_url.insert(0, url.base_url);
  return source_url;
}

Result<void> UrlRules::Impl::check_source(std::string_view source_url) const {
  if (sources.empty()) return {};
  IMGRING_TRY(const FetchedUrl fetched, parse_for_list(source_url, query_separator));
  const auto fits = [&fetched](const AllowedSource& one) { return one.matches(fetched); };
  if (std::any_of(sources.begin(), sources.end(), fits)) return {};
  return fail(ErrorCode::kInvalidSourceUrl,
              display_text(source_url) + " is not in IMGPROXY_ALLOWED_SOURCES");
}

Result<void> UrlRules::Impl::finish_fallback_url(RequestOptions* options) const {
  std::string& fallback = options->fallback_image_url;
  if (fallback.empty() || options->raw) return {};
  if (url.fallback_image_preprocess_url) {
    IMGRING_TRY(fallback, final_source_url(std::move(fallback)));
  }
  return check_source(fallback);
}

Result<void> UrlRules::Impl::take_source(const Parts& parts, std::size_t used, Run* run,
                                         ProcessingRequest& request) const {
  for (std::size_t i = 0; i < used; ++i) {
    request.options_text.append(i > 0 ? "/" : "").append(parts[i]);
  }
  const std::span<const std::string_view> rest = std::span(parts).subspan(used);
  IMGRING_TRY(SourcePart source, decode_source(rest, url));
  if (run != nullptr) IMGRING_TRY_VOID(apply_extension(source.extension, *run));
  request.source_encrypted = source.encrypted;
  IMGRING_TRY(request.source_url, final_source_url(std::move(source.url)));
  const Result<void> allowed = check_source(request.source_url);
  if (source.encrypted && !(allowed && may_be_fetched(request.source_url, query_separator))) {
    return bad_encrypted_source();
  }
  return allowed;
}

Result<void> UrlRules::Impl::finish_watermarks(RequestOptions& options) const {
  // Each is a download, and all are held until the picture is made.
  constexpr std::size_t kWatermarkUrlsMax = 4;
  std::set<std::string_view> urls;
  for (PixelOptions& pixels : options.pipelines) {
    Watermark& mark = pixels.watermark;
    if (!mark.fetched()) continue;
    if (url.watermark_preprocess_url) {
      IMGRING_TRY(mark.url, final_source_url(std::move(mark.url)));
    }
    IMGRING_TRY_VOID(check_source(mark.url));
    urls.insert(mark.url);
    if (urls.size() > kWatermarkUrlsMax) {
      return fail(ErrorCode::kInvalidUrl, "pipelines name more than " +
                                              std::to_string(kWatermarkUrlsMax) +
                                              " different watermark_url");
    }
  }
  return {};
}

UrlRules::UrlRules() : impl_(std::make_unique<Impl>()) {}
UrlRules::~UrlRules() = default;

Result<std::shared_ptr<const UrlRules>> UrlRules::build(const config::Config& config,
                                                        std::vector<std::string>* warnings) {
  std::shared_ptr<UrlRules> rules(new UrlRules());
  Impl& impl = *rules->impl_;
  impl.url = config.url;
  impl.processing = config.processing;
  impl.set_defaults(config);
  impl.query_separator = config.source.query_separator;
  std::vector<std::string> problems, found;
  for (const config::SourcePattern& pattern : config.url.allowed_sources) {
    impl.sources.emplace_back(pattern.text, impl.query_separator);
    const std::string& warning = impl.sources.back().warning();
    if (!warning.empty()) found.push_back(warning);
  }
  for (const config::UrlReplacement& rule : config.url.url_replacements) {
    impl.replacements.push_back({Pattern(rule.pattern), rule.replacement});
  }
  impl.presets = read_presets(config.url.presets, config.url.arguments_separator, problems);
  for (const auto& [name, preset] : impl.presets) {
    // Nothing has expired yet: what expires is judged by each request.
    RequestOptions scratch;
    std::vector<std::string> ignored;
    Impl::Run run{scratch, std::numeric_limits<std::int64_t>::min(), &found, &ignored};
    run.presets_open.push_back(name);
    const Result<void> applied = impl.apply_all(preset->options, run);
    if (!applied) {
      const std::string told = "preset " + name + ": " + applied.error().detail;
      // It stops those URLs that use it, and no others; `default` is used by all.
      const bool some = run.unbuilt && name != "default";
      (some ? found : problems).push_back(some ? told + ": URLs that use it are refused" : told);
    }
    for (const std::string& option : ignored) {
      found.push_back("preset " + name + ": option " + option +
                      " is not supported yet and is left out (IMGRING_UNSUPPORTED_OPTIONS)");
    }
  }
  std::vector<std::string> info_problems;
  impl.info.build(config.url, info_problems, found);
  if (warnings) warnings->insert(warnings->end(), found.begin(), found.end());
  IMGRING_TRY_VOID(no_problems("IMGPROXY_PRESETS", problems));
  IMGRING_TRY_VOID(no_problems("IMGPROXY_INFO_PRESETS", info_problems));
  return std::shared_ptr<const UrlRules>(std::move(rules));
}

Result<ProcessingRequest> UrlRules::parse(std::string_view path, const ClientFeatures& features,
                                          std::int64_t now_unix_s) const {
  const Impl& impl = *impl_;
  ProcessingRequest request;
  RequestOptions& options = request.options;
  options = impl.defaults;
  const config::ProcessingConfig& p = impl.processing;
  options.prefer_webp = features.accepts_webp && (p.auto_webp || p.enforce_webp);
  options.prefer_avif = features.accepts_avif && (p.auto_avif || p.enforce_avif);
  options.prefer_jxl = features.accepts_jxl && (p.auto_jxl || p.enforce_jxl);
  options.enforce_webp = features.accepts_webp && p.enforce_webp;
  options.enforce_avif = features.accepts_avif && p.enforce_avif;
  options.enforce_jxl = features.accepts_jxl && p.enforce_jxl;
  if (features.dpr > 0) options.first().dpr = features.dpr;
  if (features.width > 0) {
    // A tiny dpr makes the quotient as large as it likes.
    options.first().width = static_cast<int>(
        std::min(std::round(features.width / options.first().dpr), static_cast<double>(kSizeMax)));
  }
  Impl::Run run{options, now_unix_s, &request.warnings, &request.ignored};
  if (impl.presets.contains("default")) {
    IMGRING_TRY_VOID(impl.apply_presets({"default"}, run));
  }
  // One more leading slash than the repair of the path took away is forgiven, as imgproxy does.
  if (path.starts_with('/')) path.remove_prefix(1);
  IMGRING_TRY_VOID(check_parts(path, impl.url.arguments_separator));
  const Parts parts = split(path, "/");
  IMGRING_TRY(const std::size_t used, impl.apply_path_options(parts, run));
  if (options.encoders.jpeg_mozjpeg && !impl.told_of_mozjpeg.exchange(true)) {
    request.warnings.emplace_back(
        "jpeg_options: trellis_quant, overshoot_deringing and optimize_scans are mozjpeg's and "
        "without effect; said once");
  }
  IMGRING_TRY_VOID(impl.take_source(parts, used, &run, request));
  IMGRING_TRY_VOID(impl.finish_fallback_url(&options));
  IMGRING_TRY_VOID(impl.finish_watermarks(options));
  return request;
}

Result<ProcessingRequest> UrlRules::parse_info(std::string_view path,
                                               std::int64_t now_unix_s) const {
  const Impl& impl = *impl_;
  ProcessingRequest request;
  request.options = impl.defaults;
  request.info.emplace();
  if (path.starts_with('/')) path.remove_prefix(1);
  IMGRING_TRY_VOID(check_parts(path, impl.url.arguments_separator));
  const Parts parts = split(path, "/");
  IMGRING_TRY(const std::size_t used, impl.info.apply(parts, now_unix_s, request));
  IMGRING_TRY_VOID(impl.take_source(parts, used, nullptr, request));
  return request;
}

bool UrlRules::source_allowed(std::string_view source_url) const {
  return impl_->check_source(source_url).has_value();
}

}  // namespace imgring::url
