// What strip_metadata leaves, and the blocks it rewrites.
#include "imgring/image/metadata.h"

#include <gtest/gtest.h>

#include <string>

#include "imgring/image/loader.h"
#include "test_images.h"

namespace imgring::image::test {
namespace {

std::string blob(VipsImage* image, const char* field) {
  const void* data = nullptr;
  std::size_t size = 0;
  if (!has_field(image, field) || vips_image_get_blob(image, field, &data, &size) != 0) return {};
  return {static_cast<const char*>(data), size};
}

// A JPEG with everything in it, decoded.
VipsImagePtr rich_picture() {
  const VipsImagePtr plain = picture(60, 40, 3);
  for (const char* tag : {"Copyright", "Artist", "Make", "Software"}) {
    vips_image_set_string(plain.get(), (std::string("exif-ifd0-") + tag).c_str(), tag);
  }
  vips_image_set_string(plain.get(), "exif-ifd3-GPSLatitude", "1/1 2/1 3/1");
  vips_image_set_int(plain.get(), "orientation", 6);
  set_blob(plain.get(), VIPS_META_ICC_NAME, srgb_profile());
  const std::string jpeg = saved_by_vips(plain.get(), ".jpg");
  static std::string kept;  // the decoded image reads from it
  kept = jpeg;
  VipsImagePtr image = decoded(bytes_of(kept));
  VipsImage* copy = nullptr;
  EXPECT_EQ(vips_copy(image.get(), &copy, nullptr), 0);
  return VipsImagePtr(copy);
}

TEST(Metadata, StripLeavesProfileAndCopyright) {
  const VipsImagePtr image = rich_picture();
  ASSERT_TRUE(has_field(image.get(), "exif-ifd0-Make"));
  strip_metadata(image.get(), {.keep_copyright = true});
  EXPECT_TRUE(has_field(image.get(), VIPS_META_ICC_NAME));
  EXPECT_TRUE(has_field(image.get(), "exif-ifd0-Copyright"));
  EXPECT_TRUE(has_field(image.get(), "exif-ifd0-Artist"));
  EXPECT_FALSE(has_field(image.get(), "exif-ifd0-Make"));
  EXPECT_FALSE(has_field(image.get(), "orientation"));
  EXPECT_NEAR(vips_image_get_xres(image.get()), 72 / 25.4, 1e-9);
  const std::string exif = blob(image.get(), VIPS_META_EXIF_NAME);
  EXPECT_NE(exif.find("Copyright"), std::string::npos);
  EXPECT_NE(exif.find("Artist"), std::string::npos);
  EXPECT_EQ(exif.find("Make"), std::string::npos);
  // Nothing else may be left, or the pull encoders would hand over to the slower savers.
  char** names = vips_image_get_fields(image.get());
  for (char** name = names; *name != nullptr; ++name) {
    const std::string_view field = *name;
    EXPECT_TRUE(!field.starts_with("exif-ifd") || field == "exif-ifd0-Copyright" ||
                field == "exif-ifd0-Artist")
        << field;
  }
  g_strfreev(names);
}

TEST(Metadata, WithoutCopyrightNoExifIsLeft) {
  const VipsImagePtr image = rich_picture();
  strip_metadata(image.get(), {.keep_copyright = false});
  for (const char* field : {VIPS_META_EXIF_NAME, "exif-ifd0-Copyright", "exif-ifd0-Artist",
                            "exif-ifd3-GPSLatitude", "orientation"}) {
    EXPECT_FALSE(has_field(image.get(), field)) << field;
  }
  EXPECT_TRUE(has_field(image.get(), VIPS_META_ICC_NAME));
}

TEST(Metadata, NothingButCopyrightReachesAnyFormat) {
  for (int t = 1; t < kImageTypeCount; ++t) {
    const auto type = static_cast<ImageType>(t);
    if (type == ImageType::kSvg || !can_save(type)) continue;
    SCOPED_TRACE(facts_of(type).name);
    const VipsImagePtr image = rich_picture();
    strip_metadata(image.get(), {.keep_copyright = true});
    const auto bytes = save(image.get(), type, SaveParams{}, StopFlag{});
    ASSERT_TRUE(bytes.has_value()) << bytes.error().detail;
    EXPECT_EQ(text_of(*bytes).find("Make"), std::string::npos);
    const auto back = load(bytes->span(), type, {});
    ASSERT_TRUE(back.has_value());
    EXPECT_FALSE(has_field(back->get(), "exif-ifd3-GPSLatitude"));
    EXPECT_FALSE(has_field(back->get(), "exif-ifd0-Software"));
  }
}

TEST(Metadata, AnimationFieldsStayOnlyWhenAsked) {
  for (const bool animated : {false, true}) {
    const VipsImagePtr image = picture(10, 20, 3);
    const int delays[] = {1, 2};
    vips_image_set_int(image.get(), "page-height", 10);
    vips_image_set_int(image.get(), "loop", 1);
    vips_image_set_int(image.get(), "n-pages", 2);
    vips_image_set_array_int(image.get(), "delay", delays, 2);
    vips_image_set_int(image.get(), "palette-bit-depth", 4);
    strip_metadata(image.get(), {.keep_copyright = true, .animated = animated});
    for (const char* field : {"page-height", "loop", "n-pages", "delay"}) {
      EXPECT_EQ(has_field(image.get(), field), animated) << field;
    }
    EXPECT_TRUE(has_field(image.get(), "palette-bit-depth"));
  }
}

std::string record(int record_id, int tag, const std::string& text) {
  return std::string("\x1c") + static_cast<char>(record_id) + static_cast<char>(tag) + '\0' +
         static_cast<char>(text.size()) + text;
}
std::string photoshop(const std::string& iptc) {
  std::string block("Photoshop 3.0\0", 14);
  block += std::string("8BIM\x03\xed\0\0\0\0\0\2xx", 14);  // a resource before it
  block += std::string("8BIM\x04\x04\0\0\0\0\0", 11) + static_cast<char>(iptc.size());
  return block + iptc + (iptc.size() % 2 != 0 ? std::string(1, '\0') : "");
}
std::string stripped(const char* field, const std::string& bytes) {
  const VipsImagePtr image = picture(4, 4, 3);
  set_blob(image.get(), field, bytes);
  strip_metadata(image.get(), {.keep_copyright = true});
  return blob(image.get(), field);
}

TEST(Metadata, IptcKeepsByLineCreditAndCopyright) {
  const std::string by = record(2, 80, "Ann"), credit = record(2, 110, "C");
  const std::string note = record(2, 116, "N"), headline = record(2, 105, "Headline");
  const std::string other_record = record(1, 90, "x");
  const std::string out =
      stripped(VIPS_META_IPTC_NAME, photoshop(other_record + by + headline + credit + note));
  const std::string kept = other_record + by + credit + note;
  EXPECT_NE(out.find(kept), std::string::npos);
  EXPECT_EQ(out.find("Headline"), std::string::npos);
  EXPECT_EQ(out.find("\x03\xed"), std::string::npos);
  EXPECT_EQ(out.size() % 2, 0u);
  EXPECT_EQ(stripped(VIPS_META_IPTC_NAME, out), out);
}

TEST(Metadata, IptcWithNothingToKeepOrBrokenGoes) {
  const std::string good = photoshop(record(2, 80, "Ann"));
  const std::string cases[] = {"",
                               "x",
                               photoshop(""),
                               photoshop(record(2, 105, "Headline")),
                               good.substr(0, 14),
                               good.substr(0, 33),
                               good.substr(1),
                               photoshop(std::string("\x1c\x02\x50\xff\xff", 5)),
                               photoshop(std::string("\x1c\x02\x50\x80\x04\xff\xff\xff\xff", 9))};
  for (const std::string& bytes : cases) EXPECT_EQ(stripped(VIPS_META_IPTC_NAME, bytes), "");
}

std::string xmp(const std::string& attributes, const std::string& properties) {
  return "<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'>"
         "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description "
         "rdf:about='' xmlns:dc='http://purl.org/dc/elements/1.1/' "
         "xmlns:xmp='http://ns.adobe.com/xap/1.0/' "
         "xmlns:r='http://ns.adobe.com/xap/1.0/rights/' " +
         attributes + ">" + properties +
         "</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>";
}

TEST(Metadata, XmpKeepsRightsByNamespaceNotByPrefix) {
  const std::string out = stripped(
      VIPS_META_XMP_NAME,
      xmp("xmp:Rating='4' r:Owner='me &amp; you'",
          "<dc:rights><rdf:Alt><rdf:li xml:lang='x-default'>All &lt;mine&gt;</rdf:li></rdf:Alt>"
          "</dc:rights><dc:title>T</dc:title><xmp:CreatorTool>tool</xmp:CreatorTool>"));
  for (const char* there : {"<dc:rights>", "All &lt;mine&gt;", "me &amp; you", "xml:lang"}) {
    EXPECT_NE(out.find(there), std::string::npos) << there << " in " << out;
  }
  for (const char* gone : {"Rating", "title", "CreatorTool", "tool"}) {
    EXPECT_EQ(out.find(gone), std::string::npos) << gone;
  }
}

TEST(Metadata, XmpWithNothingToKeepOrBrokenGoes) {
  const std::string good = xmp("", "<dc:rights>x</dc:rights>");
  ASSERT_NE(stripped(VIPS_META_XMP_NAME, good), "");
  const std::string cases[] = {
      "x",
      xmp("", ""),
      xmp("xmp:Rating='1'", "<dc:title>t</dc:title>"),
      good.substr(0, good.size() / 2),
      "<!DOCTYPE x [<!ENTITY a 'aaaa'>]>" + good.substr(good.find("<x:")),
      "<dc:rights xmlns:dc='http://example.com/'>not the namespace</dc:rights>"};
  for (const std::string& bytes : cases) {
    EXPECT_EQ(stripped(VIPS_META_XMP_NAME, bytes), "") << bytes;
  }
}

// A copyright sign is no ASCII; the camera's own bytes stay.
// As most programs write it; libvips takes it for something else.
TEST(Metadata, XmpInItsWrapperIsFoundInAvif) {
  if (!can_save(ImageType::kAvif)) GTEST_SKIP() << "no encoder of AVIF";
  const std::string packet =
      "<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
      "<?xpacket end='w'?>";
  const VipsImagePtr plain = picture(60, 40, 3);
  set_blob(plain.get(), VIPS_META_XMP_NAME, packet);
  const std::string file = saved_by_vips(plain.get(), ".avif");
  const auto loaded = load(as_bytes(file), ImageType::kAvif, {});
  ASSERT_TRUE(loaded.has_value());
  EXPECT_EQ(blob(loaded->get(), VIPS_META_XMP_NAME), packet);
}

TEST(Metadata, BytesOfTheCopyrightStayAsTheyWere) {
  const VipsImagePtr image = picture(8, 8, 3);
  const std::string entry("\x82\x98\0\2\0\0\0\x06\0\0\0\x1a", 12);
  const std::string tiff = std::string("MM\0*\0\0\0\x08\0\1", 10) + entry + std::string(4, '\0') +
                           std::string("\xa9 Ann\0", 6);
  set_blob(image.get(), VIPS_META_EXIF_NAME, std::string("Exif\0\0", 6) + tiff);
  vips_image_set_string(image.get(), "exif-ifd0-Copyright",
                        "? Ann (? Ann, ASCII, 6 components, 6 bytes)");
  strip_metadata(image.get(), {.keep_copyright = true});
  EXPECT_NE(blob(image.get(), VIPS_META_EXIF_NAME).find("\xa9 Ann"), std::string::npos);
}

}  // namespace
}  // namespace imgring::image::test
