// An SVG's encoding, settled once: what is checked, sanitised and drawn is the same UTF-8.
// Plain functions over spans, any thread (the C library may read a file of its own: no loop).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "imgring/base/error.h"
#include "imgring/base/text.h"
#include "imgring/svg/work.h"

namespace imgring::svg {

// The encodings that are known beside UTF-8 and UTF-16, by the labels of the WHATWG, which are
// imgproxy's: all but those with states (iso-2022-jp), of two bytes without a mark (ucs-2), and
// x-user-defined.
struct SvgEncoding {
  const char* name;         // iconv's, glibc's; each once, since a child loads them all
  std::string_view labels;  // lower case, a space between two
};
inline constexpr SvgEncoding kSvgEncodings[] = {
    {"UTF-8", "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 x-unicode20utf8"},
    {"WINDOWS-1252",
     "windows-1252 ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 "
     "iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii x-cp1252"},
    {"WINDOWS-1250", "windows-1250 cp1250 x-cp1250"},
    {"WINDOWS-1251", "windows-1251 cp1251 x-cp1251"},
    {"WINDOWS-1253", "windows-1253 cp1253 x-cp1253"},
    {"WINDOWS-1254",
     "windows-1254 cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 "
     "iso_8859-9:1989 l5 latin5 x-cp1254"},
    {"WINDOWS-1255", "windows-1255 cp1255 x-cp1255"},
    {"WINDOWS-1256", "windows-1256 cp1256 x-cp1256"},
    {"WINDOWS-1257", "windows-1257 cp1257 x-cp1257"},
    {"WINDOWS-1258", "windows-1258 cp1258 x-cp1258"},
    {"WINDOWS-874", "windows-874 dos-874 iso-8859-11 iso8859-11 iso885911 tis-620"},
    {"ISO-8859-2",
     "iso-8859-2 csisolatin2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2"},
    {"ISO-8859-3",
     "iso-8859-3 csisolatin3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3"},
    {"ISO-8859-4",
     "iso-8859-4 csisolatin4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4"},
    {"ISO-8859-5",
     "iso-8859-5 csisolatincyrillic cyrillic iso-ir-144 iso8859-5 iso88595 iso_8859-5 "
     "iso_8859-5:1988"},
    {"ISO-8859-6",
     "iso-8859-6 arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6-e "
     "iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987"},
    {"ISO-8859-7",
     "iso-8859-7 csisolatingreek ecma-118 elot_928 greek greek8 iso-ir-126 iso8859-7 iso88597 "
     "iso_8859-7 iso_8859-7:1987 sun_eu_greek"},
    {"ISO-8859-8",
     "iso-8859-8 csiso88598e csisolatinhebrew hebrew iso-8859-8-e iso-ir-138 iso8859-8 iso88598 "
     "iso_8859-8 iso_8859-8:1988 visual csiso88598i iso-8859-8-i logical"},
    {"ISO-8859-10", "iso-8859-10 csisolatin6 iso-ir-157 iso8859-10 iso885910 l6 latin6"},
    {"ISO-8859-13", "iso-8859-13 iso8859-13 iso885913"},
    {"ISO-8859-14", "iso-8859-14 iso8859-14 iso885914"},
    {"ISO-8859-15", "iso-8859-15 csisolatin9 iso8859-15 iso885915 iso_8859-15 l9"},
    {"ISO-8859-16", "iso-8859-16"},
    {"KOI8-R", "koi8-r cskoi8r koi koi8 koi8_r"},
    {"KOI8-U", "koi8-u koi8-ru"},
    {"IBM866", "ibm866 866 cp866 csibm866"},
    {"MACINTOSH", "macintosh csmacintosh mac x-mac-roman"},
    {"MAC-UK", "x-mac-cyrillic x-mac-ukrainian"},
    // With the characters of Windows, as the WHATWG has them; glibc's SHIFT_JIS has a yen for `\`.
    {"CP932", "shift_jis csshiftjis ms932 ms_kanji shift-jis sjis windows-31j x-sjis"},
    {"EUC-JP-MS", "euc-jp cseucpkdfmtjapanese x-euc-jp"},
    {"GBK", "gbk chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 iso-ir-58 x-gbk"},
    {"GB18030", "gb18030"},
    {"BIG5", "big5 big5-hkscs cn-big5 csbig5 x-x-big5"},
    {"UHC",
     "euc-kr cseuckr csksc56011987 iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 "
     "ksc_5601 windows-949"},
};

// nullopt: the source serves as it is. Else it in UTF-8, and its XML declaration says so. As in
// imgproxy a mark of the byte order counts first, `utf-` anything without one is UTF-8, and what is
// no character becomes U+FFFD. kBrokenSvg: an encoding nobody knows, or more than 10 MiB; kTimeout
// or kCancelled: the work's flag.
Result<std::optional<std::string>> svg_to_utf8(ByteSpan source, SvgWork* work);

}  // namespace imgring::svg
