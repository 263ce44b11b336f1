// Defaults that come from request headers (urls.md section 8). Any thread.
#include <limits>

#include "imgring/base/text.h"
#include "imgring/url/request.h"

namespace imgring::url {

ClientFeatures detect_features(const FeatureHeaders& headers,
                               const config::ProcessingConfig& config) {
  // A plain substring, q-values ignored: imgproxy's rule.
  const auto accepts = [&](std::string_view mime) {
    return headers.accept.find(mime) != std::string_view::npos;
  };
  ClientFeatures features;
  features.accepts_webp = (config.auto_webp || config.enforce_webp) && accepts("image/webp");
  features.accepts_avif = (config.auto_avif || config.enforce_avif) && accepts("image/avif");
  features.accepts_jxl = (config.auto_jxl || config.enforce_jxl) && accepts("image/jxl");
  if (!config.enable_client_hints) return features;
  // The first valid one counts: a bad header does not hide the older one after it.
  for (const std::string_view text : {headers.sec_ch_dpr, headers.dpr}) {
    const auto dpr = parse_float(trim(text));
    const bool valid = dpr && *dpr > 0 && *dpr <= 8;
    if (valid && features.dpr == 0) features.dpr = *dpr;
  }
  for (const std::string_view text : {headers.sec_ch_width, headers.width}) {
    const auto width = parse_int(trim(text));
    const bool valid = width && *width > 0 && *width <= std::numeric_limits<int>::max();
    if (valid && features.width == 0) features.width = static_cast<int>(*width);
  }
  return features;
}

}  // namespace imgring::url
