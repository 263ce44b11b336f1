// Tests of src/base/text.cc and text_codec.cc: refused inputs as hard as good ones.
#include "imgring/base/text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace imgring {
namespace {

TEST(Text, Split) {
  EXPECT_EQ(split("", ","), (std::vector<std::string_view>{""}));
  EXPECT_EQ(split("a,,b,", ","), (std::vector<std::string_view>{"a", "", "b", ""}));
  EXPECT_EQ(split("a::b:c", "::"), (std::vector<std::string_view>{"a", "b:c"}));
}

TEST(Text, TrimJoinReplaceLower) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim("   "), "");
  EXPECT_EQ(join({"a", "b", ""}, "/"), "a/b/");
  EXPECT_EQ(join({}, "/"), "");
  EXPECT_EQ(replace_all("a%3Ab%3A", "%3A", ":"), "a:b:");
  EXPECT_EQ(replace_all("aaa", "aa", "b"), "ba");
  EXPECT_EQ(to_lower("AbC-1"), "abc-1");
  EXPECT_TRUE(equal_ignore_case("AbC", "aBc"));
  EXPECT_FALSE(equal_ignore_case("ab", "abc"));
}

TEST(Text, ParseInt) {
  struct Case {
    std::string_view text;
    std::optional<std::int64_t> value;
  };
  const Case cases[] = {
      {"0", 0},
      {"+50", 50},
      {"-5", -5},
      {"007", 7},
      {"-0", 0},
      {"9223372036854775807", std::numeric_limits<std::int64_t>::max()},
      {"-9223372036854775808", std::numeric_limits<std::int64_t>::min()},
      {"9223372036854775808", {}},
      {"", {}},
      {"+", {}},
      {"-", {}},
      {"+-5", {}},
      {"--5", {}},
      {"5_0", {}},
      {"0x10", {}},
      {" 5", {}},
      {"5 ", {}},
      {"1.5", {}},
      {"1e3", {}},
      {"abc", {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(parse_int(c.text), c.value);
  }
}

TEST(Text, ParseFloat) {
  struct Case {
    std::string_view text;
    std::optional<double> value;
  };
  const Case cases[] = {
      {"0", 0},
      {"1.5", 1.5},
      {"+1.5", 1.5},
      {"-2", -2},
      {".5", 0.5},
      {"1.", 1},
      {"1e-1", 0.1},
      {"1E+2", 100},
      {"0_2", 2},
      {"1_000.2_5", 1000.25},
      {"0x1p4", 16},
      {"0X1.8P1", 3},
      {"0x_1p0", 1},
      {"1e1_0", 1e10},
      {"007", 7},
      {"1e-400", 0},
      {"0.0000001e-330", 0},
      {"1e-99999999999999", 0},
      {"-.5e1", -5},
      {"1e400", {}},
      {"1e99999999999999", {}},
      {"", {}},
      {".", {}},
      {"+", {}},
      {"e5", {}},
      {"1e", {}},
      {"1e+", {}},
      {"0x10", {}},
      {"0x", {}},
      {"0xp1", {}},
      {"1p4", {}},
      {"_1", {}},
      {"1_", {}},
      {"1__0", {}},
      {"1_.5", {}},
      {"1._5", {}},
      {" 1", {}},
      {"1 ", {}},
      {"1,5", {}},
      {"1..2", {}},
      {"--1", {}},
      {"+-1", {}},
      {"1f", {}},
      {"abc", {}},
      {"1e5.5", {}},
      {"in", {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(parse_float(c.text), c.value);
  }
}

TEST(Text, ParseFloatOfWhatIsNoNumber) {
  EXPECT_EQ(parse_float("Inf"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(parse_float("-infinity"), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(parse_float("NaN").value()));
  EXPECT_FALSE(parse_float("+nan").has_value());
}

TEST(Text, ParseBool) {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    EXPECT_EQ(parse_bool(yes), true) << yes;
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    EXPECT_EQ(parse_bool(no), false) << no;
  }
  for (const std::string_view bad : {"", "tRUE", "yes", "on", "2", " 1", "1 "}) {
    EXPECT_FALSE(parse_bool(bad).has_value()) << bad;
  }
}

TEST(Text, Hex) {
  EXPECT_EQ(hex_decode("00fFAb"), std::string("\0\xff\xab", 3));
  EXPECT_EQ(hex_decode(""), "");
  for (const std::string_view bad : {"0", "0g", "xyz", "0 ", "+1"}) {
    EXPECT_FALSE(hex_decode(bad).has_value()) << bad;
  }
  EXPECT_EQ(hex_encode(as_bytes(std::string_view("\0\xff", 2))), "00ff");
}

TEST(Text, Base64Url) {
  EXPECT_EQ(base64url_decode("aGVsbG8"), "hello");
  EXPECT_EQ(base64url_decode("__--"), "\xff\xff\xbe");
  EXPECT_EQ(base64url_decode(""), "");
  EXPECT_EQ(base64url_decode("YQ"), "a");
  EXPECT_EQ(base64url_decode("YR"), "a") << "unused trailing bits are ignored";
  for (const std::string_view bad :
       {"a", "aaaaa", "YQ==", "+/==", "a+bc", "a/bc", "a bc", "\xc3"}) {
    EXPECT_FALSE(base64url_decode(bad).has_value()) << bad;
  }
  EXPECT_EQ(base64url_encode(as_bytes("\xff\xff\xbe")), "__--");
  EXPECT_EQ(base64url_encode(as_bytes("a")), "YQ");
  EXPECT_EQ(base64url_encode(as_bytes("ab")), "YWI");
}

TEST(Text, Base64Standard) {
  EXPECT_EQ(base64_decode("//++"), "\xff\xff\xbe");
  EXPECT_EQ(base64_decode("YQ=="), "a");
  EXPECT_EQ(base64_decode("YQ"), "a");
  EXPECT_EQ(base64_decode("YWI="), "ab");
  for (const std::string_view bad : {"a", "YQ=", "YQ===", "=", "__--", "Y=Q=", "YQ==YQ=="}) {
    EXPECT_FALSE(base64_decode(bad).has_value()) << bad;
  }
  EXPECT_EQ(base64_encode(as_bytes("ab")), "YWI=");
}

TEST(Text, PercentEscapes) {
  EXPECT_EQ(percent_decode("a%20b+c%2B"), "a b+c+");
  EXPECT_EQ(percent_decode("%c3%BC"), "\xc3\xbc");
  for (const std::string_view bad : {"%", "a%2", "%zz", "%%20", "%2g"}) {
    EXPECT_FALSE(percent_decode(bad).has_value()) << bad;
    EXPECT_FALSE(percent_escapes_valid(bad)) << bad;
  }
  EXPECT_TRUE(percent_escapes_valid("a%20b%C3"));
  EXPECT_TRUE(percent_escapes_valid(""));
}

TEST(Text, ConstantTimeCompare) {
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_TRUE(equal_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_constant_time("abc", "ab"));
}

TEST(Text, HtmlAndJson) {
  EXPECT_EQ(html_escape("<a href=\"x\">'&"), "&lt;a href=&#34;x&#34;&gt;&#39;&amp;");
  EXPECT_EQ(json_quote("a\"\\\n\t\x01\x7f"), R"("a\"\\\n\t\u0001\u007f")");
  EXPECT_EQ(json_quote("\xc3\xbc\xff"), "\"\xc3\xbc\\ufffd\"");
}

TEST(Text, Utf8Length) {
  EXPECT_EQ(utf8_length("a"), 1u);
  EXPECT_EQ(utf8_length("\xc3\xbc"), 2u);
  EXPECT_EQ(utf8_length("\xe2\x82\xac"), 3u);
  EXPECT_EQ(utf8_length("\xf0\x9f\x98\x80"), 4u);
  for (const std::string_view bad :
       {"", "\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82"}) {
    EXPECT_EQ(utf8_length(bad), 0u);
  }
}

TEST(Text, EditDistanceAndNumbers) {
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("same", "same"), 0u);
  EXPECT_EQ(format_number(0.1), "0.1");
  EXPECT_EQ(format_number(2), "2");
}

}  // namespace
}  // namespace imgring
