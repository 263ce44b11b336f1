// Tests of the option table and the options' arguments: src/url/option_table.cc, options_*.cc,
// arguments.cc.
#include <algorithm>
#include <set>
#include <utility>

#include "helpers.h"
#include "imgring/url/option_table.h"

namespace imgring::url {
namespace {

struct GoodCase {
  std::string_view options, wanted;
};
// What an option list gives, as describe() says it.
// clang-format off: several cases a line
constexpr GoodCase kGoodCases[] = {
    {"w:300/h:20", "width=300 height=20"}, {"width:+50", "width=50"}, {"w:007", "width=7"},
    {"w:99999999999", "width=2147483647"}, {"w:300/w:0", ""},
    {"mw:1/mh:2", "min_width=1 min_height=2"},
    {"min-width:3/min-height:4", "min_width=3 min_height=4"},
    {"rs:fill:30:20", "resizing_type=fill width=30 height=20"},
    {"resize:auto", "resizing_type=auto"}, {"rs::30", "width=30"}, {"rs:", ""},
    {"rs:fill:20:20:x:y", "resizing_type=fill width=20 height=20"},
    {"rs:fit:10:10:1:1:no:1:2", "width=10 height=10 enlarge=true extend=no:1:2"},
    {"w:5/s::7", "width=5 height=7"}, {"s:1:2:3:1:no", "width=1 height=2 extend=no"},
    {"s:1:2:1::no", "width=1 height=2 enlarge=true"}, {"size:", ""},
    {"s:1:2:1:1:fp:.1:.2", "width=1 height=2 enlarge=true extend=fp:0.1:0.2"},
    {"rt:fill-down", "resizing_type=fill-down"}, {"resizing_type:force", "resizing_type=force"},
    {"z:2", "zoom_width=2 zoom_height=2"}, {"zoom:2:.5", "zoom_width=2 zoom_height=0.5"},
    {"dpr:+1.5", "dpr=1.5"}, {"dpr:.5", "dpr=0.5"}, {"dpr:1.", ""}, {"dpr:0_2", "dpr=2"},
    {"el:T", "enlarge=true"}, {"enlarge:1/el:0", ""}, {"el:2", ""},
    {"ex:1", "extend=ce"}, {"extend:1:soea:3:-4", "extend=soea:3:-4"}, {"ex:x", ""},
    {"ex:0:no", ""}, {"exar:1", "extend_aspect_ratio=ce"},
    {"extend_ar:t:we", "extend_aspect_ratio=we"},
    {"extend_aspect_ratio:1", "extend_aspect_ratio=ce"},
    {"g:sm", "gravity=sm"}, {"gravity:fp:1e-1:.9", "gravity=fp:0.1:0.9"},
    {"g:fp::", "gravity=fp:0:0"}, {"g:no:10:-20", "gravity=no:10:-20"},
    {"g:no:10:20/g:so", "gravity=so:10:20"}, {"g:no:10:20/g:ea::5", "gravity=ea:10:5"},
    {"g:no:10:20/g:sm/g:no", "gravity=no"}, {"g:ce", ""},
    {"c:50:40", "crop=50:40"}, {"crop:.5:0", "crop=0.5:0"}, {"c:50", "crop=50:0"},
    {"c:+50.9:+40:nowe:1:2", "crop=50:40:nowe:1:2"}, {"c:5:5:sm", "crop=5:5:sm"},
    {"t:10", "trim=10"}, {"trim:-1:fff:1:0", "trim=-1:ffffff trim_equal_hor=true"},
    {"t:10:ff0000/t:5", "trim=5"}, {"t:10:ff0000/t:5:", "trim=5"},
    {"t:10:ff0000:1/t:5::", "trim=5 trim_equal_hor=true"},
    {"t:10/t::ff00ff", ""}, {"t:10:::1", "trim=10 trim_equal_ver=true"},
    {"pd:10", "padding=10:10:10:10"}, {"padding:1:2", "padding=1:2:1:2"},
    {"pd:1:2:3", "padding=1:2:3:2"}, {"pd:1:2:3:4", "padding=1:2:3:4"},
    {"pd:10/pd::5", "padding=10:5:10:5"}, {"pd:1:::4", "padding=1:1:1:4"},
    // A side that was never given is nobody's default: what an earlier option set stays.
    {"pd::10/pd:::5", "padding=0:10:5:10"}, {"pd::::4/pd:::5", "padding=0:0:5:4"},
    {"pd::::4/pd::::", "padding=0:0:0:4"}, {"pd:::5/pd::7", "padding=0:7:5:7"},
    {"pd:1:2:3:4/pd:::9", "padding=1:1:9:1"}, {"pd:0/pd::10/pd:::5", "padding=0:0:5:0"},
    {"pd::0:5:4/pd:::6", "padding=0:0:6:0"},
    {"pd:99999999999", "padding=100000000:100000000:100000000:100000000"},
    {"ar:0", "auto_rotate=false"}, {"auto_rotate:false", "auto_rotate=false"},
    {"rot:90", "rotate=90"}, {"rotate:450", "rotate=90"}, {"rot:-0", ""}, {"rot:360", ""},
    {"rot:-360", ""}, {"rot:-720", ""}, {"rot:90/rot:-360", ""},
    {"fl:1", "flip_horizontal=true"}, {"flip::1", "flip_vertical=true"}, {"fl:", ""},
    {"bg:ff0080", "background=ff0080"}, {"background:abc", "background=aabbcc"},
    {"bg:001:002:255", "background=0102ff"}, {"bg:fff/bg:", ""},
    {"bl:1.5", "blur=1.5"}, {"blur:0x1p1", "blur=2"}, {"sh:.7", "sharpen=0.7"},
    {"sharpen:1", "sharpen=1"}, {"pix:+4", "pixelate=4"}, {"pixelate:0", ""},
    {"wm:.5", "watermark=0.5:ce:0"}, {"watermark:1:re:1:2:.5", "watermark=1:re:1:2:0.5"},
    {"wm:1:ce:0:0:0", "watermark=1:ce:0"}, {"wm:1:soea:0:0:1:x:y", "watermark=1:soea:1"},
    {"wm:1:no:5:6/wm:1", "watermark=1:no:5:6:0"}, {"wm:1:::3", "watermark=1:ce:0:3:0"},
    {"sm:0/kcr:0/scp:0/ph:1/eth:1",
     "strip_metadata=false keep_copyright=false strip_color_profile=false preserve_hdr=true "
     "enforce_thumbnail=true"},
    {"strip_metadata:x/keep_copyright:t/strip_color_profile:1/preserve_hdr:0/"
     "enforce_thumbnail:x", "strip_metadata=false"},
    {"q:007", "quality=7"}, {"quality:100", "quality=100"},
    {"fq:webp:50:jpg:0", "format_quality=webp=50"},
    {"format_quality:jpeg:1/fq:png:2", "format_quality=jpeg=1,png=2"},
    {"mb:1000", "max_bytes=1000"}, {"max_bytes:0", ""}, {"f:jpg", "format=jpeg"},
    {"ext:webp", "format=webp"}, {"format:svg", "format=svg"},
    {"skp:png/skip_processing:jpg:gif", "skip_processing=jpeg,png,gif"}, {"raw:1", "raw=true"},
    {"cb:x", "cachebuster=x"}, {"cachebuster:x/cb:", ""},
    {"exp:1700000000", "expires=1700000000"}, {"expires:-5", "expires=-5"},
    {"exp:0", "expires=0"},
    {"fn:a%22b", "filename=a%22b"}, {"filename:ZG9n:1", "filename=dog"},
    {"fn:ZG9nIG5hbWU=:true", "filename=dog name"}, {"fn:x:0", "filename=x"},
    {"fn:x:nonsense", "filename=x"}, {"fn::1", ""}, {"att:1", "return_attachment=true"},
    {"return_attachment:t", "return_attachment=true"},
    {"ra:nearest", "resizing_algorithm=nearest"}, {"resizing_algorithm:cubic:",
    "resizing_algorithm=cubic"},
    {"ra:linear/ra:", "resizing_algorithm=linear"}, {"ra:lanczos2", "resizing_algorithm=lanczos2"},
    {"ra:lanczos3", ""}, {"car:1.5", "crop_aspect_ratio=1.5"},
    {"crop_ar:2:1", "crop_aspect_ratio=2:enlarge"}, {"crop_aspect_ratio:1/car:0", ""},
    {"car:2:t/car::f", "crop_aspect_ratio=2"}, {"bga:0.5", "background_alpha=0.5"},
    {"background_alpha:0.5/bga::", "background_alpha=0.5"},
    {"a:10::1.2", "brightness=10 saturation=1.2"}, {"adjust:-5:2:0",
    "brightness=-5 contrast=2 saturation=0"},
    {"a:::", ""}, {"a:1:2:3:::", "brightness=1 contrast=2 saturation=3"},
    {"a:10/a::2", "brightness=10 contrast=2"},
    {"br:-255", "brightness=-255"}, {"brightness:3:", "brightness=3"}, {"br:3/br:", "brightness=3"},
    {"co:1.5", "contrast=1.5"}, {"co:1.5::", "contrast=1.5"}, {"contrast:1e9", "contrast=1000"},
    {"sa:0", "saturation=0"}, {"saturation:2", "saturation=2"},
    {"mc:0.5", "monochrome=0.5:b3b3b3"}, {"monochrome:1:f00", "monochrome=1:ff0000"}, {"mc:0:f00",
    ""},
    {"dt:1", "duotone=1:000000:ffffff"}, {"duotone:.5::f00", "duotone=0.5:000000:ff0000"},
    {"ush:always", "unsharp_masking=always:1:24"}, {"unsharp_masking:auto:2:12",
    "unsharp_masking=auto:2:12"},
    {"unsharpening:always::12/ush::3", "unsharp_masking=always:3:12"}, {"ush:none", ""},
    {"ba:5:0:0.1:.2:1", "blur_areas=5:0:0.1:0.2:1"}, {"ba:5", ""}, {"ba:0:0:0:1:1", ""},
    {"blur_areas:5:0:0:1:1:0.5:0.5:0.25:0.25/ba:2", "blur_areas=2:0:0:1:1:0.5:0.5:0.25:0.25"},
    {"pbl:5", "progressive_blur=5:0:0:1"}, {"progressive_blur:5:left:.5",
    "progressive_blur=5:90:0.5:1"},
    {"pbl:1e9:-370:2:-1", "progressive_blur=1000:-10:2:-1"},
    {"col:0.5", "colorize=0.5:000000"}, {"col:0.5::1", "colorize=0.5:000000:keep_alpha"},
    {"colorize:1:00f:0", "colorize=1:0000ff"}, {"gr:1", "gradient=1:000000:0:0:1"},
    {"gradient:.5:f00:right:0.1:0.9", "gradient=0.5:ff0000:270:0.1:0.9"},
    {"dpi:300", "dpi=300"}, {"dpi:0.1", "dpi=1"}, {"dpi:1e9", "dpi=65535"}, {"dpi:9/dpi:0", ""},
    {"dpi:9/dpi:", "dpi=9"}, {"cp:srgb", "color_profile=srgb"}, {"icc:cmyk:", "color_profile=cmyk"},
    {"color_profile:my%20press.icc", "color_profile=my press.icc"}, {"cp:x/cp:", "color_profile=x"},
    {"wm:1:ch:5:6", "watermark=1:ch:5:6:0"},
    {"wmu:aHR0cDovL2EvYi5wbmc", "watermark_url=http://a/b.png"},
    {"watermark_url:aHR0cDovL2EvYg==", "watermark_url=http://a/b"}, {"wmu:YQ/wmu:", ""},
    {"wmt:PGI-SGVsbG88L2I-", "watermark_text=<b>Hello</b>"}, {"watermark_text:YQ==/wmt:", ""},
    {"wms:20", "watermark_size=20:0"}, {"watermark_size::10", "watermark_size=0:10"},
    {"wms:20:10/wms:5", "watermark_size=5:10"}, {"wms:99999999999", "watermark_size=2147483647:0"},
    {"wmr:45", "watermark_rotate=45"}, {"wm_rot:-90", "watermark_rotate=270"},
    {"watermark_rotate:720", ""}, {"wmr:-1e-300", ""}, {"wmr:5/wmr:", "watermark_rotate=5"},
    {"wmsh:2.5", "watermark_shadow=2.5"}, {"watermark_shadow:1e9", "watermark_shadow=100"},
    {"wmsh:2/wmsh:0", ""}, {"sp:png", "skip_processing=png"},
    {"gr:1::45.5", "gradient=1:000000:45.5:0:1"}, {"gr:1:::.5:", "gradient=1:000000:0:0.5:1"},
    {"aq:size:10000", "autoquality=size:10000:::0.002"}, {"autoquality:dssim:0.05:40:90:0.01",
    "autoquality=dssim:0.05:40:90:0.01"}, {"aq::::", ""}, {"aq:none:1:2:3:0.5", ""},
    {"aq:dssim:0.05:0:90/aq::0.1", "autoquality=dssim:0.1:1:90:0.002"}, {"f:best", "format=best"},
    {"f:best/f:png", "format=png"}, {"f:png/ext:best", "format=best"},
    {"jpgo:1", "jpeg_options=progressive"}, {"jpeg_options:1:t::::3",
    "jpeg_options=progressive,no_subsample,quant_table=3"}, {"jpego:0:1:1:1:1:8",
    "jpeg_options=no_subsample,quant_table=8"}, {"jpgo:1/jpgo::1",
    "jpeg_options=progressive,no_subsample"},
    {"jpgo:1:1/jpgo:0", "jpeg_options=no_subsample"}, {"jpgo:", ""}, {"jpgo::::::0", ""},
    {"pngo:1", "png_options=interlaced"}, {"png_options::1:64", "png_options=quantize,colors=64"},
    {"pngo:::256", ""}, {"webpo:lossless", "webp_options=lossless"},
    {"webp_options:near_lossless:1:icon", "webp_options=near_lossless,smart_subsample,preset=icon"},
    {"webpo:lossy", ""}, {"webpo::1/webpo:::text", "webp_options=smart_subsample,preset=text"},
    {"avifo:on", "avif_options=on"}, {"avif_options:off", "avif_options=off"}, {"avifo:auto", ""},
    {"fiu:aHR0cDovL2EvYi5wbmc", "fallback_image_url=http://a/b.png"},
    {"fallback_image_url:aHR0cDovL2EvYi5wbmc=", "fallback_image_url=http://a/b.png"}, {"fiu:", ""},
    {"hs:md5:900150983CD24fb0d6963f7d28e17f72", "hashsum=md5:900150983cd24fb0d6963f7d28e17f72"},
    {"hashsum:sha1:a9993e364706816aba3e25717850c26c9cd0d89d/hs:none", ""}, {"hs:", ""},
    {"hs:none:zz", ""},
    {"st:KiB7ZmlsbDogI2YwMCAhaW1wb3J0YW50fQ", "style=25 bytes"}, {"stl:YXtiOmN9", "style=6 bytes"},
    {"st:YXtiOmN9/style:", ""}, {"fiu:aHR0cDovL2EvYi5wbmc/fiu:", ""},
    {"aq:ml:0.05", "autoquality=dssim:0.05:::0.002"},
    {"bc:0", ""}, {"bypass_cache:", ""}, {"ct:a:b-2", "cache_tags=a,b-2"},
    {"cache_tags:x/ct:y:z", "cache_tags=y,z"}, {"ct:x/ct:", "cache_tags=x"},
    {"pg:3", "page=3"}, {"page:99999999999", "page=2147483647"}, {"pg:3/pg:", "page=3"}, {"pg:0",
    ""},
    {"pgs:2", "pages=2"}, {"pages:1000000000", "pages=1000000000"}, {"pgs:2/pgs::", "pages=2"},
    {"da:1", "disable_animation=true"}, {"disable_animation:t/da:0", ""}, {"da:1/da:",
    "disable_animation=true"},
};
// clang-format on

TEST(Options, GoodOnes) {
  for (const GoodCase& c : kGoodCases) {
    SCOPED_TRACE(c.options);
    EXPECT_EQ(described(c.options), c.wanted);
  }
}

// clang-format off: several options a line
constexpr std::string_view kBadOptions[] = {
    "w:", "w:1:2", "h:abc", "h:-5", "h:", "h:1.5", "w:0x10", "w:5_0", "w: 5", "s:10:y",
    "s:1:2:3:4:5:6:7:8", "s:1:2:0:1:", "rs:weird", "rs:Fit", "rt:", "rt:FIT", "rt:fit:1",
    "rs:fit:10:10:0:1:", "rs:fit:1:2:3:4:no:5:6:7", "z:2:", "z:0", "z:-1", "z:1:2:3", "z:",
    "dpr:0", "dpr:Inf", "dpr:NaN", "dpr:-1", "dpr:1e400", "ex:1:", "ex:1:ce:1:2:3",
    "ex:1:sm", "ex:1:re", "el:1:2", "g:", "g:sm:0", "g:sm:", "g:fp", "g:fp:1", "g:fp:2:0",
    "g:fp:.1:-1", "g:fp:1:1:1", "g:ce:x", "g:ce:1:y", "g:ce:1:2:3", "g:re", "g:CE",
    "g:ce:nan", "c:-1", "c:1:x", "c:", "c:50:", "c::5", "c:1:2:ce:1:2:3", "c:1:2:re",
    "c:inf:5", "c:99999999999", "c:2147483648", "c:1:1:", "t:x", "t:10:zz", "t:10:ff",
    "t:1:2:3:4:5", "t:inf", "pd:1:x", "pd:-1", "pd:1:2:3:4:5", "rot:", "rot:90:1",
    "rot:1.5", "rot:45", "rot:-90", "rot:-180", "rot:-450", "bg:256:0:0", "bg:-1:0:0",
    "bg:x:0:0", "bg:+1:0:0", "bg:1:2", "bg:1:2:3:4", "bg:::", "bg:#fff", "bg:ffff",
    "bl:-1", "bl:", "sh:x", "pix:x", "pix:-1", "pix:1.5", "wm:x", "wm:2", "wm:", "wm:-1",
    "wm:1:ce:0:0:-1", "wm:1:ce:0:0:1:2:3:4", "wm:1:sm", "wm:1:fp", "wm:1:ce:x",
    "wm:1:ce:0:0:nan", "fl:1:1:1", "q:1:2", "q:101", "q:-1", "q:", "fq:", "fq:jpg",
    "fq:jpg:1:png", "fq:jpg:101", "fq:xxx:1", "mb:-1", "mb:", "f:", "f:tif", "f:JPG",
    "f:jpg:1", "skp:png:bad", "skp:", "exp:abc", "exp:", "exp:1:2", "exp:1699999999",
    "cb:a:b", "fn:!!!:1", "fn:x:1:2", "preset:a:b", "pr:", "w%20:10", "W:1", "Width:1",
    ":1", "nosuch:1", "mono:1",
    "ra:bilinear", "ra:Nearest", "ra:linear:1", "car:-1", "car:nan", "car:x", "car:1:1:1",
    "bga:1.5",
    "bga:-0.1", "bga:nan", "a:256", "a:1:2:3:4", "a:1:-1", "a:::inf", "br:256", "br:-256", "br:1.5",
    "br:nan", "br:1:2", "co:-1", "co:inf", "co:x", "sa:-0.1", "sa:nan", "mc:2", "mc:-1", "mc:1:zz",
    "mc:1:fff:1", "mc:nan", "dt:1.1", "dt:1:fff:ff", "dt:1:0:0:0", "ush:yes", "ush:auto:0",
    "ush:auto:-1",
    "ush:auto:1:0", "ush:auto:nan", "ush:auto:1:1:1", "ba:-1:0:0:1:1", "ba:5:0:0:1", "ba:5:0:0:1:2",
    "ba:5:0::1:1", "ba:5:nan:0:1:1", "ba:5:1e9:0:1:1", "ba:5:0:0:1:1:0", "ba:nan", "pbl:-1",
    "pbl:x",
    "pbl:1:north", "pbl:1:nan", "pbl:1:0:inf", "pbl:1:0:0:1:1", "col:2", "col:1:red",
    "col:1:fff:1:1",
    "col:nan", "gr:-1", "gr:1:ff", "gr:1:fff:x", "gr:1:fff:inf", "gr:1:fff:0:nan",
    "gr:1:fff:0:0:1:1", "dpi:-1", "dpi:nan", "dpi:inf", "dpi:x", "dpi:1:2", "cp:..", "cp:.",
    "wmu:!", "wmu:YQ:1", "wmt:!", "wmt:_w", "wmt:AGE", "wmt:YQ:1", "wms:-1", "wms:x", "wms:1:2:3",
    "wmr:nan", "wmr:x", "wmr:inf", "wmr:1:2", "wmsh:-1", "wmsh:nan", "wmsh:1:2",
    "cp:a%2Fb", "cp:%2e%2e%2fx", "cp:a%00", "cp:%", "cp:%zz", "cp:srgb:1",
    "aq:best", "aq:size:-1", "aq:size:nan", "aq:size:inf", "aq:dssim:0.1:101",
    "aq:dssim:0.1:-1",
    "aq:dssim:0.1:1.5", "aq:dssim:0.1:1:2:2", "aq:dssim:0.1:1:2:0.1:1", "f:Best", "fq:best:50",
    "skp:best",
    "jpgo:1:1:1:1:1:9", "jpgo:::::-1:-1", "jpgo::::::nan", "jpgo:1:1:1:1:1:1:1", "pngo:1:1:1",
    "pngo:::257",
    "pngo:1:1:2:1", "pngo:::nan", "webpo:Lossy", "webpo:lossy:1:photos", "webpo:lossy:1:photo:1",
    "avifo:yes", "avifo:on:1", "fiu:!!", "fiu:a:b", "hs:md5", "hs:md5:00", "hs:crc:00",
    "hs:sha256:zz",
    "hs::00", "hs:sha1:a9993e364706816aba3e25717850c26c9cd0d89d:1",
    "hs:sha256:a9993e364706816aba3e25717850c26c9cd0d89d", "st:!", "st:YQ:YQ", "bc:1:1", "ct:a::b",
    "ct:a,b",
    "pg:-1", "pg:x", "pg:1.5", "pg:nan", "pg:1:2", "pgs:0", "pgs:-1", "pgs:1e9", "pgs:1:2",
    "da:1:1",
};
// clang-format on

TEST(Options, BadOnesAre404) {
  for (const std::string_view bad : kBadOptions) {
    SCOPED_TRACE(bad);
    const auto request = parse_options(bad);
    ASSERT_FALSE(request.has_value()) << describe(request->options);
    EXPECT_EQ(request.error().status(), 404);
    EXPECT_EQ(request.error().public_text(), "Invalid URL");
    EXPECT_FALSE(request.error().detail.empty());
  }
}

TEST(Options, BlurAreasAreCountedAndMeant) {
  const auto with = [](int count) {
    std::string text = "ba:2";
    for (int i = 0; i < count; ++i) text += ":0.1:0.2:0.3:0.4";
    return parse_options(text);
  };
  ASSERT_TRUE(with(64).has_value());
  EXPECT_EQ(with(64)->options.first().blur_areas.areas.size(), 64u);
  ASSERT_FALSE(with(65).has_value());
  EXPECT_NE(with(65).error().detail.find("64"), std::string::npos);
  EXPECT_EQ(with(240).error().status(), 404);
}

TEST(Options, TextsOfWatermarksHaveALimit) {
  const auto with = [](std::size_t bytes) {
    return parse_options("wmt:" + base64url_encode(as_bytes(std::string(bytes, 'a'))));
  };
  ASSERT_TRUE(with(4096).has_value());
  EXPECT_EQ(with(4096)->options.first().watermark.text.size(), 4096u);
  ASSERT_FALSE(with(4097).has_value());
  EXPECT_NE(with(4097).error().detail.find("4096"), std::string::npos);
  EXPECT_EQ(with(100'000).error().status(), 404);
}

TEST(Options, UnsharpMaskingIsTheConfigurationsUnlessGiven) {
  config::Config config;
  config.processing.unsharp_masking_mode = config::UnsharpMode::kAuto;
  config.processing.unsharp_masking_divider = 12;
  EXPECT_EQ(described("w:1", config), "width=1 unsharp_masking=auto:1:12");
  EXPECT_EQ(described("ush:none", config), "");
  EXPECT_EQ(described("ush::2", config), "unsharp_masking=auto:2:12");
}

TEST(Options, OnesOfThePaidEditionAreNamed) {
  std::size_t count = 0;
  for (const UrlOption& option : url_options()) {
    if (option.built) continue;
    ++count;
    EXPECT_TRUE(option.paid);
    const std::string name(option.name);
    EXPECT_EQ(described(name + ":1"), "404 option " + name + " is not supported yet");
  }
  EXPECT_GE(count, 5u);
  EXPECT_EQ(described("g:obj:face"), "404 gravity obj is not supported yet");
  EXPECT_EQ(described("f:pdf"), "404 format pdf is not supported yet");
}

TEST(Options, CoWithMoreThanOneArgumentIsCropObjects) {
  EXPECT_EQ(described("crop_objects:1"), "404 option crop_objects is not supported yet");
  config::Config lenient;
  lenient.url.unsupported_options = config::UnsupportedOptions::kIgnore;
  for (const std::string_view written : {"co:1.5:face", "co:1.5::face"}) {
    SCOPED_TRACE(written);
    const auto request = parse_options(written, lenient);
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->ignored, std::vector<std::string>{"crop_objects"});
  }
}

TEST(Options, ListsMayNameFormatsThatAreNotBuilt) {
  EXPECT_EQ(described("fq:jpg:50:pdf:60:png:7/q:9"), "quality=9 format_quality=jpeg=50,png=7");
  EXPECT_EQ(described("skp:mp4:psd:png"), described("skp:png"));
  EXPECT_EQ(described("fq:pdf:x").substr(0, 3), "404");
}

TEST(Options, UnsupportedOnesAreLeftOutOnWish) {
  config::Config lenient;
  lenient.url.unsupported_options = config::UnsupportedOptions::kIgnore;
  const auto request =
      parse_options("w:5/dd:1/vtt:3/g:no/g:obj:face/dd:0/f:png/f:mp4/h:7", lenient);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(describe(request->options), "width=5 height=7 gravity=sm format=png");
  // Once each, by their first names, in the order of the URL.
  EXPECT_EQ(request->ignored, (std::vector<std::string>{"draw_detections", "video_thumbnail_tile",
                                                        "gravity", "format"}));
  EXPECT_EQ(parse("w:5/plain/local:///a.png@pdf", lenient)->ignored,
            std::vector<std::string>{"format"});
  // But a crop keeps its size where its gravity is left out.
  const auto crop = parse_options("c:50:40:obj:face/w:5", lenient);
  ASSERT_TRUE(crop.has_value());
  EXPECT_EQ(describe(crop->options), "width=5 crop=50:40:sm");
  EXPECT_EQ(crop->ignored, std::vector<std::string>{"crop"});
  EXPECT_EQ(parse_options("g:no/c:50:40:objw:face:2", lenient)->options.first().crop.width, 50);
  EXPECT_EQ(described("c:50:x:obj:face", lenient).substr(0, 3), "404");
  EXPECT_TRUE(parse_options("w:5", lenient)->ignored.empty());
  EXPECT_EQ(described("nosuch:1", lenient), "404 unknown option nosuch") << "known ones only";
  EXPECT_EQ(described("ex:1:obj", lenient).substr(0, 3), "404") << "it takes no such gravity";
}

// What would show what should not be seen, or check nothing.
TEST(Options, SomeAreNeverLeftOut) {
  config::Config lenient;
  lenient.url.unsupported_options = config::UnsupportedOptions::kIgnore;
  lenient.url.allow_security_options = true;
  constexpr std::string_view kKept[] = {"hashsum",        "blur_areas",       "blur_detections",
                                        "watermark",      "watermark_url",    "watermark_text",
                                        "watermark_size", "watermark_rotate", "watermark_shadow"};
  for (const UrlOption& option : url_options()) {
    SCOPED_TRACE(option.name);
    const bool kept = std::ranges::find(kKept, option.name) != std::end(kKept) ||
                      (option.name.starts_with("max_") && option.name != "max_bytes");
    EXPECT_EQ(option.never_ignored, kept);
    if (option.built) continue;
    const auto request = parse_options(std::string(option.name) + ":1", lenient);
    EXPECT_EQ(request.has_value(), !kept);
    if (!request) {
      EXPECT_EQ(request.error().status(), 404);
    }
  }
}

TEST(Options, NamesThatClientsSendAreKnown) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"jpego", "jpeg_options"}, {"stl", "style"},         {"unsharpening", "unsharp_masking"},
      {"co", "contrast"},        {"icc", "color_profile"}, {"wm_rot", "watermark_rotate"}};
  for (const auto& [alias, name] : kNames) {
    SCOPED_TRACE(alias);
    const UrlOption* option = find_url_option(alias);
    ASSERT_NE(option, nullptr);
    EXPECT_EQ(option->name, name);
  }
}

// Those of the whole request stand apart from those of a pipeline.
TEST(Options, OfTheWholeRequest) {
  for (const std::string_view name :
       {"quality", "format", "max_bytes", "strip_metadata", "dpi", "page", "hashsum",
        "jpeg_options", "max_src_resolution", "raw", "expires", "cache_tags"}) {
    EXPECT_TRUE(find_url_option(name)->whole_request) << name;
  }
  for (const std::string_view name :
       {"width", "resize", "crop", "blur", "watermark", "watermark_url", "background",
        "auto_rotate", "colorize", "preset"}) {
    EXPECT_FALSE(find_url_option(name)->whole_request) << name;
  }
}

TEST(Options, SecurityOptionsAre403UnlessAllowed) {
  config::Config allowed;
  allowed.url.allow_security_options = true;
  struct Case {
    std::string_view option, wanted;
  };
  const Case cases[] = {
      {"msr:1.5", "max_src_resolution=1500000"},
      {"max_src_resolution:1", "max_src_resolution=1000000"},
      {"msfs:100", "max_src_file_size=100"},
      {"max_src_file_size:-1", "max_src_file_size=-1"},
      {"maf:3", "max_animation_frames=3"},
      {"max_animation_frames:4", "max_animation_frames=4"},
      {"mafr:.5", "max_animation_frame_resolution=500000"},
      {"max_animation_frame_resolution:1", "max_animation_frame_resolution=1000000"},
      {"mrd:60", "max_result_dimension=60"},
      {"max_result_dimension:-1", ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.option);
    const auto refused = parse_options(c.option);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::kSecurityOption);
    EXPECT_EQ(refused.error().status(), 403);
    EXPECT_EQ(described(c.option, allowed), c.wanted);
  }
  for (const std::string_view bad :
       {"msr:-1", "msr:", "msfs:x", "maf:0", "maf:-1", "mafr:x", "mrd:"}) {
    EXPECT_EQ(described(bad, allowed).substr(0, 3), "404") << bad;
  }
}

TEST(Options, BypassCacheNeedsItsVariable) {
  const auto refused = parse_options("bc:1");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().status(), 403);
  EXPECT_EQ(refused.error().public_text(), "Invalid URL");
  config::Config allowed;
  allowed.url.allow_bypass_cache = true;
  EXPECT_EQ(described("bc:1", allowed), "bypass_cache=true");
  config::Config preset;
  preset.url.presets = {"p=bypass_cache:1"};
  EXPECT_FALSE(UrlRules::build(preset, nullptr).has_value()) << "a preset that nobody may use";
}

TEST(Options, FallbackImagesAreSourcesLikeOthers) {
  config::Config config;
  config.url.allowed_sources = {{"local://"}, {"http://good/"}};
  const std::string good = "fiu:" + base64("http://good/a.png"),
                    bad = "fiu:" + base64("http://bad/");
  EXPECT_EQ(described(good, config), "fallback_image_url=http://good/a.png");
  const auto refused = parse_options(bad, config);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidSourceUrl);
  EXPECT_FALSE(parse_options("fiu:" + base64("http://good@bad/"), config).has_value());
  config.url.base_url = "http://good/";
  EXPECT_FALSE(parse_options("fiu:" + base64("b.png"), config).has_value());
  config.url.fallback_image_preprocess_url = true;
  EXPECT_EQ(described("fiu:" + base64("b.png"), config), "fallback_image_url=http://good/b.png");
}

TEST(Options, WhatOnlyMozjpegCanIsSaidOnce) {
  const auto rules = rules_of({});
  const auto warnings = [&](std::string_view options) {
    return rules->parse(std::string(options) + "/plain/local:///a.png", {}, kNow)->warnings;
  };
  EXPECT_TRUE(warnings("jpgo:1:1:0:0:0:3").empty());
  const auto first = warnings("jpgo:::1");
  ASSERT_EQ(first.size(), 1u);
  EXPECT_NE(first[0].find("mozjpeg"), std::string::npos);
  EXPECT_TRUE(warnings("jpgo:::::1").empty());
}

TEST(Options, EncodersAreTheConfigurationsUnlessGiven) {
  config::Config config;
  config.processing.encoders = {.jpeg_progressive = true,
                                .jpeg_quant_table = 2,
                                .webp_compression = config::WebpCompression::kLossless};
  EXPECT_EQ(described("w:1", config),
            "width=1 jpeg_options=progressive,quant_table=2 webp_options=lossless");
  EXPECT_EQ(described("jpgo:0/webpo:lossy", config), "jpeg_options=quant_table=2");
}

TEST(Options, LongOnesAreRefused) {
  EXPECT_TRUE(parse_options("st:" + base64(std::string(65'536, 'a'))).has_value());
  const auto sheet = parse_options("st:" + base64(std::string(65'537, 'a')));
  ASSERT_FALSE(sheet.has_value());
  EXPECT_NE(sheet.error().detail.find("65536"), std::string::npos);
  EXPECT_EQ(parse_options("st:" + base64(std::string(1 << 20, 'a'))).error().status(), 404);
  EXPECT_TRUE(parse_options("ct:" + std::string(4095, 'a')).has_value());
  EXPECT_FALSE(parse_options("ct:" + std::string(4096, 'a')).has_value());
  std::string many = "ct";
  for (int i = 0; i < 900; ++i) many += ":abcde";
  EXPECT_EQ(parse_options(many).error().status(), 404);
}

TEST(Options, NamesAndAliasesAreUnique) {
  std::set<std::string_view> names;
  for (const UrlOption& option : url_options()) {
    EXPECT_TRUE(names.insert(option.name).second) << option.name;
    EXPECT_FALSE(option.help.empty());
    if (option.aliases.empty()) continue;
    for (const std::string_view alias : split(option.aliases, ",")) {
      EXPECT_TRUE(names.insert(alias).second) << alias;
      EXPECT_EQ(find_url_option(alias)->name, option.name);
    }
  }
  EXPECT_EQ(find_url_option("nosuch"), nullptr);
}

TEST(Options, LenientBooleansAreWarnedAbout) {
  const auto request = parse_options("el:2");
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->warnings,
            (std::vector<std::string>{"option el: \"2\" is not a boolean, taken as false"}));
}

}  // namespace
}  // namespace imgring::url
