// Encodings of SVGs: what becomes UTF-8, and what is refused.
#include "imgring/svg/encoding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "imgring/base/text.h"
#include "imgring/mem/gzip.h"
#include "imgring/svg/svg.h"
#include "sanitized.h"

namespace imgring::svg {
namespace {

using test::sanitized;

// Characters of ASCII in two bytes each behind the mark; \xE9 stays one of Latin-1.
std::string utf16(const std::string& latin, bool big) {
  std::string out = big ? "\xFE\xFF" : "\xFF\xFE";
  for (const char c : latin) {
    if (big) out.push_back('\0');
    out.push_back(c);
    if (!big) out.push_back('\0');
  }
  return out;
}

std::string declared(const std::string& encoding, const std::string& title) {
  return "<?xml version='1.0' encoding='" + encoding + "'?><svg><title>" + title + "</title></svg>";
}
std::string in_utf8(const std::string& title) {
  return "<?xml version='1.0' encoding='UTF-8'?>\n<svg><title>" + title + "</title></svg>";
}

TEST(SanitizeSvg, OtherEncodingsBecomeUtf8) {
  EXPECT_EQ(sanitized(declared("windows-1252", "\x80\xE9")), in_utf8("\u20AC\u00E9"));
  EXPECT_EQ(sanitized(declared("ISO-8859-1", "\xE9")), in_utf8("\u00E9"));
  EXPECT_EQ(sanitized(declared("Windows-1251", "\xCF")), in_utf8("\u041F"));
  EXPECT_EQ(sanitized(declared("windows-1252", "a\x81")), in_utf8("a\uFFFD"));
  EXPECT_EQ(sanitized(declared("utf-16", "\u00E9")), in_utf8("\u00E9"));
  EXPECT_EQ(sanitized("\xEF\xBB\xBF" + declared("windows-1252", "\u00E9")), in_utf8("\u00E9"));
  EXPECT_EQ(sanitized("<svg><title>\u00E9</title></svg>"), "<svg><title>\u00E9</title></svg>");
  for (const bool big : {false, true}) {
    EXPECT_EQ(sanitized(utf16(declared("UTF-16", "\xE9<script>a</script>"), big)),
              in_utf8("\u00E9"));
    EXPECT_EQ(sanitized(utf16("<svg><g onload='a'/></svg>", big)), "<svg><g/></svg>");
  }
  // What expat and others would decode once more.
  EXPECT_EQ(sanitized(declared("utf-7", "+ADw-script+AD4-")), in_utf8("+ADw-script+AD4-"));
}

struct Labelled {
  const char *labels, *bytes, *text;  // a space between two labels
};
// One character, or few, that the encodings tell apart.
constexpr Labelled kLabelled[] = {
    {"iso8859-1 iso_8859-1 iso-ir-100 l1 cp819 ascii us-ascii x-cp1252", "\x80", "\u20AC"},
    {"windows-1250 cp1250 x-cp1250", "\x8A", "\u0160"},
    {"cp1251 x-cp1251", "\xCF", "\u041F"},
    {"windows-1253 cp1253", "\xE1", "\u03B1"},
    {"windows-1254 cp1254 iso-8859-9 iso8859-9 latin5 l5", "\x80\xFD", "\u20AC\u0131"},
    {"windows-1255 cp1255", "\xE0", "\u05D0"},
    {"windows-1256 cp1256", "\x81", "\u067E"},
    {"windows-1257 cp1257", "\xA8", "\u00D8"},
    {"windows-1258 cp1258", "\xFD", "\u01B0"},
    {"windows-874 dos-874 tis-620 iso-8859-11", "\xA1\x80", "\u0E01\u20AC"},
    {"iso-8859-2 iso8859-2 iso_8859-2:1987 latin2 l2 csisolatin2", "\xA1", "\u0104"},
    {"iso-8859-3 latin3", "\xA1", "\u0126"},
    {"iso-8859-4 latin4", "\xA2", "\u0138"},
    {"iso-8859-5 cyrillic", "\xB0", "\u0410"},
    {"iso-8859-6 arabic asmo-708", "\xC7", "\u0627"},
    {"iso-8859-7 greek elot_928 sun_eu_greek", "\xE1", "\u03B1"},
    {"iso-8859-8 hebrew visual iso-8859-8-i logical", "\xE0", "\u05D0"},
    {"iso-8859-10 latin6", "\xA2", "\u0112"},
    {"iso-8859-13", "\xA8", "\u00D8"},
    {"iso-8859-14", "\xA1", "\u1E02"},
    {"iso-8859-15 l9", "\xA4", "\u20AC"},
    {"iso-8859-16", "\xA4", "\u20AC"},
    {"koi8-r koi koi8", "\xC1", "\u0430"},
    {"koi8-u koi8-ru", "\xA4", "\u0454"},
    {"ibm866 cp866 866", "\x80", "\u0410"},
    {"macintosh mac x-mac-roman", "\x80", "\u00C4"},
    {"x-mac-cyrillic", "\x80", "\u0410"},
    {"shift_jis SJIS x-sjis windows-31j ms_kanji", "\x87\x40\\~", "\u2460\\~"},
    {"euc-jp x-euc-jp", "\xAD\xA1", "\u2460"},
    {"gbk gb2312 gb_2312-80 chinese x-gbk", "\xD6\xD0", "\u4E2D"},
    {"gb18030", "\xD6\xD0", "\u4E2D"},
    {"big5 big5-hkscs x-x-big5", "\xA4\xA4", "\u4E2D"},
    {"euc-kr ks_c_5601-1987 windows-949 korean", "\x81\x41\xB0\xA1", "\uAC02\uAC00"},
    {"unicode-1-1-utf-8", "\xC3\xA9", "\u00E9"},
};

TEST(SanitizeSvg, KnowsTheLabelsOfTheWhatwg) {
  for (const Labelled& c : kLabelled) {
    std::istringstream labels(c.labels);
    for (std::string label; labels >> label;) {
      EXPECT_EQ(sanitized(declared(label, c.bytes)), in_utf8(c.text)) << label;
    }
  }
}

Result<std::optional<std::string>> in_utf8_of(const std::string& source) {
  const StopFlag never;
  SvgWork work(never);
  return svg_to_utf8(as_bytes(source), &work);
}

TEST(SvgEncodings, AreNamedOnceAndEachLabelToo) {
  std::set<std::string> names, labels;
  for (const SvgEncoding& encoding : kSvgEncodings) {
    EXPECT_TRUE(names.insert(encoding.name).second) << encoding.name;
    std::istringstream words{std::string(encoding.labels)};
    for (std::string label; words >> label;) {
      EXPECT_TRUE(labels.insert(label).second) << label;
      EXPECT_EQ(label, to_lower(label));
      EXPECT_TRUE(in_utf8_of(declared(label, "a")).has_value()) << label;
    }
  }
}

// glibc joins a letter and the accent behind it; a letter at the end was lost, and one before what
// is no character would have come behind it.
TEST(SvgEncodings, LettersThatWaitForAnAccentKeepTheirPlace) {
  const std::string head = "<?xml version='1.0' encoding='";
  for (const auto& [bytes, text] :
       {std::pair("a\xCC ", "\u00E0 "), std::pair("b\x8Az", "b\uFFFDz"), std::pair("a", "a")}) {
    const std::string source = head + "windows-1258'?>" + bytes;
    const auto out = in_utf8_of(source);
    ASSERT_TRUE(out.has_value() && out->has_value()) << text;
    EXPECT_EQ(**out, head + "UTF-8'?>" + text);
  }
}

TEST(SanitizeSvg, EncodingsNobodyKnowsAreRefused) {
  using namespace std::string_literals;
  for (const std::string& in :
       {declared("x-user-defined", "a"), declared("ISO-2022-KR", "a"), declared("ebcdic", "a"),
        declared("iso-2022-jp", "a"), declared("hz-gb-2312", "a"), declared("latin1 l1", "a"),
        declared("latin", "a"), declared(" ", "a"), "\xFF\xFE\0\0<\0\0\0s\0\0\0"s,
        "\0<\0s\0v\0g"s}) {
    const auto out = sanitize_svg(as_bytes(in));
    ASSERT_FALSE(out.has_value()) << *out;
    EXPECT_EQ(out.error().code, ErrorCode::kBrokenSvg);
  }
}

}  // namespace
}  // namespace imgring::svg
