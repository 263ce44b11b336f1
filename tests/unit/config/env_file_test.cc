// Tests of src/config/env_file.cc.
#include "../../../src/config/env_file.h"

#include <gtest/gtest.h>

namespace imgring::config {
namespace {

TEST(EnvFile, QuotesEscapesAndSubstitution) {
  const Variables environment = {{"OUTER", "o"}, {"A", "old"}};
  const auto got = parse_env_file(
      "# comment\n"
      "\n"
      "A = plain text # comment\r\n"
      "export B=\"q \\\"x\\\" \\\\ \\n $A ${OUTER}!\"  # comment\n"
      "C='$A \\n'\n"
      "D=$OUTER-${A}-$NOPE-$-${-$1\n"
      "E=\n"
      "F=\"\\$A\"\n"
      "G=#none\n"
      "H=a#b #c\n"
      "I='a # b'\n",
      environment);
  ASSERT_TRUE(got.has_value()) << got.error();
  const Variables wanted = {{"A", "plain text"}, {"B", "q \"x\" \\ \n plain text o!"},
                            {"C", "$A \\n"},     {"D", "o-plain text--$-${-$1"},
                            {"E", ""},           {"F", "$A"},
                            {"G", ""},           {"H", "a#b"},
                            {"I", "a # b"}};
  EXPECT_EQ(*got, wanted);
}

TEST(EnvFile, LinesItDoesNotUnderstandAreErrors) {
  for (const std::string_view bad :
       {"NAME", "=x", "1A=x", "A B=x", "A=\"x", "A='x", "A='x' y", "A=\"x\"y", "A=\"x\\\""}) {
    SCOPED_TRACE(bad);
    const auto got = parse_env_file("OK=1\n" + std::string(bad), {});
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error().substr(0, 7), "line 2:");
  }
}

// Each line doubles the value: the file is small, what it says is not.
TEST(EnvFile, ValuesThatGrowByTheirOwnNameAreErrors) {
  std::string lines = "A=0123456789abcdef\n";
  for (int i = 0; i < 16; ++i) lines += i % 2 == 0 ? "A=$A$A\n" : "A=\"${A}$A\"\n";
  const auto most = parse_env_file(lines, {});
  ASSERT_TRUE(most.has_value()) << most.error();
  EXPECT_EQ(most->at("A").size(), kEnvValueBytesMax);
  for (const std::string more : {"A=$A$A", "B=\"x$A\""}) {
    EXPECT_EQ(parse_env_file(lines + more, {}).error(), "line 18: its value has over 1 MiB");
  }
  for (std::size_t i = 0; i < kEnvFileBytesMax / kEnvValueBytesMax; ++i) lines += "B=$A\n";
  const auto all = parse_env_file(lines, {});
  ASSERT_FALSE(all.has_value());
  EXPECT_TRUE(all.error().ends_with("with it all values have over 16 MiB")) << all.error();
}

TEST(EnvFile, MissingFilesAndDirectoriesAreErrors) {
  EXPECT_FALSE(read_whole_file("/no/such/file").has_value());
  EXPECT_FALSE(read_whole_file("/").has_value());
}

}  // namespace
}  // namespace imgring::config
