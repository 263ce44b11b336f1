// Tests of src/url/info_table.cc and info_rules.cc: options, presets and lists of the info
// endpoint.
#include <algorithm>

#include "helpers.h"
#include "imgring/url/info_options.h"

namespace imgring::url {
namespace {

Result<ProcessingRequest> parse_info(std::string_view options, const config::Config& config = {}) {
  return rules_of(config)->parse_info(std::string(options) + "/plain/local:///a.png", kNow);
}
std::string told(std::string_view options, const config::Config& config = {}) {
  const auto request = parse_info(options, config);
  if (!request) return std::to_string(request.error().status()) + " " + request.error().detail;
  return describe(*request->info);
}
int info_status(std::string_view options, const config::Config& config = {}) {
  const auto request = parse_info(options, config);
  return request ? 0 : request.error().status();
}

TEST(InfoOptions, NamesAliasesAndKeeps) {
  struct Case {
    std::string_view options, described;
  };
  const Case cases[] = {
      {"", ""},
      {"size:0/f:0/dimensions:f", "size=false format=false dimensions=false"},
      {"s:false/format:0/d:F", "size=false format=false dimensions=false"},
      {"s:0/s:1/s:", ""},
      {"exif:1:1/iptc:0/xmp:0/vm:0",
       "exif_canonical_names=true iptc=false xmp=false video_meta=false"},
      {"exif::t/video_meta:0:::", "exif_canonical_names=true video_meta=false"},
      {"colorspace:1/b:1/sf:1/pn:1",
       "colorspace=true bands=true sample_format=true pages_number=true"},
      {"cs:true/bands:1/sample_format:1/pages_number:1",
       "colorspace=true bands=true sample_format=true pages_number=true"},
      {"a:1:1", "alpha=true check_transparency=true"},
      {"alpha:1", "alpha=true"},
      {"c:100:0.5:nowe:3:4", "crop=100:0.5:nowe"},
      {"crop:0:10", ""},
      {"op:so:1:2/objects_position:prop/obj_pos:fp:0.1:0.2", ""},
      {"p:2/palette:256", "palette=256"},
      {"p:8/p:0", ""},
      {"avg:1:0", "average=true ignore_transparent=false"},
      {"dc:1:1/dominant_colors::0", "dominant_colors=true"},
      {"bh:4:3", "blurhash=4:3"},
      {"blurhash:9:9/bh::1", "blurhash=9:1"},
      {"bh:4", ""},
      {"th:1/phash:1", "thumb_hash=true perceptual_hash=true"},
      {"thumb_hash:1/ph:1", "thumb_hash=true perceptual_hash=true"},
      {"chs:sha256:md5", "calc_hashsums=md5:sha256"},
      {"calc_hashsums:md5:sha1:sha256:sha512", "calc_hashsums=md5:sha1:sha256:sha512"},
      {"chs:md5/chs:", ""},
      {"do:0/cl:0/detect_objects:/classify:", ""},
      {"vts:1.5/vtk:1/video_thumbnail_second:0", ""},
      {"cb:x/bc:0/exp:0", ""},
      {"size:what", "size=false"},  // as every boolean
      {"pg:3/page:", "page=3"},
      {"hs:md5:d41d8cd98f00b204e9800998ecf8427e", "hashsum=true"},
      {"hs:none/ct:a:b/bc:0", ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.options);
    EXPECT_EQ(told(c.options.empty() ? "s:1" : c.options), c.described);
  }
}

TEST(InfoOptions, Refused) {
  const std::string large(1000, '9');
  for (const std::string& options : std::vector<std::string>{
           "w:10",         "quality:1", "size",      "size:1:1",  "s:1/-/s:0", "-",
           "p:1",          "p:-2",      "p:257",     "p:x",       "p:nan",     "p:" + large,
           "bh:10:1",      "bh:-1:1",   "bh:1:x",    "bh:1:1:1",  "bh:1e9:1",  "chs:md4",
           "chs:MD5",      "avg:1:1:1", "c:nan:1",   "c:-1:1",    "c:1e300:1", "c:1:1:what",
           "c:1:1:fp:2:2", "op:what",   "op:ce:nan", "cl:x",      "vts:-1",    "vts:nan",
           "exp:1",        "exp:x",     "page:-1",   "ct:a,b",    "hs:md5:00", "do:1",
           "cl:1",         "bc:1",      "c:1:1:obj", "pr:none",   "th:1:1",    "msr:1",
           "msfs:1",       "raw:1",     "page:x",    "hs:md4:00", "chs:none"}) {
    SCOPED_TRACE(options.substr(0, 40));
    const int status = info_status(options);
    const bool security = options.starts_with("ms") || options == "bc:1";
    EXPECT_EQ(status, security ? 403 : 404);
  }
}

TEST(InfoOptions, SourcesAsForPictures) {
  const auto rules = rules_of({});
  const auto of = [&](const std::string& path) { return rules->parse_info(path, kNow); };
  ASSERT_TRUE(of("s:1/plain/local:///a.png@nonsense").has_value());  // an extension names nothing
  EXPECT_EQ(of(base64("http://h/a") + ".jpg")->source_url, "http://h/a");
  EXPECT_EQ(of("/plain/a:b")->source_url, "a:b");
  EXPECT_FALSE(of("s:1").has_value());
  EXPECT_FALSE(of("s:1/plain/").has_value());
  EXPECT_FALSE(of("").has_value());
  config::Config config;
  config.url.allowed_sources = {{"http://h/"}};
  config.url.base_url = "http://";
  EXPECT_EQ(rules_of(config)->parse_info("plain/h/x", kNow)->source_url, "http://h/x");
  const auto denied = rules_of(config)->parse_info("plain/g/x", kNow);
  ASSERT_FALSE(denied.has_value());
  EXPECT_EQ(denied.error().code, ErrorCode::kInvalidSourceUrl);
}

TEST(InfoOptions, LimitsWhereTheyMayBeSet) {
  config::Config config;
  config.url.allow_security_options = true;
  const auto request = parse_info("msr:2/msfs:1000", config);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->options.max_src_resolution, 2'000'000);
  EXPECT_EQ(request->options.max_src_file_size_bytes, 1000);
}

TEST(InfoPresets, OwnOnesAndTheDefault) {
  config::Config config;
  config.url.presets = {"tiny=w:10"};
  config.url.info_presets = {"default=exif:0", "hashes=bh:4:3/th:1", "both=pr:hashes/p:4"};
  EXPECT_EQ(told("s:1", config), "exif=false");
  EXPECT_EQ(told("pr:both/p:0", config), "exif=false blurhash=4:3 thumb_hash=true");
  EXPECT_EQ(info_status("pr:tiny", config), 404);
  EXPECT_FALSE(parse_options("pr:hashes", config).has_value());
  config.url.info_only_presets = true;
  EXPECT_EQ(told("hashes:both", config), "exif=false palette=4 blurhash=4:3 thumb_hash=true");
  EXPECT_EQ(info_status("s:1", config), 404);
  ASSERT_TRUE(parse_options("w:10", config).has_value());
}

TEST(InfoPresets, ABadOneEndsTheStart) {
  config::Config config;
  config.url.info_presets = {"good=p:4", "bad=p:1"};
  const auto rules = UrlRules::build(config, nullptr);
  ASSERT_FALSE(rules.has_value());
  EXPECT_NE(rules.error().detail.find("IMGPROXY_INFO_PRESETS"), std::string::npos);
  EXPECT_NE(rules.error().detail.find("info preset bad"), std::string::npos);
  EXPECT_EQ(rules.error().detail.find("good"), std::string::npos);
}

TEST(InfoPresets, InsideItself) {
  config::Config config;
  config.url.info_presets = {"loop=pr:loop/p:3"};
  EXPECT_EQ(told("pr:loop", config), "palette=3");
}

TEST(InfoOptions, AllowedOnesAsWritten) {
  config::Config config;
  config.url.allowed_info_options = {"p", "pr"};
  config.url.info_presets = {"all=th:1"};
  EXPECT_EQ(info_status("p:2", config), 0);
  EXPECT_EQ(info_status("palette:2", config), 404);
  EXPECT_EQ(info_status("pr:all", config), 0);
  EXPECT_EQ(info_status("th:1", config), 404);
}

TEST(InfoOptions, SomeMeanWhatTheyDoForPictures) {
  config::Config config;
  config.url.allow_bypass_cache = true;
  const auto request = parse_info("pg:2/ct:a:b/bc:1/hs:md5:" + std::string(32, 'a'), config);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->options.page, 2);
  EXPECT_EQ(join(request->options.cache_tags, "+"), "a+b");
  EXPECT_EQ(request->options.hashsum.kind, DigestKind::kMd5);
  EXPECT_TRUE(request->info->wants_file());
}

TEST(InfoOptions, UnsupportedOnesLeftOut) {
  config::Config config;
  config.url.unsupported_options = config::UnsupportedOptions::kIgnore;
  const auto request = parse_info("do:1/cl:3/do:1/p:4", config);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(join(request->ignored, ","), "detect_objects,classify");
  EXPECT_EQ(info_status("hs:md5:00", config), 404);
  EXPECT_EQ(info_status("do:1", {}), 404);
  // A crop keeps its size where its gravity is left out, as that of a picture does.
  const auto crop = parse_info("c:50:40:obj:face", config);
  ASSERT_TRUE(crop.has_value());
  EXPECT_EQ(join(crop->ignored, ","), "crop");
  EXPECT_EQ(crop->info->crop.width, 50);
  EXPECT_EQ(crop->info->crop.gravity.type, GravityType::kSmart);
}

TEST(InfoTable, NamesAreUnique) {
  std::vector<std::string_view> names;
  for (const UrlOption& option : info_url_options()) {
    names.push_back(option.name);
    if (option.aliases.empty()) continue;
    for (const std::string_view alias : split(option.aliases, ",")) names.push_back(alias);
  }
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

}  // namespace
}  // namespace imgring::url
