// Bisection; the precedence of the options.
#include "quality_search.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace imgring::pipeline {
namespace {

using config::AutoqualityMethod;

bool better_size(const Trial& trial, const Trial& best, double target) noexcept {
  const bool fits = trial.value <= target, best_fits = best.value <= target;
  if (fits != best_fits) return fits;
  return fits ? trial.quality > best.quality : trial.value < best.value;
}

bool better(const QualitySearch& search, const Trial& trial, const Trial& best) noexcept {
  if (search.method == AutoqualityMethod::kSize) return better_size(trial, best, search.target);
  return std::abs(trial.value - search.target) < std::abs(best.value - search.target);
}

// The URL's for every format; else the format's, else the configured ones.
int limit_of(const std::optional<int>& given, int of_format, int configured) noexcept {
  return given.value_or(of_format > 0 ? of_format : configured);
}

}  // namespace

std::optional<QualitySearch> quality_search(ImageType type, double pixels,
                                            const url::RequestOptions& options,
                                            const config::ProcessingConfig& config) noexcept {
  const url::Autoquality& o = options.autoquality;
  const config::AutoqualityConfig& c = config.autoquality;
  const auto index = static_cast<std::size_t>(type);
  const bool plain_quality = options.quality > 0 || options.format_quality[index] > 0;
  if (o.method == AutoqualityMethod::kNone || !facts_of(type).quality) return std::nullopt;
  if (!o.given && plain_quality) return std::nullopt;
  if (c.max_resolution > 0 && pixels > static_cast<double>(c.max_resolution)) return std::nullopt;
  QualitySearch search;
  // What only a model could tell is told by DSSIM, as for a format without one.
  search.method = o.method == AutoqualityMethod::kMl ? AutoqualityMethod::kDssim : o.method;
  search.target = o.target;
  search.allowed_error = o.allowed_error;
  search.least = limit_of(o.min, c.format_min[index], c.min);
  search.most = limit_of(o.max, c.format_max[index], c.max);
  if (search.least > search.most) std::swap(search.least, search.most);
  search.first = std::clamp(quality_for(type, options, config), search.least, search.most);
  return search;
}

bool saved_once(const PlanInput& in) noexcept {
  const bool fits = in.options->max_bytes > 0 && facts_of(in.result_type).quality;
  return !fits && in.candidates.empty() &&
         !quality_search(in.result_type, 0, *in.options, *in.config);
}

int trials_max(const QualitySearch& search) noexcept {
  int left = search.most - search.least + 1, trials = 0;
  for (; left > 0; left /= 2) ++trials;
  // What begins beside the middle may take one more.
  return search.method == AutoqualityMethod::kDssim ? trials + 1 : trials;
}

Result<Trial> search_quality(const QualitySearch& search, TrialMaker* maker) {
  const bool by_size = search.method == AutoqualityMethod::kSize;
  int low = search.least, high = search.most;
  int quality = by_size ? low + (high - low) / 2 : search.first;
  std::optional<Trial> best;
  for (;;) {
    IMGRING_TRY(Trial trial, maker->make(quality));
    const bool above = trial.value > search.target;
    const bool done = !by_size && std::abs(trial.value - search.target) <= search.allowed_error;
    if (!best || better(search, trial, *best)) best = std::move(trial);
    // A file that is too large wants less, a picture that is too far off wants more.
    if (above == by_size)
      high = quality - 1;
    else
      low = quality + 1;
    if (done || low > high || !maker->time_for_another()) return std::move(*best);
    quality = low + (high - low) / 2;
  }
}

}  // namespace imgring::pipeline
