// Style text: which statements stay, and that all others keep their bytes.
#include "../../../src/svg/css.h"

#include <gtest/gtest.h>

namespace imgring::svg {
namespace {

// Addresses in the file stay; one becomes another; the rest goes.
std::optional<std::string> address_of(std::string_view address) {
  if (address == "other") return "another";
  if (address.empty() || address[0] == '#' || address == "another") return std::string(address);
  return std::nullopt;
}

std::string cleaned(std::string_view text, CssPart part) {
  const StopFlag never;
  SvgWork work(never);
  return sanitize_css(text, part, address_of, &work).value_or(std::string(text));
}

struct Case {
  const char *in, *out;  // out: null when nothing goes
};

TEST(SvgCss, ASheetLosesTheStatementThatActsAndNoOther) {
  constexpr Case kCases[] = {
      {"@import url(\"https://e/css\"); .a{fill:blue}", " .a{fill:blue}"},
      {"@import 'x';@import \"y\" screen;.a{b:c}", ".a{b:c}"},
      {"@\\69mport 'x';.a{b:c}", ".a{b:c}"},
      {"@IMPORT/**/'x';.a{b:c}", ".a{b:c}"},
      {"@import 'x'", ""},
      {"<!-- @import 'x'; .a{b:c} -->", " .a{b:c} -->"},
      {"@media print{@import 'x';.a{b:c}}", "@media print{.a{b:c}}"},
      {".a{font-family:\"\\5FAE\\8F6F\"}", nullptr},
      {".md\\:x{b:c} .a{content:\"\\201C\"}", nullptr},
      {"svg{scroll-behavior:smooth;overscroll-behavior : none}", nullptr},
      {".a{behavior:url(#default)}", ".a{}"},
      {".a{x:y;BEHAVIOR : url(#a);z:w}", ".a{x:y;z:w}"},
      {".a{beh\\61vior:url(#a)}", ".a{}"},
      {".a{-moz-binding:url(#a)}", ".a{}"},
      {".a{transition:behavior 1s;will-change:-moz-binding}", nullptr},
      {"behavior:hover{a:b}", ""},
      {".behavior:hover{a:b}", nullptr},
      {"/* @import 'x'; behavior:url(y) javascript: expression(1) */.a{b:c}", nullptr},
      {".a{content:'@import expression(1) javascript:'}", nullptr},
      {".a{b:expression(alert(1));c:d}", ".a{c:d}"},
      {".a{b:e\\78pression(1);c:d}", ".a{c:d}"},
      {".a{fill:url(#a);b:url( '#b' )}", nullptr},
      {".a{fill:url(http://e/x#a);b:c}", ".a{b:c}"},
      {".a{fill:URL( \"javascript:a\" ) red;b:c}", ".a{b:c}"},
      {".a{fill:u\\72l(x);b:c}", ".a{b:c}"},
      {".a{fill:url(other)}", ".a{fill:url(\"another\")}"},
      {".a{fill:url('other') red}", ".a{fill:url(\"another\") red}"},
      {".a{b:image-set('x' 1x);c:src(\"y\")}", ".a{}"},
      // A name of its own holds any text; what is put together from it is no address.
      {".a{--u:'http://e/x';b:image-set(var(--u) 1x);c:d}", ".a{--u:'http://e/x';c:d}"},
      {".a{b:image-set(v\\61r(--u) 1x)}", ".a{}"},
      {".a{b:-webkit-image-set(linear-gradient(red,var(--u)) 1x);c:d}", ".a{c:d}"},
      {".a{b:cross-fade(image(attr(x)),red);b:src(env(--u));b:image(--mine());c:d}", ".a{c:d}"},
      {":root{--f:image-set(var(--u,'x') 1x)}.a{b:var(--f)}", ":root{}.a{b:var(--f)}"},
      {".a{b:image-set(url(#a) 1x) var(--u);c:calc(var(--x)*2)}", nullptr},
      {".a{fill:var(--c,red);b:rgb(var(--r),0,0) env(x)}", nullptr},
      {"@property --u{syntax:'*';initial-value:'http://e'}", nullptr},
      {"@font-face{font-family:a;src:local('b'),url(http://e/f)}", "@font-face{font-family:a;}"},
      {"@namespace svg url(http://www.w3.org/2000/svg);.a{b:c}", nullptr},
      {"@charset 'utf-8';a{b:c}@media (a:b){c{d:e}}", nullptr},
      {"a{b:(;behavior:url(x)}c{d:e}", "a{"},
      {"a{b:c", nullptr},
      {"a{b:url(x", "a{"},
      {"a{b:\"x\ny;c:d}e{f:g}", "a{c:d}e{f:g}"},
      {"a{b:url(x y);c:d}", "a{c:d}"},
      {"a}b{c:d}", nullptr},
      {"/* no end @import 'x';", nullptr},
      {"", nullptr},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.in);
    const std::string out = cleaned(c.in, CssPart::kSheet);
    EXPECT_EQ(out, c.out == nullptr ? c.in : c.out);
    EXPECT_EQ(cleaned(out, CssPart::kSheet), out);
  }
}

TEST(SvgCss, AStyleAttributeLosesTheDeclaration) {
  constexpr Case kCases[] = {
      {"fill:red;behavior:url(x);stroke:blue", "fill:red;stroke:blue"},
      {"behavior:url(x)", ""},
      {"scroll-behavior:smooth", nullptr},
      {"fill:url(http://e)", ""},
      {"font-family:'\\5FAE';fill:url(#a)", nullptr},
      {"background:url(javascript:x);fill:red", "fill:red"},
      // "1." is a number and a dot: what follows is an address to a browser.
      {"x:1.url(');fill:url(https://e/x#a);y:')", ""},
      {"x:1..url(');fill:url(https://e/x#a);y:')", ""},
      {"x:1.5.url(');fill:url(https://e/x#a);y:')", ""},
      {"x:1.5url(a)", nullptr},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.in);
    EXPECT_EQ(cleaned(c.in, CssPart::kDeclarations), c.out == nullptr ? c.in : c.out);
  }
}

TEST(SvgCss, BracketsGoOnlySoDeep) {
  const std::string fine = "a{}" + std::string(1000, '{') + "b:c";
  EXPECT_EQ(cleaned(fine, CssPart::kSheet), fine);
  EXPECT_EQ(cleaned("a{}" + std::string(1001, '(') + "b:c", CssPart::kSheet), "a{}");
}

TEST(SvgCss, TokensHaveTheirEscapesUndone) {
  struct TokenCase {
    const char* text;
    CssKind kind;
    const char* value;
  };
  constexpr TokenCase kTokens[] = {
      {"\\41 b", CssKind::kIdent, "Ab"},
      {"\\000041b", CssKind::kIdent, "Ab"},
      {"--x", CssKind::kIdent, "--x"},
      {"-\\61", CssKind::kIdent, "-a"},
      {"'a\\\nb\\27'", CssKind::kString, "ab'"},
      {"#a\\62", CssKind::kHash, "ab"},
      {"@\\6D edia", CssKind::kAtKeyword, "media"},
      {"url( a\\)b )", CssKind::kUrl, "a)b"},
      {"calc(", CssKind::kFunction, "calc"},
      {"-1.5e3px", CssKind::kNumber, ""},
      {"\\110000 ", CssKind::kIdent, "\uFFFD"},
      {"url(a b)", CssKind::kBad, "a"},
      {"/**/ \n/* a */", CssKind::kSpace, ""},
      {"50%", CssKind::kNumber, ""},
  };
  for (const TokenCase& c : kTokens) {
    SCOPED_TRACE(c.text);
    CssTokens tokens(c.text);
    CssToken token;
    ASSERT_TRUE(tokens.next(&token));
    EXPECT_EQ(token.kind, c.kind);
    EXPECT_EQ(token.value, c.value);
    EXPECT_EQ(token.raw, c.text);
    EXPECT_FALSE(tokens.next(&token));
  }
}

// Sheets and attributes of megabytes: a helper went on for seconds when nobody waited any more.
TEST(SvgCss, EndsInTheMiddleOfATextAtTheFlag) {
  std::string text;
  while (text.size() < 10 * kSvgWorkStep) text += "a:url(#b);";
  for (const CssPart part : {CssPart::kSheet, CssPart::kDeclarations}) {
    StopFlag stop;
    SvgWork work(stop);
    std::size_t addresses = 0;
    const CssAddress stops_at_the_tenth = [&](std::string_view address) {
      if (++addresses == 10) stop.stop(StopReason::kTimeout);
      return address_of(address);
    };
    EXPECT_FALSE(sanitize_css(text, part, stops_at_the_tenth, &work).has_value());
    EXPECT_TRUE(work.stopped());
    EXPECT_LE(work.spent(), 2 * kSvgWorkStep);
  }
}

}  // namespace
}  // namespace imgring::svg
