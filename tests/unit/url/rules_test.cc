// Tests of src/url/rules.cc and source_part.cc: grammar, sources, presets, configured rules.
#include "helpers.h"
#include "imgring/format/format.h"
#include "imgring/url/source_url.h"

namespace imgring::url {
namespace {

constexpr std::string_view kUrl = "local:///small.png";

std::string repeated(std::string_view text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

TEST(Source, PlainForms) {
  struct Case {
    std::string_view path;
    int status;
    std::string_view url, format;
  };
  const Case cases[] = {
      {"plain/local:///a.png", 0, "local:///a.png", ""},
      {"w:1/plain/local:///a.png@", 0, "local:///a.png", ""},
      {"plain/local:///a.png@jpg", 0, "local:///a.png", "jpeg"},
      {"f:png/plain/local:///a.png@webp", 0, "local:///a.png", "webp"},
      {"plain/http://h/a%20b+c%2Fd%40e%3Fx=1", 0, "http://h/a b+c/d@e?x=1", ""},
      {"plain/http://h//a///b", 0, "http://h//a///b", ""},
      {"/plain/local:///a.png", 0, "local:///a.png", ""},
      {"/w:1/plain/a:b", 0, "a:b", ""},
      {"//plain/a:b", 404, "", ""},
      {"plain/plain/x", 0, "plain/x", ""},
      {"raw:1/plain/local:///a.png@nonsense", 0, "local:///a.png", ""},
      {"plain/x@jpg@png", 404, "", ""},
      {"plain/x@@", 404, "", ""},
      {"plain/x@JPG", 404, "", ""},
      {"plain/x@jpg/y", 404, "", ""},
      {"plain/", 404, "", ""},
      {"plain/@jpg", 404, "", ""},
      {"plain/%zz", 404, "", ""},
      {"plain/a%2", 404, "", ""},
      {"plain", 404, "", ""},
      {"w:10//plain/a:b", 404, "", ""},
      {"w:10", 404, "", ""},
      {"w:10/", 404, "", ""},
      {"w:10/plain", 404, "", ""},
      {"", 404, "", ""},
      {"rs/plain/a:b", 404, "", ""},
      {"fit/100/100/ce/0/plain/x", 404, "", ""},
      {"fill-down/plain/x", 404, "", ""},
      {"w%3a20/plain/x", 404, "", ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.path);
    const auto request = parse(c.path);
    EXPECT_EQ(request ? 0 : request.error().status(), c.status);
    if (!request) continue;
    EXPECT_EQ(request->source_url, c.url);
    EXPECT_EQ(facts_of(request->options.format).name, c.format);
  }
}

TEST(Source, Base64Forms) {
  const std::string text = base64(kUrl);  // 24 characters, no padding needed
  const std::string longer = base64("http://example.com/images/1.jpg");
  config::Config named;
  named.url.base64_url_includes_filename = true;
  struct Case {
    std::string path;
    bool filename;
    std::string wanted;  // empty: 404
  };
  const Case cases[] = {
      {text, false, "local:///small.png"},
      {"w:20/" + text, false, "local:///small.png"},
      {"w:20//" + text, false, "local:///small.png"},
      {text + "=", false, "local:///small.png"},
      {text + "====", false, "local:///small.png"},
      {text + ".webp", false, "local:///small.png webp"},
      {text + "=.webp", false, "local:///small.png webp"},
      {text + ".", false, "local:///small.png"},
      {text + ".jpg/", false, "local:///small.png jpeg"},
      {text + ".jp/g", false, "local:///small.png jpeg"},
      {text.substr(0, 5) + "/" + text.substr(5), false, "local:///small.png"},
      {longer.substr(0, 16) + "/" + longer.substr(16) + ".gif", false,
       "http://example.com/images/1.jpg gif"},
      {text + "/name.png", true, "local:///small.png"},
      {text + ".gif/name.png", true, "local:///small.png gif"},
      {text, true, "local:///small.png"},
      {text + "/a/b", true, ""},
      {"w:20/.png", false, ""},
      {text + ".png.jpg", false, ""},
      {text + ".tif", false, ""},
      {"a+b/", false, ""},
      {"bG9jYWw+", false, ""},
      {"aaaaa", false, ""},
      {"enc", false, "z w"},
      {"enc/aaaa", false, ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.path);
    const auto request = parse(c.path, c.filename ? named : config::Config());
    if (c.wanted == "z w") continue;  // "enc" alone is Base64 of two bytes: whatever they are
    ASSERT_EQ(request.has_value(), !c.wanted.empty());
    if (!request) {
      EXPECT_EQ(request.error().status(), 404);
      continue;
    }
    const std::string_view format = facts_of(request->options.format).name;
    EXPECT_EQ(request->source_url + (format.empty() ? "" : " " + std::string(format)), c.wanted);
  }
}

// imgproxy looks for an empty text before it takes the padding off.
TEST(Source, PaddingAloneIsAnEmptyUrl) {
  config::Config based;
  based.url.base_url = "http://h/a.png";
  for (const std::string_view path : {"w:20/=", "====", "w:20/=/=", "="}) {
    SCOPED_TRACE(path);
    const auto request = parse(path);
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->source_url, "");
    EXPECT_EQ(parse_http_url(request->source_url).error().code, ErrorCode::kSourceUnreachable);
    EXPECT_EQ(parse(path, based)->source_url, "http://h/a.png");
  }
  EXPECT_EQ(parse("w:20/=.png")->options.format, ImageType::kPng);
  config::Config listed;
  listed.url.allowed_sources = {{"http://h/"}};
  EXPECT_EQ(parse("w:20/=", listed).error().code, ErrorCode::kInvalidSourceUrl);
  EXPECT_EQ(parse("w:20/enc/=").error().code, ErrorCode::kInvalidUrl);
}

TEST(Source, EncryptedVectorAndItsFailures) {
  const std::string text =
      "p5VjorNdhs7mRRw8gA9TWoRlGci3l1kuzqN43UQlRaRIQ0qtBKW3qFABIsx-ZRz_cVc8iVTYbhsNsxNBL1BHaQ";
  config::Config config;
  config.url.source_url_encryption_key =
      *hex_decode("1eb5b0e971ad7f45324c1bb15c947cb207c43152fa5c6c7f35c4f36e0c18e0f1");
  EXPECT_EQ(parse("w:1/enc/" + text, config)->source_url,
            "http://example.com/images/curiosity.jpg");
  EXPECT_EQ(
      parse("enc/" + text.substr(0, 9) + "/" + text.substr(9) + ".png", config)->options.format,
      ImageType::kPng);
  const std::string detail =
      "the encrypted source URL can't be decrypted, or is none that may be fetched";
  for (const std::string& bad : {text.substr(0, 64), text.substr(0, 22), std::string("AAAA"),
                                 text.substr(0, 84) + "AAA", text.substr(0, 43)}) {
    SCOPED_TRACE(bad);
    const auto request = parse("enc/" + bad, config);
    ASSERT_FALSE(request.has_value());
    EXPECT_EQ(request.error().status(), 404);
    EXPECT_EQ(request.error().detail, detail);
  }
  EXPECT_EQ(parse("enc/" + text).error().detail, detail) << "no key";
  // Another first block or key: well padded garbage looks like bad padding.
  std::string other = text;
  other[0] = 'q';
  const auto garbage = parse("enc/" + other, config);
  ASSERT_FALSE(garbage.has_value());
  EXPECT_EQ(garbage.error().code, ErrorCode::kInvalidUrl);
  EXPECT_EQ(garbage.error().detail, detail);
  config.url.allowed_sources = {{"http://elsewhere/"}};
  const auto refused = parse("enc/" + text, config);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidUrl);
  EXPECT_EQ(refused.error().detail, detail);
}

TEST(Rules, SeparatorPresetsAndAllowedOptions) {
  config::Config config;
  config.url.arguments_separator = ",";
  config.url.presets = {"p=w,50/h,40"};
  EXPECT_EQ(described("pr,p/q,5", config), "width=50 height=40 quality=5");
  EXPECT_EQ(described("w:20", config).substr(0, 3), "404");
  config::Config allowed;
  allowed.url.allowed_processing_options = {"w", "rs", "pr"};
  allowed.url.presets = {"soft=bl:2", "default=q:9"};
  EXPECT_EQ(described("w:3/pr:soft", allowed), "width=3 blur=2 quality=9");
  EXPECT_EQ(described("width:3", allowed).substr(0, 3), "404");
  EXPECT_EQ(described("preset:soft", allowed).substr(0, 3), "404");
  EXPECT_EQ(described("w:3/q:50", allowed), "404 option q is not allowed");
  EXPECT_TRUE(parse("w:30/plain/local:///a.png@jpg", allowed).has_value());
}

TEST(Presets, ApplyInPlaceAndRecurseOnce) {
  config::Config config;
  config.url.presets = {"thumb=rs:fill:90:70/g:no",
                        "gray=bl:2",
                        "both=pr:thumb:gray",
                        "loop=pr:loop/w:50",
                        "a=pr:b/w:1",
                        "b=pr:a/h:2",
                        "gray=bl:3"};
  EXPECT_EQ(described("pr:both", config),
            "resizing_type=fill width=90 height=70 gravity=no blur=3");
  EXPECT_EQ(described("w:30/pr:thumb/h:5", config),
            "resizing_type=fill width=90 height=5 gravity=no");
  EXPECT_EQ(described("pr:gray:gray", config), "blur=3");
  // Sides of the preset, to which nothing was given that the URL's option could copy.
  config.url.presets.push_back("default=pd::10");
  EXPECT_EQ(described("pd:::5", config), "padding=0:10:5:10");
  config.url.presets.pop_back();
  EXPECT_EQ(described("pr:a", config), "width=1 height=2");
  const auto loop = parse_options("pr:loop", config);
  EXPECT_EQ(describe(loop->options), "width=50");
  EXPECT_EQ(loop->warnings.size(), 1u);
  for (const std::string_view bad : {"pr:", "pr:nosuch", "pr:gray:", "pr:thumb:nosuch"}) {
    EXPECT_EQ(described(bad, config).substr(0, 3), "404") << bad;
  }
}

TEST(Presets, DefaultComesFirstAndHintsBeforeIt) {
  config::Config config;
  config.url.presets = {"default=rs:fit:110:110/q:70", "fill=rs:fill:60:60"};
  EXPECT_EQ(described("el:1", config), "width=110 height=110 enlarge=true quality=70");
  EXPECT_EQ(described("pr:fill", config), "resizing_type=fill width=60 height=60 quality=70");
  const ClientFeatures hints{.dpr = 2, .width = 301};
  EXPECT_EQ(describe(parse("plain/x", config, hints)->options),
            "width=110 height=110 dpr=2 quality=70");
  EXPECT_EQ(describe(parse("plain/x", {}, hints)->options), "width=151 dpr=2");
}

TEST(Presets, OnlyPresets) {
  config::Config config;
  config.url.only_presets = true;
  config.url.presets = {"small=w:60", "mark=bl:3", "default=el:1"};
  struct Case {
    std::string path, wanted;
  };
  const Case cases[] = {
      {"small:mark/plain/local:///a.png", "width=60 enlarge=true blur=3"},
      {"mark/" + base64(kUrl) + ".jpg", "enlarge=true blur=3 format=jpeg"},
      {"small/plain/local:///a.png@webp", "width=60 enlarge=true format=webp"},
      {"plain/local:///a.png", "404"},
      {base64(kUrl), "404"},
      {"w:1/plain/x", "404"},
      {"small", "404"},
      {"small:/plain/x", "404"},
      {"fit/plain/x", "404"},
      {"", "404"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.path);
    const auto request = parse(c.path, config);
    EXPECT_EQ(request ? describe(request->options) : std::to_string(request.error().status()),
              c.wanted);
  }
}

TEST(Presets, BadOnesStopTheBuild) {
  config::Config config;
  config.url.presets = {"a",       "b=w:1=2",    "=w:1",    "c=",         "d=pr:zzz",    "e=w:x",
                        "f=w:1/x", "g=nosuch:1", "h=msr:1", "i=w:1//h:2", "ok=w:1/exp:5"};
  const auto rules = UrlRules::build(config, nullptr);
  ASSERT_FALSE(rules.has_value());
  for (const std::string_view name : {"a", "b=", "=w", "c=", "d:", "e:", "f=", "g:", "h:", "i="}) {
    EXPECT_NE(rules.error().detail.find(name), std::string::npos) << name;
  }
  EXPECT_EQ(rules.error().detail.find("ok"), std::string::npos);
  EXPECT_TRUE(rules.error().detail.starts_with("IMGPROXY_PRESETS"));  // what to change
  EXPECT_NE(rules.error().detail.find("invalid preset string: a; "), std::string::npos);
  config.url.presets = {"loop=pr:loop"};
  std::vector<std::string> warnings;
  // What is not built stops who uses it.
  config.url.presets = {"boxes=w:9/dd:1", "more=h:3/pr:boxes", "good=w:7"};
  config.url.info_presets = {"objects=detect_objects:1"};
  EXPECT_TRUE(UrlRules::build(config, &warnings).has_value());
  EXPECT_EQ(warnings.size(), 3u);
  EXPECT_NE(
      join(warnings, "\n").find("preset boxes: option dd is not supported yet: URLs that use"),
      std::string::npos);
  EXPECT_FALSE(parse_options("pr:boxes", config).has_value());
  EXPECT_FALSE(parse_options("pr:more", config).has_value());
  EXPECT_EQ(parse_options("pr:good", config)->options.first().width, 7);
  config.url.presets = {"default=dd:1"};
  EXPECT_FALSE(UrlRules::build(config, &warnings).has_value()) << "all URLs use it";
  config.url.info_presets.clear();
  warnings.clear();
  config.url.unsupported_options = config::UnsupportedOptions::kIgnore;
  config.url.presets = {"boxes=w:9/dd:1"};
  EXPECT_TRUE(UrlRules::build(config, &warnings).has_value());
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("preset boxes: option draw_detections"), std::string::npos);
  EXPECT_EQ(parse_options("pr:boxes", config)->ignored,
            std::vector<std::string>{"draw_detections"});
  config.url.presets = {"loop=pr:loop"};
  warnings.clear();
  EXPECT_TRUE(UrlRules::build(config, &warnings).has_value());
  EXPECT_EQ(warnings.size(), 1u);
}

TEST(Chains, PipelinesStandApart) {
  struct Case {
    std::string_view options, wanted;
  };
  const Case cases[] = {
      {"w:5/-/h:6", "0.width=5 1.height=6"},
      {"w:5/h:2/bg:fff/-/w:7/-/bl:2",
       "0.width=5 0.height=2 0.background=ffffff 1.width=7 2.blur=2"},
      // Those of the whole request count wherever they stand, the last one.
      {"q:50/w:5/-/f:png/q:60", "0.width=5 quality=60 format=png"},
      {"rs:fill:3:4/z:2/fl:1/t:10::1/-/ar:0",
       "0.resizing_type=fill 0.width=3 0.height=4 0.zoom_width=2 0.zoom_height=2 0.trim=10 "
       "0.trim_equal_hor=true 0.flip_horizontal=true 1.auto_rotate=false"},
      {"-/w:5", "1.width=5"},
      {"w:5/-", "0.width=5"},
      {"-/-/-", ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.options);
    EXPECT_EQ(described(c.options), c.wanted);
  }
  EXPECT_EQ(parse_options("-/-/-")->options.pipelines.size(), 4u);
  EXPECT_EQ(parse_options("w:5")->options.pipelines.size(), 1u);
  EXPECT_EQ(parse("w:5/-/h:6/" + base64(kUrl) + ".webp")->source_url, kUrl);
  EXPECT_EQ(parse("w:5/-/plain/http://h/a/-/b")->source_url, "http://h/a/-/b");
  EXPECT_EQ(parse_options("w:5/-/h:6")->options_text, "w:5/-/h:6");
  for (const std::string_view bad : {"w:5/--/h:6", "w:5/-:/h:6", "w:5/-/nosuch:1", "w:5/ -/h:1"}) {
    EXPECT_EQ(described(bad).substr(0, 3), "404") << bad;
  }
}

// The example of the documentation, and what `default` brings.
TEST(Chains, PresetsArePutUponThePipelinesTheyAreUsedIn) {
  config::Config config;
  config.url.presets = {"test=w:300/h:300/-/w:200/h:200/-/w:100/h:200", "outer=pr:test/-/bl:3"};
  EXPECT_EQ(described("w:400/-/pr:test/w:500/-/w:600", config),
            "0.width=400 1.width=500 1.height=300 2.width=600 2.height=200 3.width=100 "
            "3.height=200");
  EXPECT_EQ(described("pr:outer", config),
            "0.width=300 0.height=300 1.width=200 1.height=200 1.blur=3 2.width=100 2.height=200");
  config.url.presets.push_back("default=el:1/-/sh:1");
  EXPECT_EQ(described("w:7", config), "0.width=7 0.enlarge=true 1.sharpen=1");
  EXPECT_EQ(described("w:7/-/w:3", config), "0.width=7 0.enlarge=true 1.width=3 1.sharpen=1");
  config.url.only_presets = true;
  const auto only = parse("test/plain/local:///a.png", config);
  ASSERT_TRUE(only.has_value());
  EXPECT_EQ(only->options.pipelines.size(), 3u);
}

TEST(Chains, NewPipelinesBeginAsConfigured) {
  config::Config config;
  config.processing.auto_rotate = false;
  const ClientFeatures hints{.dpr = 2, .width = 300};
  EXPECT_EQ(describe(parse("-/h:6/plain/x", config, hints)->options),
            "0.width=150 0.dpr=2 0.auto_rotate=false 1.height=6 1.auto_rotate=false");
}

TEST(Chains, AreBounded) {
  config::Config config;
  EXPECT_EQ(parse_options("w:1" + repeated("/-", 31))->options.pipelines.size(), 32u);
  const auto many = parse_options("w:1" + repeated("/-", 32));
  ASSERT_FALSE(many.has_value());
  EXPECT_EQ(many.error().status(), 404);
  EXPECT_NE(many.error().detail.find("32 chained pipelines"), std::string::npos);
  EXPECT_EQ(parse_options("w:1" + repeated("/-", 900)).error().status(), 404);
  config.url.max_chained_pipelines = 1000;
  EXPECT_FALSE(parse_options("w:1" + repeated("/-", 32), config).has_value());
  config.url.max_chained_pipelines = 2;
  config.url.presets = {"long=w:1/-/w:2/-/w:3/-/w:4"};
  EXPECT_TRUE(parse_options("w:1/-/-", config).has_value());
  EXPECT_TRUE(parse_options("pr:long/-/-", config).has_value()) << "presets don't count";
  EXPECT_EQ(described("w:1/-/-/-", config),
            "404 3 chained pipelines, at most 2 (IMGPROXY_MAX_CHAINED_PIPELINES)");
  // The dash is no option, so no list has to allow it.
  config.url.allowed_processing_options = {"w"};
  EXPECT_TRUE(parse_options("w:1/-/w:2", config).has_value());
  EXPECT_FALSE(parse_options("w:1/-/h:2", config).has_value());
  config = {};
  config.url.presets = {"a=w:1" + repeated("/-", 32)};
  EXPECT_FALSE(UrlRules::build(config, nullptr).has_value());
}

TEST(Rules, BaseUrlReplacementsAndAllowedSources) {
  config::Config config;
  config.url.base_url = "local:///";
  EXPECT_EQ(parse("plain/small.png", config)->source_url, "local:///small.png");
  EXPECT_EQ(parse("plain/local:///small.png", config)->source_url, "local:///small.png");
  config = {};
  config.url.url_replacements = {
      {"mys3://", "s3://bucket/"}, {"s3://*/", "local:///${1}_x/$$"}, {"short://*/*/", "a-$2-$1-"}};
  EXPECT_EQ(parse("plain/mys3://a/b", config)->source_url, "local:///bucket_x/$a/b");
  EXPECT_EQ(parse("plain/short://one/two/three", config)->source_url, "a-two-one-three");
  EXPECT_EQ(parse("plain/xmys3://a", config)->source_url, "xmys3://a");
  config = {};
  config.url.allowed_sources = {{"local:///dir one/"}, {"http://h/img/*.png"}};
  EXPECT_TRUE(parse("plain/local:///dir%20one/a.png", config).has_value());
  EXPECT_TRUE(parse("plain/http://h/img/a.png", config).has_value());
  for (const std::string_view bad :
       {"plain/local:///small.png", "plain/http://h/img/a.jpg", "plain/http://h/img/b/a.png",
        "plain/http://h.evil/img/a.png", "plain/xhttp://h/img/a.png"}) {
    SCOPED_TRACE(bad);
    const auto request = parse(bad, config);
    ASSERT_FALSE(request.has_value());
    EXPECT_EQ(request.error().code, ErrorCode::kInvalidSourceUrl);
  }
}

TEST(Rules, DefaultsComeFromTheConfiguration) {
  config::Config config;
  config.server.return_attachment = true;
  config.processing.auto_rotate = false;
  config.processing.max_animation_frames = 64;
  config.processing.skip_processing_formats.add(ImageType::kGif);
  EXPECT_EQ(described("w:1/skp:png", config),
            "width=1 auto_rotate=false skip_processing=png,gif return_attachment=true "
            "max_animation_frames=64");
  config = {};
  config.processing.auto_webp = true;
  config.processing.enforce_avif = true;
  const ClientFeatures all{.accepts_webp = true, .accepts_avif = true, .accepts_jxl = true};
  EXPECT_EQ(describe(parse("plain/x", config, all)->options),
            "prefer_webp=true prefer_avif=true enforce_avif=true");
}

TEST(Rules, OptionsTextIsWhatTheUrlSays) {
  EXPECT_EQ(parse("w:1/rs:fit/plain/x")->options_text, "w:1/rs:fit");
  EXPECT_EQ(parse("plain/x")->options_text, "");
}

TEST(Rules, LongPathsAreFine) {
  std::string path;
  for (int i = 0; i < 900; ++i) path += "cb:" + std::to_string(i) + "/";
  EXPECT_TRUE(parse(path + "plain/x").has_value());
  EXPECT_EQ(parse("fn:" + std::string(500000, 'a') + "/plain/x")->options.filename.size(), 500000u);
}

// A megabyte of parts, arguments or presets took 0.4 s of a loop.
TEST(Rules, PartsArgumentsAndPresetsAreBounded) {
  config::Config config;
  config.url.presets = {"a=w:1/h:1", "b=pr:a:a:a:a:a:a:a:a:a:a", "c=pr:b:b:b:b:b:b:b:b:b:b"};
  EXPECT_TRUE(parse(repeated("w:1/", 990) + "plain/local:///a.png").has_value());
  EXPECT_TRUE(parse("w:1/" + repeated("aGVsbG8x/", 900)).has_value());
  EXPECT_TRUE(parse("w:1/plain/http://h/" + repeated("a:", 3000)).has_value());
  EXPECT_TRUE(parse("pr:c:c:c/plain/local:///a.png", config).has_value());
  const std::string many[] = {
      repeated("w:1/", 1001) + "plain/local:///a.png",
      "w:1/plain/" + repeated("a/", 1001),
      "skp" + repeated(":png", 1001) + "/plain/local:///a.png",
      "pr" + repeated(":a", 1001) + "/plain/local:///a.png",
      "pr" + repeated(":c", 40) + "/plain/local:///a.png",
      repeated("pr:c/", 100) + "plain/local:///a.png",
  };
  for (const std::string& path : many) {
    SCOPED_TRACE(path.substr(0, 30));
    const auto request = parse(path, config);
    ASSERT_FALSE(request.has_value());
    EXPECT_EQ(request.error().code, ErrorCode::kInvalidUrl);
    EXPECT_NE(request.error().detail.find("1000"), std::string::npos) << request.error().detail;
  }
}

// Of the configuration: ten presets that each name the one before ten times.
TEST(Presets, ThatNameEachOtherWithoutEndRefuseTheStart) {
  config::Config config;
  config.url.presets = {"p0=w:1"};
  for (int i = 1; i < 10; ++i) {
    const std::string before = ":p" + std::to_string(i - 1);
    config.url.presets.push_back("p" + std::to_string(i) + "=pr" + repeated(before, 10));
  }
  const auto rules = UrlRules::build(config, nullptr);
  ASSERT_FALSE(rules.has_value());
  EXPECT_NE(rules.error().detail.find("over 10000 options"), std::string::npos);
}

}  // namespace
}  // namespace imgring::url
