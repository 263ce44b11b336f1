// Tests of src/url/features.cc.
#include "helpers.h"

namespace imgring::url {
namespace {

TEST(Features, AcceptIsAPlainSubstring) {
  config::ProcessingConfig config;
  FeatureHeaders headers;
  headers.accept = "text/html,image/webp;q=0,image/avif,IMAGE/JXL";
  EXPECT_FALSE(detect_features(headers, config).accepts_webp) << "nobody asked";
  config.auto_webp = config.enforce_avif = config.auto_jxl = true;
  const ClientFeatures features = detect_features(headers, config);
  EXPECT_TRUE(features.accepts_webp);
  EXPECT_TRUE(features.accepts_avif);
  EXPECT_FALSE(features.accepts_jxl);
}

TEST(Features, ClientHints) {
  struct Case {
    std::string_view ch_dpr, dpr, ch_width, width;
    double wanted_dpr;
    int wanted_width;
  };
  const Case cases[] = {
      {"2", "3", "100", "200", 2, 100},
      {"", "3", "", "200", 3, 200},
      {"0", "", "0", "", 0, 0},
      {"8", "", "", "", 8, 0},
      {"8.1", "", "-5", "", 0, 0},
      {"x", "", "1.5", "", 0, 0},
      {"NaN", "", "", "", 0, 0},
      {"Inf", "", "99999999999", "", 0, 0},
      // A bad header does not hide a good one.
      {"x", "3", "x", "200", 3, 200},
      {"9", "3", "0", "200", 3, 200},
      {"NaN", "3", "-1", "200", 3, 200},
      {"x", "9", "x", "0", 0, 0},
  };
  config::ProcessingConfig config;
  for (const Case& c : cases) {
    const FeatureHeaders headers{{}, c.ch_dpr, c.dpr, c.ch_width, c.width};
    config.enable_client_hints = true;
    EXPECT_EQ(detect_features(headers, config).dpr, c.wanted_dpr) << c.ch_dpr;
    EXPECT_EQ(detect_features(headers, config).width, c.wanted_width) << c.ch_width;
    config.enable_client_hints = false;
    EXPECT_EQ(detect_features(headers, config).dpr, 0);
  }
}

}  // namespace
}  // namespace imgring::url
