// Left to right, after the defaults and the preset `default`.
#include "info_rules.h"

#include <algorithm>
#include <limits>
#include <span>

#include "imgring/base/text.h"

namespace imgring::url {

// State of one application of options.
struct InfoRules::Run {
  InfoContext context;
  std::vector<std::string>* warnings;
  std::vector<std::string>* ignored;
  std::vector<std::string_view> presets_open{};  // from the outside in
  int applied = 0;
  bool unbuilt = false;  // refused for what is known and not built
};

void InfoRules::build(const config::UrlConfig& config, std::vector<std::string>& problems,
                      std::vector<std::string>& warnings) {
  url_ = config;
  presets_ = read_presets(config.info_presets, config.arguments_separator, problems);
  for (const auto& [name, preset] : presets_) {
    // Nothing has expired yet: what expires is judged by each request.
    InfoOptions info;
    RequestOptions scratch;
    std::vector<std::string> ignored;
    Run run{{info, scratch, std::numeric_limits<std::int64_t>::min()}, &warnings, &ignored};
    run.presets_open.push_back(name);
    const Result<void> applied = apply_all(preset->options, run);
    if (!applied) {
      const std::string told = "info preset " + name + ": " + applied.error().detail;
      const bool some = run.unbuilt && name != "default";
      (some ? warnings : problems).push_back(some ? told + ": URLs that use it are refused" : told);
    }
    for (const std::string& option : ignored) {
      warnings.push_back("info preset " + name + ": option " + option +
                         " is not supported yet and is left out (IMGRING_UNSUPPORTED_OPTIONS)");
    }
  }
}

Result<void> InfoRules::leave_out(const InfoRow& row, Run& run, Result<void> refusal) const {
  const bool ignore = url_.unsupported_options == config::UnsupportedOptions::kIgnore;
  if (!ignore || row.about.never_ignored) {
    run.unbuilt = true;
    return refusal;
  }
  std::vector<std::string>& names = *run.ignored;
  if (std::ranges::find(names, row.about.name) == names.end()) names.emplace_back(row.about.name);
  return {};
}

Result<void> InfoRules::apply_one(const Written& written, Run& run) const {
  if (++run.applied > kAppliedMax) {
    return fail(ErrorCode::kInvalidUrl,
                "over " + std::to_string(kAppliedMax) + " options with those of the presets");
  }
  const std::string name(written.name);
  const InfoRow* row = find_info_row(written.name);
  if (!row) return fail(ErrorCode::kInvalidUrl, "unknown info option " + name);
  bool unsupported = false;
  const Call call{written.name,
                  std::span(written.arguments).first(size_without_empty_end(written.arguments)),
                  run.warnings, &unsupported};
  if (row->about.security && !url_.allow_security_options) {
    return fail(ErrorCode::kSecurityOption,
                "info option " + name + " is a security option: not allowed");
  }
  if (is_preset_option(*row)) return apply_presets(written.arguments, run);
  const auto most = static_cast<std::size_t>(row->about.arguments_max);
  if (most > 0 && call.size() > most) {
    return fail(ErrorCode::kInvalidUrl, "info option " + name + " has too many arguments");
  }
  Result<void> applied = row->apply(call, run.context);
  if (run.context.request.bypass_cache && !url_.allow_bypass_cache) {
    return fail(ErrorCode::kSecurityOption,
                "info option bypass_cache is not allowed (IMGPROXY_ALLOW_BYPASS_CACHE)");
  }
  return unsupported ? leave_out(*row, run, std::move(applied)) : applied;
}

Result<void> InfoRules::apply_all(const std::vector<Written>& options, Run& run) const {
  for (const Written& written : options) {
    IMGRING_TRY_VOID(apply_one(written, run));
  }
  return {};
}

Result<void> InfoRules::apply_presets(const Parts& names, Run& run) const {
  for (const std::string_view name : names) {
    ++run.applied;
    const auto found = presets_.find(name);
    if (found == presets_.end()) {
      return fail(ErrorCode::kInvalidUrl, "unknown info preset " + std::string(name));
    }
    if (std::ranges::find(run.presets_open, name) != run.presets_open.end()) {
      run.warnings->push_back("info preset " + std::string(name) +
                              " is used inside itself: skipped");
      continue;
    }
    run.presets_open.push_back(name);
    IMGRING_TRY_VOID(apply_all(found->second->options, run));
    run.presets_open.pop_back();
  }
  return {};
}

// Options of presets are exempt; aliases are names of their own.
Result<void> InfoRules::check_allowed(const Written& written) const {
  const auto& allowed = url_.allowed_info_options;
  if (allowed.empty() || std::ranges::find(allowed, written.name) != allowed.end()) return {};
  return fail(ErrorCode::kInvalidUrl,
              "info option " + std::string(written.name) + " is not allowed");
}

Result<std::size_t> InfoRules::apply(const Parts& parts, std::int64_t now_unix_s,
                                     ProcessingRequest& request) const {
  Run run{{*request.info, request.options, now_unix_s}, &request.warnings, &request.ignored};
  if (presets_.contains("default")) {
    IMGRING_TRY_VOID(apply_presets({"default"}, run));
  }
  if (url_.info_only_presets) {
    IMGRING_TRY_VOID(apply_presets(split(parts[0], url_.arguments_separator), run));
    return std::size_t{1};
  }
  std::size_t used = 0;
  for (const Written& written : read_options(parts, url_.arguments_separator, used)) {
    IMGRING_TRY_VOID(check_allowed(written));
    IMGRING_TRY_VOID(apply_one(written, run));
  }
  return used;
}

}  // namespace imgring::url
