// Tests of src/url/pattern.cc: patterns and templates.
#include "../../../src/url/pattern.h"

#include <gtest/gtest.h>

#include "../posix_regex.h"
#include "imgring/base/text.h"

namespace imgring::url {
namespace {

TEST(Pattern, AnchoredAtTheStartStarsStopAtSlashes) {
  struct Case {
    std::string_view pattern, text;
    bool fits;
  };
  const Case cases[] = {
      {"", "x", true},
      {"abc", "abcd", true},
      {"abc", "xabc", false},
      {"abc", "ab", false},
      {"*", "", true},
      {"*", "/", true},
      {"a*c", "abbc", true},
      {"a*c", "ab/c", false},
      {"a*b*c", "a1b2b3c", true},
      {"a*/b", "axx/b", true},
      {"a*/b", "axx/y/b", false},
      {"http://*.h.com/", "http://x.h.com/y", true},
      {"http://*.h.com/", "http://x/h.com/", false},
      {"http://*.h.com/", "http://evil.com/.h.com/", false},
      {"a**b", "aXb", true},
      {"*a/b*c", "xxa/bc", true},
      {"*a/b*c", "xxa/ac", false},
      {"a.c", "abc", false},
      {"a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(std::string(c.pattern) + " on " + std::string(c.text));
    EXPECT_EQ(Pattern(c.pattern).match(c.text).has_value(), c.fits);
  }
}

// The same pattern as a regular expression, over all short texts of a small alphabet.
TEST(Pattern, AgreesWithRegularExpressions) {
  for (const std::string pattern :
       {"*", "a*", "*a", "a*b", "*a*", "*/a*", "a*b*/a", "**a", "*a/*a"}) {
    const Pattern own(pattern);
    const std::string expression = "^" + replace_all(pattern, "*", "([^/]*)");
    for (int n = 0; n < 729; ++n) {
      std::string text;
      for (int rest = n; rest > 0; rest /= 3) text += "ab/"[rest % 3];
      SCOPED_TRACE(pattern + " on " + text);
      const auto wanted = first_match(text, expression);
      const auto got = own.match(text);
      ASSERT_EQ(got.has_value(), wanted.has_value());
      if (!wanted) continue;
      ASSERT_EQ(got->size(), wanted->size());
      for (std::size_t i = 0; i < wanted->size(); ++i) EXPECT_EQ((*got)[i], (*wanted)[i]);
    }
  }
}

TEST(Pattern, LongTextsStayQuick) {
  const Pattern pattern("a*a*a*a*a*a*a*a*b");
  EXPECT_FALSE(pattern.match(std::string(200000, 'a')));
}

TEST(Template, GoRules) {
  const std::vector<std::string_view> groups = {"whole", "one", "two"};
  struct Case {
    std::string_view text, wanted;
  };
  const Case cases[] = {
      {"plain", "plain"},   {"$1", "one"},  {"${1}x", "onex"},    {"$1x", ""},
      {"$2/$1", "two/one"}, {"$$1", "$1"},  {"$0", "whole"},      {"$3", ""},
      {"${3}", ""},         {"$01", ""},    {"$", "$"},           {"a$-b", "a$-b"},
      {"${1", "${1"},       {"${}", "${}"}, {"${a b}", "${a b}"}, {"$name.", "."},
      {"$99999999999", ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(expand_template(c.text, groups), c.wanted);
  }
}

}  // namespace
}  // namespace imgring::url
