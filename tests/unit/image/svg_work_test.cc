// The walks over an SVG's markup: their work is counted, grows as the source does, and ends when
// nobody waits.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "../../../src/svg/namespaces.h"
#include "imgring/base/sanitized.h"
#include "imgring/image/svg_check.h"
#include "imgring/svg/encoding.h"
#include "imgring/svg/svg.h"
#include "imgring/svg/work.h"

namespace imgring::image {
namespace {

using namespace svg;

std::string repeated_to(std::string_view part, std::size_t size_bytes) {
  std::string out;
  while (out.size() < size_bytes) out += part;
  return out;
}
std::string in_root(const std::string& body) {
  return "<svg xmlns='http://www.w3.org/2000/svg'>" + body + "</svg>";
}

// Each of 240 tags around declares two prefixes.
std::string nested(const std::string& inner) {
  std::string before, after;
  for (int i = 0; i < 240; ++i) {
    const std::string n = std::to_string(i);
    before += "<g xmlns:p" + n + "='http://ns.adobe.com/' xmlns:q" + n + "='b'>";
    after += "</g>";
  }
  return before + inner + after;
}
std::string attributes(std::string_view prefix, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    out += ' ';
    out += prefix;
    out += std::to_string(i) + "=''";
  }
  return out;
}

struct Markup {
  const char* name;
  std::function<std::string(std::size_t)> make;  // about so many bytes
};
const Markup kMarkups[] = {
    {"prefixed attributes deep inside",
     [](std::size_t size) {
       return in_root(nested(repeated_to("<g" + attributes("none:a", 500) + "/>", size)));
     }},
    {"attributes of a prefix declared far outside",
     [](std::size_t size) {
       return in_root(nested(repeated_to("<g" + attributes("p0:a", 500) + "/>", size)));
     }},
    {"declarations at every tag",
     [](std::size_t size) {
       return in_root(repeated_to("<g xmlns:a='http://ns.adobe.com/' a:b=''/>", size));
     }},
    {"one long attribute",
     [](std::size_t size) { return in_root("<g id='" + repeated_to("&amp;", size) + "'/>"); }},
    {"one long style",
     [](std::size_t size) { return in_root("<g style='" + repeated_to("a:b;", size) + "'/>"); }},
    {"one long sheet",
     [](std::size_t size) {
       return in_root("<style>" + repeated_to("a{b:c}", size) + "</style>");
     }},
    {"many sheets",
     [](std::size_t size) { return in_root(repeated_to("<style>a{}</style>", size)); }},
    {"comments", [](std::size_t size) { return in_root(repeated_to("<!-- a -->", size)); }},
    {"lines", [](std::size_t size) { return in_root(repeated_to("\n", size)); }},
    {"CDATA", [](std::size_t size) { return in_root(repeated_to("<![CDATA[<]]>", size)); }},
    {"entities",
     [](std::size_t size) {
       std::string type = "<!DOCTYPE svg [";
       for (std::size_t i = 0; i < size / 40; ++i) {
         type += "<!ENTITY e" + std::to_string(i) + " 'a'>";
       }
       return type + "]>" + in_root(repeated_to("&e1;", size / 2));
     }},
    {"declared attributes",
     [](std::size_t size) {
       std::string type = "<!DOCTYPE svg [<!ATTLIST g";
       for (int i = 0; i < 1000; ++i) type += " a" + std::to_string(i) + " CDATA #IMPLIED";
       return type + ">]>" + in_root(repeated_to("<g/>", size));
     }},
    {"no characters",
     [](std::size_t size) {
       return "<?xml version='1.0' encoding='euc-jp'?>" + in_root(repeated_to("\xFF", size / 3));
     }},
};

std::uint64_t work_of(const std::string& source) {
  const StopFlag never;
  SvgWork work(never), limits(never);
  const auto out = sanitize_svg(as_bytes(source), &work);
  EXPECT_TRUE(out.has_value()) << out.error().detail;
  static_cast<void>(check_svg_limits(as_bytes(source), {}, &limits));
  return work.spent() + limits.spent();
}

// 250 nested declarations and a million prefixed attributes took 250 million looks.
TEST(SvgWork, GrowsAsTheSourceDoes) {
  for (const Markup& kind : kMarkups) {
    SCOPED_TRACE(kind.name);
    constexpr std::size_t kBytes = kSanitized ? 50'000 : 200'000;
    const std::string one = kind.make(kBytes), two = kind.make(2 * kBytes);
    const std::uint64_t first = work_of(one), second = work_of(two);
    EXPECT_GT(first, one.size() / 8);  // it is counted at all
    EXPECT_LT(second, first * 2 + first / 10);
  }
}

TEST(SvgWork, OfAPrefixIsTheSameAtAnyDepth) {
  const std::string value = "http://e.com/";
  const auto looks = [&](int depth) {
    SvgNamespaces names;
    const SvgAttribute outer[] = {{"xmlns:a", value}, {"xmlns", value}};
    const SvgAttribute inner[] = {{"xmlns:b", "x"}, {"id", "y"}};
    names.enter(outer);
    for (int i = 1; i < depth; ++i) names.enter(inner);
    const std::uint64_t before = names.looked_at();
    EXPECT_EQ(names.of("a"), value);
    EXPECT_EQ(names.of("none"), "");
    return names.looked_at() - before;
  };
  EXPECT_EQ(looks(250), looks(2));
}

TEST(SvgNamespaces, TheInnermostDeclarationCounts) {
  SvgNamespaces names;
  const SvgAttribute outer[] = {{"xmlns:a", "1"}, {"xmlnsa", "no"}};
  const SvgAttribute inner[] = {{"xmlns:a", "2"}, {"xmlns", "3"}};
  names.enter(outer);
  names.enter(inner);
  EXPECT_EQ(names.of("a"), "2");
  EXPECT_EQ(names.of(""), "3");
  names.leave();
  EXPECT_EQ(names.of("a"), "1");
  EXPECT_EQ(names.of(""), "");
  names.leave();
  EXPECT_EQ(names.of("a"), "");
}

TEST(SvgWork, EndsAtTheFlag) {
  for (const Markup& kind : kMarkups) {
    SCOPED_TRACE(kind.name);
    const std::string source = kind.make(400'000);
    StopFlag stop;
    stop.stop(StopReason::kTimeout);
    SvgWork work(stop);
    const auto out = sanitize_svg(as_bytes(source), &work);
    ASSERT_FALSE(out.has_value());
    EXPECT_EQ(out.error().code, ErrorCode::kTimeout);
    EXPECT_LE(work.spent(), kSvgWorkStep);
    SvgWork limits(stop);
    const auto checked = check_svg_limits(as_bytes(source), {}, &limits);
    ASSERT_FALSE(checked.has_value());
    EXPECT_EQ(checked.error().code, ErrorCode::kTimeout);
  }
}

TEST(SvgWork, TheEncodingStepEndsAtTheFlag) {
  const std::string source =
      "<?xml version='1.0' encoding='koi8-r'?>" + repeated_to("\xC1", 200'000);
  StopFlag stop;
  stop.stop(StopReason::kClientGone);
  SvgWork work(stop);
  const auto out = svg_to_utf8(as_bytes(source), &work);
  ASSERT_FALSE(out.has_value());
  EXPECT_EQ(out.error().code, ErrorCode::kCancelled);
}

// Expat compares each declared attribute with all before it: 90 000 took 17 s.
TEST(SvgWork, AttributesOfADocumentTypeAreBounded) {
  const auto typed = [](int count) {
    return "<!DOCTYPE svg [<!ATTLIST g " +
           [count] {
             std::string out;
             for (int i = 0; i < count; ++i) out += " a" + std::to_string(i) + " CDATA #IMPLIED";
             return out;
           }() +
           ">]>" + in_root("<g/>");
  };
  EXPECT_TRUE(sanitize_svg(as_bytes(typed(1000))).has_value());
  EXPECT_FALSE(sanitize_svg(as_bytes(typed(1001))).has_value());
  EXPECT_FALSE(check_svg_limits(as_bytes(typed(1001))).has_value());
}

// The default of an attribute grew to 500 MB before anybody counted, and lines of an entity were
// not counted.
TEST(SvgWork, WhatEntitiesBecomeIsBoundedWhereverTheyStand) {
  const std::string text = "<!ENTITY e '" + std::string(60'000, 'a') + "'>";
  const std::string lines = "<!ENTITY e '" + std::string(60'000, '\n') + "'>";
  const std::string used = repeated_to("&e;", 400);
  const std::string cases[] = {
      "<!DOCTYPE svg [" + text + "<!ATTLIST g a CDATA '" + repeated_to("&e;", 60'000) + "'>]>" +
          in_root(""),
      "<!DOCTYPE svg [" + lines + "]>" + in_root(used),
      "<!DOCTYPE svg [" + text + "]>" + in_root("<g id='" + used + "'/>"),
  };
  for (const std::string& source : cases) {
    SCOPED_TRACE(source.substr(60'020, 80));
    const auto out = sanitize_svg(as_bytes(source));
    ASSERT_FALSE(out.has_value());
    EXPECT_NE(out.error().detail.find("1 MiB"), std::string::npos) << out.error().detail;
  }
}

TEST(SvgWork, AResultOver20MiBIsRefused) {
  const auto cdata = [](std::size_t size) {
    return in_root("<text><![CDATA[" + std::string(size, '&') + "]]></text>");
  };
  const auto below = sanitize_svg(as_bytes(cdata(4'000'000)));
  EXPECT_TRUE(below.has_value()) << below.error().detail;
  EXPECT_FALSE(sanitize_svg(as_bytes(cdata(4'500'000))).has_value());
}

}  // namespace
}  // namespace imgring::image
