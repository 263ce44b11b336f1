// Tests of src/config/unit_file.cc: values are those that systemd 252 gave a unit for the same
// lines, written down by hand from systemd.exec(5) and its reader's states.
#include <gtest/gtest.h>

#include "../../../src/config/env_file.h"

namespace imgring::config {
namespace {

struct Case {
  std::string_view text, value;  // of A
};
constexpr Case kCases[] = {
    {"A=b", "b"},
    {"A=b\n", "b"},
    {"  A = b  \n", "b"},
    {"A=", ""},
    {"A=\"b c\"", "b c"},
    {"A='b c'", "b c"},
    {"A='$B \\n'", "$B \\n"},
    {"A=$B", "$B"},  // nothing is put in
    {"A=\"a\"b", "ab"},
    {"A=\"a\" 'b'", "ab"},
    {"A=a \"b\"", "a \"b\""},  // a quote is one at a beginning alone
    {"A=a#b", "a#b"},
    {"A=a # b", "a # b"},  // no comment
    {"A=a\\\nb", "ab"},    // lines join
    {"A=a\\ ", "a "},
    {"A=\\;", ";"},
    {"A=a\\\\;b", "a\\;b"},
    {"A=\"x\\\"y\\\\z\\$w\\q\"", "x\"y\\z$w\\q"},
    {"A=\"a\nb\"", "a\nb"},  // over lines
    {"# c\n; d\nA=b", "b"},
    {"# c \\x\nA=b", "b"},
    {"# c \\\n# d\nA=b", "b"},  // whether the comment goes on or not
    {"# c \\\n\nA=b", "b"},
    {"A=b\r\n", "b"},
    {"A=1\nA=2", "2"},
    {"\n\n\tA=b", "b"},
    {"A=b=c", "b=c"},
};

TEST(UnitFile, ValuesAreSystemds) {
  for (const Case& c : kCases) {
    const auto found = parse_unit_file(c.text);
    ASSERT_TRUE(found.has_value()) << c.text << ": " << found.error();
    EXPECT_EQ(found->at("A"), c.value) << c.text;
  }
}

TEST(UnitFile, WhatSystemdWouldSkipIsAnErrorWithItsLine) {
  const Case bad[] = {
      {"A=b\nnothing\n", "line 2: it is not NAME=VALUE"},
      {"A=b\n\nexport C=d\n", "line 3: systemd knows no export"},
      {"1A=b", "line 1: its name"},
      {"A-B=c", "line 1: its name"},
      {"=c", "line 1: it is not NAME=VALUE"},
      {"X=1\nA=\"b\nc\n", "line 2: its quote is not closed"},
      {"A='b", "line 1: its quote is not closed"},
      {"nothing", "line 1: it is not NAME=VALUE"},
      {"# c \\\n A=x\nA=b", "line 2: the comment before it ends in a backslash"},
  };
  for (const Case& c : bad) {
    const auto found = parse_unit_file(c.text);
    ASSERT_FALSE(found.has_value()) << c.text;
    EXPECT_TRUE(found.error().starts_with(c.value)) << c.text << ": " << found.error();
  }
}

}  // namespace
}  // namespace imgring::config
