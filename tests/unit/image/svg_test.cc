// The sanitiser's allow-list, in both directions, and the limits.
#include "imgring/svg/svg.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "../svg/sanitized.h"
#include "imgring/base/text.h"
#include "imgring/image/svg_check.h"
#include "imgring/svg/encoding.h"
#include "test_images.h"

namespace imgring::image {
namespace {

using namespace svg;
using svg::test::sanitized;

struct Case {
  const char* in;
  const char* out;
};

// Inside <svg>...</svg>.
constexpr Case kCases[] = {
    {"<rect x=\"1\"  y='2'/>", "<rect x=\"1\"  y='2'/>"},
    {"<g onclick=\"a()\" fill=\"red\"><path d='M0 0'/></g>",
     "<g fill=\"red\"><path d='M0 0'/></g>"},
    {"<g ONload=\"a()\"/>", "<g/>"},
    {"<g x:onload=\"a()\"/>", "<g/>"},
    {"<script>a</script><rect/>", "<rect/>"},
    {"<script><![CDATA[a<b]]></script>t", "t"},
    {"<iframe src=\"x\"/><form action=\"y\"><rect/></form>"
     "<set attributeName=\"x\" onbegin=\"e()\"/>",
     "<set attributeName=\"x\"/>"},
    {"<script xmlns=\"http://ns.adobe.com/x\">a</script>", ""},
    {"<i:SCRIPT xmlns:i=\"http://ns.adobe.com/x\"/>", ""},
    {"<i:form xmlns:i=\"http://ns.adobe.com/x\"/>", ""},
    {"<i:pgf xmlns:i=\"http://ns.adobe.com/x\"/>", "<i:pgf xmlns:i=\"http://ns.adobe.com/x\"/>"},
    {"<embed src='x'/><object data='x'/><video src='x'/><handler/>", ""},
    {"<a href=\"javascript:alert(1)\"><rect/></a>", "<a><rect/></a>"},
    {"<a href=\" java\tscript:alert(1)\"><rect/></a>", "<a><rect/></a>"},
    {"<a href=\"&#106;avascript:alert(1)\"><rect/></a>", "<a><rect/></a>"},
    {"<a href=\"JaVaScRiPt:x\"/>", "<a/>"},
    {"<a href=\"vbscript:x\"/><a href=\"file:///x\"/><a href=\"data:text/html,x\"/>",
     "<a/><a/><a/>"},
    {"<a href=\"https://e.com/\"/>", "<a href=\"https://e.com/\"/>"},
    {"<a href=\"page#x\"/><a href=\"?a=b:c\"/>", "<a href=\"page#x\"/><a href=\"?a=b:c\"/>"},
    {"<use href=\"#d\"/><use xlink:href=\"#d\"/>", "<use href=\"#d\"/><use xlink:href=\"#d\"/>"},
    {"<use href=\"http://e.com/n.svg#x\"/>", "<use/>"},
    {"<use href=\"data:image/svg+xml,x#y\"/>", "<use/>"},
    {"<image href=\"data:image/png;base64,AA\"/>", "<image href=\"data:image/png;base64,AA\"/>"},
    {"<image href=\"data:image/svg+xml,x\"/>", "<image/>"},
    {"<image href=\"data:text/html,x\"/>", "<image/>"},
    {"<image href=\"http://127.0.0.1/n.png\"/>", "<image href=\"http://127.0.0.1/n.png\"/>"},
    {"<rect href=\"data:image/png;base64,AA\"/>", "<rect/>"},
    {"<set attributeName=\"href\" to=\"javascript:x\"/>", ""},
    {"<animate attributeName=\"xlink:href\" values=\"a;b\"/>", ""},
    {"<set attributeName=\"onclick\" to=\"x\"/>", ""},
    {"<animate attributeName=\"x\" values=\"1;2\"/>",
     "<animate attributeName=\"x\" values=\"1;2\"/>"},
    {"<style>.a{fill:#a0a}</style>", "<style>.a{fill:#a0a}</style>"},
    {"<style>@import 'x';</style>", "<style></style>"},
    {"<style>a{b:\\65xpression(1)}</style>", "<style>a{}</style>"},
    {"<style><![CDATA[.a>b{x:y}]]></style>", "<style>.a&gt;b{x:y}</style>"},
    {"<g style=\"fill:red\"/><g style=\"background:url(javascript:x)\"/>",
     "<g style=\"fill:red\"/><g/>"},
    {"<g unknown=\"1\" data-a=\"2\" aria-label=\"3\"/>", "<g data-a=\"2\" aria-label=\"3\"/>"},
    {"<foreignObject width=\"1\"><body xmlns=\"http://www.w3.org/1999/xhtml\">"
     "<p onclick=\"x()\">t</p>"
     "<img src=\"x\" onerror=\"y\"/></body></foreignObject>",
     "<foreignObject width=\"1\"><body xmlns=\"http://www.w3.org/1999/xhtml\"><p>t</p></body>"
     "</foreignObject>"},
    {"<p>t</p>", ""},
    {"<h:script xmlns:h=\"http://www.w3.org/1999/xhtml\">x</h:script>", ""},
    {"<h:svg xmlns:h=\"http://www.w3.org/1999/xhtml\"/>", ""},
    {"<?xml-stylesheet href=\"x\"?><rect/><!-- n -->", "<rect/>"},
    {"a &amp; b &#65;", "a &amp; b &#65;"},
    {"<text><![CDATA[a<b&amp;\"']]></text>", "<text>a&lt;b&amp;amp;\"'</text>"},
    {"<text>a<![CDATA[]]>]]<![CDATA[>]]></text>", "<text>a]]&gt;</text>"},
    {"<base xmlns='http://ns.adobe.com/' href='http://e.com/'/>", ""},
    {"<link xmlns='http://ns.adobe.com/' rel='stylesheet' href='http://e.com/'/>", ""},
};

TEST(SanitizeSvg, KeepsBytesOfWhatIsHarmlessAndDropsTheRest) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.in);
    const std::string head =
        "<svg xmlns=\"http://www.w3.org/2000/svg\" "
        "xmlns:xlink=\"http://www.w3.org/1999/xlink\">";
    const std::string in = head + c.in + "</svg>";
    const auto out = sanitize_svg(as_bytes(in));
    ASSERT_TRUE(out.has_value()) << out.error().detail;
    EXPECT_EQ(*out, head + c.out + "</svg>");
    const auto again = sanitize_svg(as_bytes(*out));
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(*again, *out);
  }
}

// What XML reads as text or as another name and HTML as a tag or a link, were it put into a page.
TEST(SanitizeSvg, NothingComesBackInAPageOfHtml) {
  constexpr Case kPageCases[] = {
      {"<!--><img src=x onerror=alert(1)>-->", ""},
      {"<title><!--</title><img src=x onerror=alert(1)>--></title>", "<title></title>"},
      {"<g>a<!-- b -- ><!-->", nullptr},
      {"<desc><![CDATA[</desc><script>alert(1)</script>]]></desc>",
       "<desc>&lt;/desc&gt;&lt;script&gt;alert(1)&lt;/script&gt;</desc>"},
      {"<foreignObject><![CDATA[<img src=x onerror=alert(1)>]]></foreignObject>",
       "<foreignObject>&lt;img src=x onerror=alert(1)&gt;</foreignObject>"},
      {"<style><!--</style><img src=x onerror=alert(1)>--></style>", "<style></style>"},
      {"<style>a{}<![CDATA[</style><img src=x onerror=alert(1)>]]></style>",
       "<style>a{}&lt;/style&gt;&lt;img src=x onerror=alert(1)&gt;</style>"},
      {"<g id='&lt;/style&gt;&lt;img src=x onerror=alert(1)&gt;'/>",
       "<g id='&lt;/style&gt;&lt;img src=x onerror=alert(1)&gt;'/>"},
      {"<?php echo 1 ?><?x ><img src=x onerror=alert(1)>?>", ""},
      {"<a xmlns:XLINK='http://www.w3.org/1999/xlink' XLINK:HREF='javascript:alert(1)'/>",
       "<a xmlns:XLINK='http://www.w3.org/1999/xlink'/>"},
      {"<set xmlns='http://ns.adobe.com/' attributeName='href' to='x'/>", ""},
      {"<USE xmlns='http://ns.adobe.com/' HREF='data:a' href='data:b'/>",
       "<USE xmlns='http://ns.adobe.com/'/>"},
      {"<Script xmlns='http://ns.adobe.com/'>a</Script><META xmlns='http://ns.adobe.com/'/>", ""},
  };
  for (const Case& c : kPageCases) {
    SCOPED_TRACE(c.in);
    const std::string in = "<svg>" + std::string(c.in) + "</svg>";
    const auto out = sanitize_svg(as_bytes(in));
    ASSERT_EQ(out.has_value(), c.out != nullptr);
    if (!out) continue;
    EXPECT_EQ(*out, "<svg>" + std::string(c.out) + "</svg>");
  }
}

TEST(SanitizeSvg, DropsTheDocumentTypeAndExpandsItsPlainEntities) {
  const std::string in =
      "<?xml version=\"1.0\"?><!DOCTYPE svg PUBLIC \"a\" \"http://e.com/b.dtd\" [<!ENTITY ns "
      "\"http://www.w3.org/2000/svg\"><!ENTITY t \"q's\">]><svg xmlns=\"&ns;\">"
      "<title>&t;!</title></svg>";
  const auto out = sanitize_svg(as_bytes(in));
  ASSERT_TRUE(out.has_value()) << out.error().detail;
  EXPECT_EQ(*out,
            "<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\">"
            "<title>q&#39;s!</title></svg>");
}

// A default of the document type made a script one of a harmless namespace: the tag was copied,
// the document type was not, and the script was SVG's again.
TEST(SanitizeSvg, OfWhatTheDocumentTypeAddsOnlyNamespacesStayAndAreWritten) {
  struct TypeCase {
    const char* type;
    const char* in;
    const char* out;
  };
  constexpr TypeCase kTypes[] = {
      {"<!ATTLIST script xmlns CDATA \"http://ns.adobe.com/x\">", "<script>a</script><g/>", "<g/>"},
      {"<!ATTLIST g xmlns CDATA #FIXED \"http://ns.adobe.com/x\">", "<g><set href='a:b'/></g>",
       "<g xmlns=\"http://ns.adobe.com/x\"><set/></g>"},
      {"<!ATTLIST x xmlns CDATA \"http://ns.adobe.com/x\">", "<x/>",
       "<x xmlns=\"http://ns.adobe.com/x\"/>"},
      {"<!ATTLIST g xmlns:i CDATA \"http://ns.adobe.com/x\">", "<g i:a=\"b\"><i:script/></g>",
       "<g i:a=\"b\" xmlns:i=\"http://ns.adobe.com/x\"></g>"},
      {"<!ATTLIST rect onclick CDATA \"a\" fill CDATA \"red\">", "<rect x=\"1\"/>",
       "<rect x=\"1\"/>"},
      {"<!ATTLIST set attributeName CDATA \"href\">", "<set/>", "<set/>"},
  };
  for (const TypeCase& c : kTypes) {
    SCOPED_TRACE(c.in);
    const std::string head = "<svg xmlns=\"http://www.w3.org/2000/svg\">";
    const std::string type = "<!DOCTYPE svg [" + std::string(c.type) + "]>";
    EXPECT_EQ(sanitized(type + head + c.in + "</svg>"), head + c.out + "</svg>");
  }
}

TEST(SanitizeSvg, NamespacesOfADocumentTypeAreWrittenWhereTheyCameFrom) {
  const std::string xlink = "xmlns:xlink=\"http://www.w3.org/1999/xlink\"";
  const std::string svg = "xmlns=\"http://www.w3.org/2000/svg\"";
  const auto typed = [](const std::string& list, const std::string& body) {
    return sanitized("<!DOCTYPE svg [<!ATTLIST " + list + ">]>" + body);
  };
  EXPECT_EQ(typed("svg xmlns:xlink CDATA #FIXED 'http://www.w3.org/1999/xlink'",
                  "<svg " + svg + "><use xlink:href='#r'/></svg>"),
            "<svg " + svg + " " + xlink + "><use xlink:href='#r'/></svg>");
  EXPECT_EQ(typed("svg xmlns CDATA #FIXED 'http://www.w3.org/2000/svg' xmlns:xlink CDATA "
                  "'http://www.w3.org/1999/xlink'",
                  "<svg><svg/><g/></svg>"),
            "<svg " + svg + " " + xlink + "><svg/><g/></svg>");  // once is enough
  EXPECT_EQ(typed("svg xmlns:xlink CDATA 'x'", "<svg " + xlink + "><g/></svg>"),
            "<svg " + xlink + "><g/></svg>");  // what is written wins
  EXPECT_EQ(typed("use xmlns:xlink CDATA 'http://www.w3.org/1999/xlink'",
                  "<svg><use xlink:href='#a'/><use xlink:href='javascript:a'/></svg>"),
            "<svg><use xlink:href='#a' " + xlink + "/><use " + xlink + "/></svg>");
}

std::string label(const std::string& html) {
  return "<svg><foreignObject><div xmlns=\"http://www.w3.org/1999/xhtml\">" + html +
         "</div></foreignObject></svg>";
}

// Each element inside holds a copy of what its unwrapped parents declare.
TEST(SanitizeSvg, NamespacesThatAreHandedDownAreBounded) {
  const auto nested = [](std::size_t value_bytes) {
    std::string text = "<svg xmlns='http://www.w3.org/2000/svg'><foreignObject><x xmlns:a='" +
                       std::string(value_bytes, 'z') + "'>";
    for (int i = 0; i < 200; ++i) text += "<y>";
    for (int i = 0; i < 200; ++i) text += "</y>";
    return text + "</x></foreignObject></svg>";
  };
  EXPECT_TRUE(sanitize_svg(as_bytes(nested(200))).has_value());
  const auto refused = sanitize_svg(as_bytes(nested(5000)));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kBrokenSvg);
}

TEST(SanitizeSvg, TextOfLabelsStaysWhateverIsAroundIt) {
  constexpr Case kLabels[] = {
      {"<font color='#f00' onclick='a'>LABEL</font>", "<font color='#f00'>LABEL</font>"},
      {"<tt>A</tt><center>B</center><nobr>C</nobr>", "<tt>A</tt><center>B</center><nobr>C</nobr>"},
      {"<button type='submit' formaction='javascript:a'>LABEL</button>",
       "<button type='submit'>LABEL</button>"},
      {"<select><option>A</option></select><textarea>B</textarea>", "AB"},
      {"<xmp>A</xmp><noscript><p>B</p></noscript><plaintext>C</plaintext>", "A<p>B</p>C"},
      {"<math xmlns='http://www.w3.org/1998/Math/MathML'><mi>x</mi></math>", "x"},
      {"<a href='https://e.com/'>A</a><a href=' java\nscript:b'>B</a>",
       "<a href='https://e.com/'>A</a><a>B</a>"},
      {"<marquee onstart='a'>A<b>B</b></marquee>", "A<b>B</b>"},
      {"<form action='a'>B</form><script>C</script><iframe>D</iframe><object>E</object>A", "A"},
      {"<img src='x' onerror='a'/>A<link href='b'/><base href='c'/><meta content='d'/>", "A"},
      {"<style>p{color:red}@import 'a';</style><p>A</p>", "<style>p{color:red}</style><p>A</p>"},
      {"<y:foo xmlns:y='urn:y' xmlns='http://www.w3.org/1999/xhtml'><p y:a='b'>A</p></y:foo>",
       "<p xmlns:y=\"urn:y\" xmlns=\"http://www.w3.org/1999/xhtml\">A</p>"},
  };
  for (const Case& c : kLabels) {
    SCOPED_TRACE(c.in);
    EXPECT_EQ(sanitized(label(c.in)), label(c.out));
  }
  std::string names;
  for (int i = 0; i < 33; ++i) names += " xmlns:n" + std::to_string(i) + "='a'";
  EXPECT_NE(sanitized(label("<foo" + names + ">A</foo>")).find("32 namespaces"), std::string::npos);
}

std::string image_of(const std::string& link) {
  return "<svg><image href=\"" + link + "\"/></svg>";
}
std::string base64_svg(const std::string& svg) {
  return "data:image/svg+xml;base64," + base64_encode(as_bytes(svg));
}

TEST(SanitizeSvg, SvgsInsideAreSanitisedThemselvesInEverySpelling) {
  const std::string inner =
      "<svg xmlns='http://www.w3.org/2000/svg' onload='a'><script>b</script>"
      "<rect/></svg>";
  const std::string clean = "<svg xmlns='http://www.w3.org/2000/svg'><rect/></svg>";
  const std::string packed = base64_encode(as_bytes(inner));
  std::string percent;
  for (const char c : inner) {
    percent += '%';
    percent += hex_encode(as_bytes(std::string(1, c)));
  }
  const std::string spellings[] = {
      "data:image/svg+xml;base64," + packed,
      "data:image/svg+xml;charset=utf-8;base64," + packed,
      " DATA:Image/SVG+XML ; base64 , " + packed,
      "da&#10;ta:image/svg+xml;base64,\n " + packed.substr(0, 9) + "\n" + packed.substr(9),
      "data:image/svg+xml," + percent,
      "data:image/svg+xml;utf8," + html_escape(inner),
      "data:image/svg;base64," + packed,
      "data:;base64," + packed,
      "data:image/png;base64," + packed,
      "data:image/svg+xml;base64," + packed + "#view",
  };
  for (const std::string& spelling : spellings) {
    SCOPED_TRACE(spelling);
    const std::string out = sanitized(image_of(spelling));
    const bool one = spelling.starts_with("da&#10;");  // no data: link for a rasteriser
    EXPECT_EQ(out, image_of(base64_svg(clean))) << one;
  }
  EXPECT_EQ(sanitized(image_of(base64_svg(clean))), image_of(base64_svg(clean)));
  EXPECT_EQ(sanitized(image_of(base64_svg("no svg"))), "<svg><image/></svg>");
  // Browsers go by the type: the brand of a HEIC in a comment does not make it one.
  EXPECT_EQ(sanitized(image_of(base64_svg("<!--ftypmif1-->" + inner))),
            image_of(base64_svg(clean)));
  EXPECT_EQ(sanitized("<svg><style>a{cursor:url(" + base64_svg(inner) + ")}</style></svg>"),
            "<svg><style>a{cursor:url(\"" + base64_svg(clean) + "\")}</style></svg>");
  EXPECT_EQ(sanitized("<svg><a href='" + base64_svg(clean) + "'/></svg>"), "<svg><a/></svg>");
}

// They are served as they are read, so that nobody unpacks what was not looked at.
TEST(SanitizeSvg, PackedSvgsInsideAreUnpackedAndSanitised) {
  const std::string gone = "<svg><image/></svg>";
  const std::string clean = "<svg><rect/></svg>";
  EXPECT_EQ(
      sanitized(image_of(base64_svg(test::gzipped("<svg onload='a'><script/><rect/></svg>")))),
      image_of(base64_svg(clean)));
  EXPECT_EQ(sanitized(image_of(base64_svg(test::gzipped(clean)))), image_of(base64_svg(clean)));
  EXPECT_EQ(sanitized(image_of(base64_svg(test::gzipped(clean).substr(0, 20)))), gone);
  EXPECT_EQ(sanitized(image_of(base64_svg(test::gzipped(std::string(11'000'000, ' ') + clean)))),
            gone);
  const std::string half = image_of(base64_svg(test::gzipped(std::string(6'000'000, ' ') + clean)));
  EXPECT_EQ(sanitized("<svg>" + half + half + "</svg>"),
            "<svg>" + image_of(base64_svg(clean)) + gone + "</svg>");
}

TEST(SanitizeSvg, SvgsInsideEachOtherGoOnlySoDeep) {
  std::string deep = "<svg><rect/></svg>", gone = "<svg><image/></svg>";
  for (int i = 0; i < 4; ++i) {
    deep = image_of(base64_svg(deep));
    gone = image_of(base64_svg(gone));
  }
  EXPECT_EQ(sanitized(deep), deep);
  EXPECT_EQ(sanitized(image_of(base64_svg(deep))), gone);
}

TEST(SanitizeSvg, PicturesInsideStayWhetherTheyCanBeReadOrNot) {
  for (const char* link :
       {"data:image/bmp;base64,Qk0=", "data:image/jpg;base64,/9j/", "data:image/x-icon;base64,AA",
        "data:image/tiff;base64,####", "data:image/png;base64,not base64!",
        "data:img/gif;base64,R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAUwAOw==",
        "data:image/avif,a"}) {
    EXPECT_EQ(sanitized(image_of(link)), image_of(link));
  }
  EXPECT_EQ(sanitized(image_of("data:text/html,a")), "<svg><image/></svg>");
}

TEST(SanitizeSvg, ClosesWhatTheSourceLeftOpen) {
  const auto out = sanitize_svg(as_bytes("<svg><g><rect/>"));
  ASSERT_TRUE(out.has_value()) << out.error().detail;
  EXPECT_EQ(*out, "<svg><g><rect/></g></svg>");
}

TEST(SanitizeSvg, RefusesWhatItCannotRead) {
  const std::string deep = [] {
    std::string s;
    for (int i = 0; i < 257; ++i) s += "<svg>";
    return s;
  }();
  std::string wide = "<svg";
  for (int i = 0; i < 1001; ++i) wide += " a" + std::to_string(i) + "=''";
  wide += "/>";
  std::string many = "<svg>";
  for (int i = 0; i < 200'000; ++i) many += "<g/>";
  const std::string bomb = "<!DOCTYPE svg [<!ENTITY a \"" + std::string(60'000, 'x') +
                           "\">]><svg>" +
                           [] {
                             std::string s;
                             for (int i = 0; i < 40; ++i) s += "&a;";
                             return s;
                           }() +
                           "</svg>";
  const std::string cases[] = {
      "",
      " ",
      "text",
      "<svg",
      "<svg></g>",
      "<svg><rect",
      "<svg a=1/>",
      "<svg>&undefined;</svg>",
      "<html/>",
      std::string("\xFF\xFE<\0s\0", 6),
      "<!DOCTYPE svg [<!ENTITY a '<script/>'>]><svg>&a;</svg>",
      "<!DOCTYPE svg [<!ENTITY a 'x'><!ENTITY b '&a;&a;'>]><svg>&b;</svg>",
      "<!DOCTYPE svg [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><svg>&a;</svg>",
      "<!DOCTYPE svg [<!ENTITY % p 'x'>]><svg/>",
      deep,
      wide,
      many,
      bomb,
      "<svg>" + std::string((std::size_t{10} << 20), ' ') + "</svg>"};
  for (const std::string& in : cases) {
    SCOPED_TRACE(in.substr(0, 80));
    const auto out = sanitize_svg(as_bytes(in));
    ASSERT_FALSE(out.has_value()) << *out;
    EXPECT_EQ(out.error().code, ErrorCode::kBrokenSvg);
  }
}

TEST(SanitizeSvg, JustBelowIsServedAndJustAboveIsRefused) {
  const auto times = [](std::string_view part, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += part;
    return out;
  };
  const auto in_svg = [](const std::string& body) { return "<svg>" + body + "</svg>"; };
  const auto attributes = [](int count, const char* kind) {
    std::string out;
    for (int i = 0; i < count; ++i) out += " a" + std::to_string(i) + kind;
    return out;
  };
  const std::string typed = "<!DOCTYPE svg [<!ENTITY a '" + std::string(1024, 'x') + "'>]>";
  const struct {
    const char* name;
    std::function<std::string(int)> make;
    int most;
  } kLimits[] = {
      {"bytes", [&](int n) { return in_svg(std::string(static_cast<std::size_t>(n) - 11, ' ')); },
       10 << 20},
      {"elements", [&](int n) { return in_svg(times("<g/>", n - 1)); }, 200'000},
      {"attributes", [&](int n) { return in_svg("<g" + attributes(n, "=''") + "/>"); }, 1000},
      {"depth", [&](int n) { return in_svg(times("<g>", n - 1) + times("</g>", n - 1)); }, 256},
      {"entities", [&](int n) { return typed + in_svg("<desc>" + times("&a;", n) + "</desc>"); },
       1024},
      {"declared attributes",
       [&](int n) {
         return "<!DOCTYPE svg [<!ATTLIST g" + attributes(n, " CDATA 'v'") + ">]>" + in_svg("<b/>");
       },
       1000},
  };
  for (const auto& limit : kLimits) {
    SCOPED_TRACE(limit.name);
    EXPECT_TRUE(sanitize_svg(as_bytes(limit.make(limit.most))).has_value());
    EXPECT_FALSE(sanitize_svg(as_bytes(limit.make(limit.most + 1))).has_value());
  }
}

TEST(SvgInnerHeads, AreTheFirstBytesOfPicturesInLinks) {
  const std::string bytes(20'000, 'a');
  const std::string image =
      "<image href='data:image/png;base64," + base64_encode(as_bytes(bytes)) + "'/>";
  const auto heads = svg_inner_heads(as_bytes("<svg>" + image + image + "</svg>"));
  ASSERT_EQ(heads.size(), 2u);
  EXPECT_EQ(heads[0].bytes, bytes.substr(0, heads[0].bytes.size()));
  EXPECT_GT(heads[0].bytes.size(), 8000u);
  EXPECT_NEAR(static_cast<double>(heads[1].size_bytes), 20'000, 4);
  std::string many;
  for (int i = 0; i < 100; ++i) many += image;
  EXPECT_EQ(svg_inner_heads(as_bytes(many)).size(), 16u);
  EXPECT_EQ(svg_inner_heads(as_bytes(std::string(300'000, ' ') + image)).size(), 0u);
  EXPECT_EQ(svg_inner_heads(as_bytes("a{b:url(data:image/png;base64,YW\nJj)}"))[0].bytes, "abc");
  EXPECT_EQ(svg_inner_heads(as_bytes(";base64,"))[0].bytes, "");
  EXPECT_EQ(svg_inner_heads({}).size(), 0u);
  EXPECT_EQ(svg_inner_heads(as_bytes(image + std::string(11 << 20, ' '))).size(), 0u) << "refused";
}

TEST(SvgRoot, SaysItsSizeInPixels) {
  struct RootCase {
    const char* attributes;
    double width, height;  // 0: not known
  };
  constexpr RootCase kRoots[] = {
      {"width='200' height='100'", 200, 100},
      {"width=' 1in ' height='72pt'", 96, 96},
      {"width='2.54cm' height='25.4mm'", 96, 96},
      {"viewBox='0 0 30 20'", 30, 20},
      {"width='100%' height='100%' viewBox='-5, -5, 30, 20'", 30, 20},
      {"width='60' viewBox='0 0 30 20'", 60, 40},
      {"height='60' viewBox='0 0 30 20'", 90, 60},
      {"width='60'", 0, 0},
      {"", 0, 0},
      {"width='9' height='9' style='fill:red'", 9, 9},
      {"width='9' height='9' style='width:900px'", 0, 0},
      {"width='-1' height='nan' viewBox='0 0 inf 1'", 0, 0},
  };
  for (const RootCase& c : kRoots) {
    SCOPED_TRACE(c.attributes);
    const std::string text = "<!-- a --><svg:svg " + std::string(c.attributes) + "><g width='9'>";
    const SvgRootSize size = svg_root_size(as_bytes(text)).value_or(SvgRootSize());
    EXPECT_NEAR(size.width, c.width, 1e-6);
    EXPECT_NEAR(size.height, c.height, 1e-6);
  }
  EXPECT_FALSE(svg_root_size(as_bytes("<html><svg width='9' height='9'/></html>")));
  EXPECT_FALSE(svg_root_size(as_bytes("<svg width='9' height='9'")));
  EXPECT_FALSE(svg_root_size({}));
}

}  // namespace
}  // namespace imgring::image
