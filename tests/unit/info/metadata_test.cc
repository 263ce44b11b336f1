// Tests of src/info/exif.cc, iptc.cc, xmp.cc and json.cc.
#include "imgring/info/metadata.h"

#include <gtest/gtest.h>

#include <string>

#include "imgring/info/blocks.h"

namespace imgring::info {
namespace {

// Made by PyPI's piexif 1.1.3: two directories with a place, a maker's note, and a thumbnail's
// directory; the artist in Latin-1.
constexpr std::string_view kExifHex =
    "4578696600004d4d002a000000080007010f0002000000080000006201100002000000060000006a01120003"
    "0000000100060000013200020000001400000070013b00020000000500000084876900040000000100000089"
    "8825000400000001000000f100000000496d6772696e6700426f78203100323032343a30353a30362030373a"
    "30383a3039004afc7267000005829a000500000001000000c7829d000500000001000000cf88270003000000"
    "0100c800009003000200000014000000d7927c000700000006000000eb000000010000007d0000001c000000"
    "0a323032343a30353a30362030373a30383a313000736563726574000200010002000000024e000000000200"
    "05000000030000010b00000034000000010000001e000000010000000000000001";

std::string exif_block() { return *hex_decode(kExifHex); }

TEST(Exif, NamesAndValuesAreThoseOfLibexif) {
  const std::string block = exif_block();
  const std::string text = exif_json(as_bytes(block), false).write();
  EXPECT_EQ(text,
            R"x({"Manufacturer":"Imgring","Model":"Box 1","Orientation":"Right-top",)x"
            R"x("Date and Time":"2024:05:06 07:08:09","Artist":"Jürg","Exposure Time":)x"
            R"x("1/125 sec.","F-Number":"f/2.8","ISO Speed Ratings":"200",)x"
            R"x("Date and Time (Original)":"2024:05:06 07:08:10","North or South Latitude":"N",)x"
            R"x("Latitude":"52, 30,  0"})x")
      << text;
}

TEST(Exif, CanonicalNames) {
  const std::string block = exif_block();
  const Json json = exif_json(as_bytes(block).subspan(6), true);  // without "Exif"
  for (const char* name : {"Make", "Model", "DateTimeOriginal", "FNumber", "GPSLatitude"}) {
    EXPECT_TRUE(json.has(name)) << name;
  }
  EXPECT_FALSE(json.has("MakerNote"));
}

TEST(Exif, WhatIsNoneIsEmpty) {
  EXPECT_EQ(exif_json({}, false).write(), "{}");
  EXPECT_EQ(exif_json(as_bytes("no exif at all"), false).write(), "{}");
  const std::string block = exif_block();
  for (std::size_t size = 0; size < block.size(); ++size) {
    static_cast<void>(exif_json(as_bytes(block).first(size), size % 2 == 0));
  }
}

TEST(Exif, ReadsTheFirst64KiBytes) {
  std::string block = exif_block();
  block.resize(kExifBlockBytesMax * 3, '\0');
  EXPECT_EQ(exif_json(as_bytes(block), true).size(), 11u);
}

// A TIFF file is such a block, with pixels; bytes that are not there are not read.
TEST(Exif, OfTiffIsTheFilesOwn) {
  const std::string block = exif_block();
  const ByteSpan file = as_bytes(block).subspan(6);
  const std::string copied = metadata_blocks(file, ImageType::kTiff).exif;
  EXPECT_EQ(exif_json(as_bytes(copied), false).write(), exif_json(file, false).write());
  for (std::size_t size = 0; size < file.size(); ++size) {
    static_cast<void>(metadata_blocks(file.first(size), ImageType::kTiff));
  }
}

// ---- IPTC

std::string dataset(int record, int tag, std::string_view value) {
  std::string out = {'\x1C', static_cast<char>(record), static_cast<char>(tag),
                     static_cast<char>(value.size() >> 8), static_cast<char>(value.size())};
  return out.append(value);
}

TEST(Iptc, TitlesListsAndNumbers) {
  using namespace std::string_literals;
  const std::string block = dataset(1, 90, "\x1B%G") + dataset(2, 0, "\0\4"s) +
                            dataset(2, 5, "Name") + dataset(2, 25, "one") + dataset(2, 25, "two") +
                            dataset(2, 120, "Caption \xFC") + dataset(2, 80, "Alone") +
                            dataset(2, 90, "Ulm") + dataset(2, 90, "Bern");
  EXPECT_EQ(iptc_json(as_bytes(block)).write(),
            "{\"Coded Character Set\":\"GyVH\",\"Record Version\":4,\"Object Name\":\"Name\","
            "\"Name\":\"Name\",\"Keywords\":[\"one\",\"two\"],"
            "\"Caption/Abstract\":\"Caption ü\",\"Caption\":\"Caption ü\","
            "\"By-line\":[\"Alone\"],\"City\":\"Bern\"}");
}

TEST(Iptc, LeavesOutWhatItDoesNotKnow) {
  const std::string block = "garbage" + dataset(2, 15, "four") + dataset(2, 222, "x") +
                            dataset(7, 10, "x") + dataset(2, 10, "12") + dataset(2, 110, "me");
  EXPECT_EQ(iptc_json(as_bytes(block)).write(), "{\"Credit\":\"me\"}");
  EXPECT_EQ(iptc_json(as_bytes(dataset(2, 110, "cut").substr(0, 7))).write(), "{}");
  EXPECT_EQ(iptc_json(as_bytes("\x1C\x02\x6E\x80\x04\x7F\xFF\xFF\xFF")).write(), "{}");
}

TEST(Iptc, CountsItsValues) {
  std::string block;
  for (std::size_t i = 0; i < kIptcValuesMax + 100; ++i) block += dataset(2, 25, "k");
  const Json json = iptc_json(as_bytes(block));
  EXPECT_EQ(json.find("Keywords")->size(), kIptcValuesMax);
}

std::string resource(int id, std::string_view name, std::string_view data) {
  std::string out = "8BIM";
  out += {static_cast<char>(id >> 8), static_cast<char>(id), static_cast<char>(name.size())};
  out += name;
  if (name.size() % 2 == 0) out += '\0';
  out += {0, 0, static_cast<char>(data.size() >> 8), static_cast<char>(data.size())};
  out += data;
  if (data.size() % 2 != 0) out += '\0';
  return out;
}

TEST(Photoshop, ResolutionAndDatasets) {
  using namespace std::string_literals;
  const std::string resolution("\0\xF0\0\0\0\1\0\1\0\x48\x80\0\0\2\0\2"s);
  const std::string block = resource(0x03E9, "odd", "abc") + resource(0x03ED, "", resolution) +
                            resource(0x0404, "", dataset(2, 110, "me"));
  const PhotoshopBlock found = photoshop_block(as_bytes(block));
  EXPECT_EQ(iptc_json(found.iptc).write(), "{\"Credit\":\"me\"}");
  EXPECT_EQ(photoshop_json(found.resolution).write(),
            "{\"resolution\":{\"XResolution\":240,\"XResolutionUnit\":\"inches\","
            "\"WidthUnit\":\"inches\",\"YResolution\":72.5,\"YResolutionUnit\":\"cm\","
            "\"HeightUnit\":\"cm\"}}");
  EXPECT_EQ(photoshop_json({}).write(), "{}");
  for (std::size_t size = 0; size < block.size(); ++size) {
    static_cast<void>(photoshop_block(as_bytes(block).first(size)));
  }
}

// ---- XMP

std::string packet(std::string_view description) {
  return "<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'>"
         "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' "
         "xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:p='http://ns.adobe.com/photoshop/1.0/' "
         "xmlns:stRef='http://ns.adobe.com/xap/1.0/sType/ResourceRef#' "
         "xmlns:m='http://ns.adobe.com/xap/1.0/mm/'>" +
         std::string(description) + "</rdf:RDF></x:xmpmeta><?xpacket end='w'?>";
}
std::string xmp_text(std::string_view description) {
  return xmp_json(as_bytes(packet(description))).write();
}

TEST(Xmp, AttributesAndElementsAlike) {
  EXPECT_EQ(xmp_text("<rdf:Description rdf:about='' p:City='Ulm &amp; um'/>"),
            R"({"p":{"City":"Ulm & um"}})");
  EXPECT_EQ(xmp_text("<rdf:Description rdf:about=''><p:City> Ulm\n</p:City></rdf:Description>"),
            R"({"p":{"City":"Ulm"}})");
  EXPECT_EQ(xmp_text("<rdf:Description p:A='1'/><rdf:Description p:B='2' dc:format='image/jpeg'/>"),
            R"({"p":{"A":"1","B":"2"},"dc":{"format":"image/jpeg"}})");
}

TEST(Xmp, ListsAndAlternatives) {
  EXPECT_EQ(
      xmp_text("<rdf:Description><dc:subject><rdf:Bag><rdf:li>a</rdf:li><rdf:li>b</rdf:li>"
               "</rdf:Bag></dc:subject><dc:creator><rdf:Seq><rdf:li>me</rdf:li></rdf:Seq>"
               "</dc:creator><dc:title><rdf:Alt><rdf:li xml:lang='de'>x</rdf:li>"
               "<rdf:li xml:lang='x-default'>y</rdf:li><rdf:li>z</rdf:li></rdf:Alt></dc:title>"
               "<dc:rights><rdf:Alt><rdf:li xml:lang='de'>r</rdf:li><rdf:li>s</rdf:li>"
               "</rdf:Alt></dc:rights><dc:language><rdf:Alt/></dc:language>"
               "</rdf:Description>"),
      R"({"dc":{"subject":["a","b"],"creator":["me"],"title":"y","rights":"r",)"
      R"("language":""}})");
}

TEST(Xmp, Structures) {
  const std::string_view expected = R"({"m":{"DerivedFrom":{"instanceID":"i","documentID":"d"}}})";
  EXPECT_EQ(xmp_text("<rdf:Description><m:DerivedFrom stRef:instanceID='i' stRef:documentID='d'/>"
                     "</rdf:Description>"),
            expected);
  EXPECT_EQ(xmp_text("<rdf:Description><m:DerivedFrom rdf:parseType='Resource'><stRef:instanceID>i"
                     "</stRef:instanceID><stRef:documentID>d</stRef:documentID></m:DerivedFrom>"
                     "</rdf:Description>"),
            expected);
  EXPECT_EQ(xmp_text("<rdf:Description><m:DerivedFrom><rdf:Description stRef:instanceID='i'>"
                     "<stRef:documentID>d</stRef:documentID></rdf:Description></m:DerivedFrom>"
                     "</rdf:Description>"),
            expected);
  EXPECT_EQ(xmp_text("<rdf:Description><m:History><rdf:Seq><rdf:li stRef:instanceID='1'/>"
                     "<rdf:li rdf:parseType='Resource'><stRef:instanceID>2</stRef:instanceID>"
                     "</rdf:li></rdf:Seq></m:History><m:Link rdf:resource='http://h/'/>"
                     "</rdf:Description>"),
            R"({"m":{"History":[{"instanceID":"1"},{"instanceID":"2"}],"Link":"http://h/"}})");
}

TEST(Xmp, RefusesWhatIsNoPacket) {
  EXPECT_EQ(xmp_json({}).write(), "{}");
  EXPECT_EQ(xmp_json(as_bytes("text")).write(), "{}");
  EXPECT_EQ(xmp_json(as_bytes("<a><b></a>")).write(), "{}");
  EXPECT_EQ(xmp_text("<rdf:Description p:City='Ulm'"), "{}");
  const std::string with_type =
      "<!DOCTYPE x [<!ENTITY a 'b'>]>" + packet("<rdf:Description p:City='Ulm'/>").substr(55);
  EXPECT_EQ(xmp_json(as_bytes(with_type)).write(), "{}");
}

TEST(Xmp, Limits) {
  const auto nested = [](int depth) {
    std::string open = "<rdf:Description>", close;
    for (int i = 0; i < depth; ++i) open += "<p:A>";
    for (int i = 0; i < depth; ++i) close += "</p:A>";
    return xmp_text(open + close + "</rdf:Description>");
  };
  EXPECT_NE(nested(kXmpDepthMax - 3), "{}");
  EXPECT_EQ(nested(kXmpDepthMax - 2), "{}");
  const auto many = [](int count) {
    std::string items;
    for (int i = 0; i < count; ++i) items += "<rdf:li/>";
    return xmp_text("<rdf:Description><dc:subject><rdf:Bag>" + items +
                    "</rdf:Bag></dc:subject></rdf:Description>");
  };
  EXPECT_NE(many(kXmpValuesMax - 100), "{}");
  EXPECT_EQ(many(kXmpValuesMax), "{}");
  const std::string large(kXmpBlockBytesMax, 'x');
  EXPECT_EQ(xmp_text("<rdf:Description p:City='" + large + "'/>"), "{}");
}

TEST(Json, EscapesAndKeepsOrder) {
  Json out = Json::object();
  out.set("b", Json::text("\"\\\n\x01\xFF"));
  out.set("a", Json::array());
  out.find("a")->add(Json::number(-1));
  out.find("a")->add(Json::real(0.5));
  out.set("b", Json::boolean(true));
  out.set("c\"", Json::boolean(false));
  EXPECT_EQ(out.write(), R"({"b":"\"\\\n\u0001\ufffd","a":[-1,0.5],"c\"":false})");
}

}  // namespace
}  // namespace imgring::info
