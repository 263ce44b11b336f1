// Tests of the option table: every row is well formed, and its texts can be made.
#include "imgring/config/option.h"

#include <gtest/gtest.h>

#include <set>

#include "imgring/config/load.h"

namespace imgring::config {
namespace {

TEST(OptionTable, RowsAreWellFormed) {
  std::set<std::string_view> names;
  for (const OptionSection& section : option_sections()) {
    for (const Option& option : section.options) {
      SCOPED_TRACE(option.name);
      EXPECT_TRUE(names.insert(option.name).second) << "twice in the table";
      EXPECT_FALSE(option.help.empty());
      EXPECT_EQ(find_option(option.name), &option);
      if (option.status == OptionStatus::kDeprecated) {
        EXPECT_NE(find_option(option.replaced_by), nullptr);
      }
      EXPECT_EQ(option.type == OptionType::kEnum, !option.keys.empty());
      if (!option.read || option.default_text.empty()) continue;
      Config config;
      EXPECT_FALSE(option.read(option.default_text, option, config).has_value())
          << "its own default is refused";
    }
  }
  EXPECT_GT(names.size(), 300u);
}

TEST(OptionTable, FindsTheNearestName) {
  EXPECT_EQ(nearest_option("IMGPROXY_QUALTY"), "IMGPROXY_QUALITY");
  EXPECT_EQ(nearest_option("IMGPROXY_MAX_SRC_RESOLUTIONS"), "IMGPROXY_MAX_SRC_RESOLUTION");
  EXPECT_EQ(find_option("IMGPROXY_QUALTY"), nullptr);
}

TEST(OptionTable, ValidTexts) {
  EXPECT_EQ(valid_text(*find_option("IMGPROXY_QUALITY")), "1..100");
  EXPECT_EQ(valid_text(*find_option("IMGPROXY_TIMEOUT")), "at least 1");
  EXPECT_EQ(valid_text(*find_option("IMGPROXY_NETWORK")), "tcp, tcp4, tcp6, unix, unixpacket");
  EXPECT_EQ(valid_text(*find_option("IMGPROXY_SECRET")), "");
}

TEST(OptionTable, HelpAndManPageNameEveryWorkingOption) {
  const std::string help = help_text("variables"), page = man_page("  serve  -- as it says\n");
  EXPECT_NE(page.find("serve  \\-\\- as it says"), std::string::npos);
  for (const OptionSection& section : option_sections()) {
    for (const Option& option : section.options) {
      SCOPED_TRACE(option.name);
      EXPECT_NE(page.find(option.name), std::string::npos);
      const bool works =
          option.status == OptionStatus::kWorks || option.status == OptionStatus::kExternal;
      const std::string line = "  " + std::string(option.name) + "  (";
      EXPECT_EQ(help.find(line) != std::string::npos, works);
    }
  }
}

}  // namespace
}  // namespace imgring::config
