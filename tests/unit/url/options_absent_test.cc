// Options of models and videos.
#include <gtest/gtest.h>

#include "helpers.h"

namespace imgring::url {
namespace {

// Off, or of no effect on a picture, they change nothing.
TEST(Options, OfModelsAndVideosWhatIsOffIsTaken) {
  for (const std::string_view written :
       {"op:no:1:2",      "op:ce::", "op:prop",   "op:fp:0.5:0.5", "objects_position:soea",
        "vts:1.5",        "vts:",    "vtk:1",     "vtk:f",         "bd:0",
        "bd:0:face",      "bd:",     "dd:0",      "dd:f:face:car", "dd:",
        "crop_objects:0", "c_obj:",  "co:0:face", "vtt:0",         "vtt::::",
        "vtt:0:1:2:3:4",  "vta:0"}) {
    EXPECT_EQ(described(std::string(written) + "/w:5"), "width=5") << written;
  }
  for (const std::string_view written :
       {"op:what", "op:prop:1", "op:sm", "op:fp:2:2", "vts:-1", "vts:nan", "bd:x", "bd:-1",
        "c_obj:nan", "vtt:x", "vts:1:2"}) {
    EXPECT_EQ(described(std::string(written) + "/w:5").substr(0, 3), "404") << written;
  }
}

// PDF and MP4 are results of imgproxy's paid edition; PSD and RAW are sources there and no more, so
// that a URL that wants them is as wrong as one that wants `what`, left out or not.
TEST(Options, OfFormatsThatAreNoResults) {
  config::Config lenient;
  lenient.url.unsupported_options = config::UnsupportedOptions::kIgnore;
  for (const std::string_view format : {"psd", "raw", "what"}) {
    SCOPED_TRACE(format);
    const std::string option = "f:" + std::string(format), refusal = "404 option f: \"";
    EXPECT_TRUE(described(option).starts_with(refusal)) << described(option);
    EXPECT_TRUE(described(option, lenient).starts_with(refusal)) << described(option, lenient);
    const auto extension = parse("w:5/plain/local:///a.png@" + std::string(format), lenient);
    ASSERT_FALSE(extension.has_value());
    EXPECT_EQ(extension.error().status(), 404);
  }
  for (const std::string_view option : {"f:pdf", "f:mp4"}) {
    EXPECT_EQ(described(std::string(option) + "/w:5", lenient), "width=5") << option;
  }
}

}  // namespace
}  // namespace imgring::url
