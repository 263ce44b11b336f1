// The checks of a URL, cheapest first.
#include "imgring/service/check_request.h"

#include <string>

#include "imgring/base/text.h"
#include "imgring/base/uri.h"
#include "imgring/format/format.h"

namespace imgring::service {

Result<url::ProcessingRequest> check_request(const http::Request& request, const Snapshot& snapshot,
                                             std::int64_t now_unix_s) {
  const config::Config& config = snapshot.config;
  const http::Headers& headers = request.headers;
  if (!config.server.secret.empty() &&
      !equal_constant_time(headers.get("authorization"), "Bearer " + config.server.secret)) {
    return fail(ErrorCode::kForbidden, "the Authorization header is not Bearer IMGPROXY_SECRET");
  }
  IMGRING_TRY(url::SplitTarget split, url::split_target(request.target, config.server.path_prefix));
  IMGRING_TRY_VOID(url::verify_signature(split, config.url));
  if (split.info) return snapshot.rules->parse_info(split.path, now_unix_s);
  const url::FeatureHeaders hints{.accept = headers.get("accept"),
                                  .sec_ch_dpr = headers.get("sec-ch-dpr"),
                                  .dpr = headers.get("dpr"),
                                  .sec_ch_width = headers.get("sec-ch-width"),
                                  .width = headers.get("width")};
  const auto features = url::detect_features(hints, config.processing);
  IMGRING_TRY(url::ProcessingRequest parsed,
              snapshot.rules->parse(split.path, features, now_unix_s));
  const url::RequestOptions& options = parsed.options;
  if (!options.raw && !snapshot.abilities.can_answer_in(options.format)) {
    return fail(ErrorCode::kResultUnsupported,
                std::string(facts_of(options.format).name) + " can't be saved by this libvips");
  }
  IMGRING_TRY_VOID(profile_of(snapshot, options));
  return parsed;
}

Result<const image::ColourProfile*> profile_of(const Snapshot& snapshot,
                                               const url::RequestOptions& options) {
  const std::string& name = options.color_profile;
  if (name.empty()) return nullptr;
  const image::ColourProfile* found =
      snapshot.profiles ? image::find_profile(*snapshot.profiles, name) : nullptr;
  if (found != nullptr) return found;
  return fail(ErrorCode::kInvalidUrl,
              "option color_profile: there is no profile " + display_text(name) +
                  ": srgb, cmyk, or a file of IMGPROXY_COLOR_PROFILES_DIR, which is looked "
                  "through at the start");
}

}  // namespace imgring::service
