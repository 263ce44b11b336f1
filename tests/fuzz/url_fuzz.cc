// Fuzz target: a request target through split, signature, options and source, under several
// configurations. The first byte picks the configuration. What it checks beside memory errors: a
// parsed request keeps the promises other modules rely on.
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "imgring/base/check.h"
#include "imgring/base/text.h"
#include "imgring/url/request.h"
#include "imgring/url/source_url.h"
#include "target.h"

namespace {

using imgring::config::Config;
using imgring::url::UrlRules;

struct Setting {
  Config config;
  std::shared_ptr<const UrlRules> rules;
};

Config config_of(std::size_t index) {
  Config config;
  if (index == 1) {
    config.url.allow_security_options = true;
    config.url.base64_url_includes_filename = true;
    config.url.presets = {"a=w:1/pr:b", "b=h:2/pr:a", "default=q:5"};
    config.url.info_presets = {"a=p:4/pr:b", "b=bh:4:3/pr:a", "default=exif:0"};
    config.url.source_url_encryption_key = std::string(32, 'k');
  } else if (index == 2) {
    config.url.only_presets = true;
    config.url.presets = {"a=w,1", "b=pr,a"};
    config.url.arguments_separator = ",";
    config.url.base_url = "http://base/";
    config.url.url_replacements = {{"a*b/*", "$2${1}$x"}, {"*", "$1"}};
  } else if (index == 3) {
    config.url.allowed_sources = {{"http://*.a*/b*c"}, {"local://"}};
    config.url.keys = {{"key", "salt"}};
    config.url.trusted_signatures = {"s"};
    config.server.path_prefix = "/p";
  }
  return config;
}

const std::array<Setting, 4>& settings() {
  static const std::array<Setting, 4> all = [] {
    std::array<Setting, 4> result;
    for (std::size_t i = 0; i < result.size(); ++i) {
      result[i].config = config_of(i);
      auto rules = UrlRules::build(result[i].config, nullptr);
      IMGRING_CHECK(rules.has_value());
      result[i].rules = *rules;
    }
    return result;
  }();
  return all;
}

void check_options(const imgring::url::RequestOptions& o) {
  IMGRING_CHECK(o.first().width >= 0);
  IMGRING_CHECK(o.first().height >= 0);
  IMGRING_CHECK(std::isfinite(o.first().dpr) && o.first().dpr > 0);
  IMGRING_CHECK(o.first().zoom_width > 0 && o.first().zoom_height > 0);
  IMGRING_CHECK(o.first().crop.width >= 0 && o.first().crop.height >= 0);
  IMGRING_CHECK(std::isfinite(o.first().gravity.x) && std::isfinite(o.first().gravity.y));
  IMGRING_CHECK(o.first().rotate >= 0 && o.first().rotate < 360);
  IMGRING_CHECK(o.first().rotate % 90 == 0);
  IMGRING_CHECK(o.quality >= 0 && o.quality <= 100);
  IMGRING_CHECK(o.first().watermark.opacity >= 0 && o.first().watermark.opacity <= 1);
  IMGRING_CHECK(o.max_animation_frames > 0);
}

void check_info(const imgring::url::InfoOptions& info) {
  IMGRING_CHECK(info.palette == 0 || (info.palette >= 2 && info.palette <= 256));
  IMGRING_CHECK(info.blurhash_x >= 0 && info.blurhash_x <= 9);
  IMGRING_CHECK(info.blurhash_y >= 0 && info.blurhash_y <= 9);
  IMGRING_CHECK(std::isfinite(info.crop.width) && info.crop.width >= 0);
  IMGRING_CHECK(std::isfinite(info.crop.gravity.x));
  static_cast<void>(imgring::url::describe(info));
}

void check_source(const std::string& source_url) {
  const auto http = imgring::url::parse_http_url(source_url);
  if (http) {
    for (const std::string& part : {http->target, http->host_header, http->authorization}) {
      for (const char c : part) IMGRING_CHECK(c > 0x1f && c < 0x7f);
    }
    IMGRING_CHECK(http->target.starts_with('/'));
    IMGRING_CHECK(http->target.find(' ') == std::string::npos);
  }
  static_cast<void>(imgring::url::parse_storage_url(source_url, "?"));
  static_cast<void>(imgring::url::resolve_redirect("http://h/a/b?c", source_url));
  static_cast<void>(imgring::url::resolve_redirect(source_url, "../x"));
}

}  // namespace

FUZZ_TARGET(url) {
  if (size == 0) return 0;
  const Setting& setting = settings()[data[0] % settings().size()];
  const std::string_view target = imgring::as_text({data + 1, size - 1});
  check_source(std::string(target));
  const auto split = imgring::url::split_target(target, setting.config.server.path_prefix);
  if (!split) return 0;
  const auto fits = imgring::url::verify_signature(*split, setting.config.url);
  static_cast<void>(fits);
  const auto request = split->info ? setting.rules->parse_info(split->path, 1'700'000'000)
                                   : setting.rules->parse(split->path, {}, 1'700'000'000);
  if (!request) {
    IMGRING_CHECK(request.error().status() == 404 || request.error().status() == 403);
    return 0;
  }
  if (request->info) check_info(*request->info);
  check_options(request->options);
  static_cast<void>(imgring::url::describe(request->options));
  check_source(request->source_url);
  return 0;
}
