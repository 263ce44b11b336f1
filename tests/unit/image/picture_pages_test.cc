// Pages of a file in the real child: which ones, several at a time, and one once more.
#include "imgring/image/sandbox_kinds.h"
#include "imgring/image/shelter.h"
#include "svg_children_helpers.h"

namespace imgring::image {
namespace {

// Three pages alike, of which each has its own shade.
std::string shaded_pages() {
  VipsImagePtr pages = test::picture(40, 90, 3);
  vips_image_set_int(pages.get(), VIPS_META_PAGE_HEIGHT, 30);
  return test::saved_by_vips(pages.get(), ".tif");
}

Result<VipsImagePtr> page_by(Shelter* shelter, const std::string& source, int page, int pages = 1) {
  LoadParams params;
  params.page = page;
  params.pages = pages;
  params.shelter = shelter;
  return load(as_bytes(source), ImageType::kTiff, params);
}

TEST(PicturePages, AreThoseThatThisProcessWouldLoad) {
  if (!test::can_load(ImageType::kTiff)) GTEST_SKIP() << "no loader of TIFF";
  sandbox::Children children(real_children());
  const std::string source = shaded_pages();
  for (const int page : {0, 1, 2}) {
    for (int pages = 1; page + pages <= 3; ++pages) {
      SCOPED_TRACE(std::to_string(page) + " " + std::to_string(pages));
      Shelter shelter({&children, config::Sandbox::kAll, &kNoStop, 0});
      const auto there = page_by(&shelter, source, page, pages);
      const auto here = page_by(nullptr, source, page, pages);
      ASSERT_TRUE(there.has_value() && here.has_value());
      EXPECT_EQ(vips_image_get_height(there->get()), 30 * pages);
      EXPECT_TRUE(pixels_of(there->get()) == pixels_of(here->get()));
    }
  }
}

// As pages of different sizes are joined: all open, then read one after the other.
TEST(PicturePages, SeveralAreOpenAtATime) {
  if (!test::can_load(ImageType::kTiff)) GTEST_SKIP() << "no loader of TIFF";
  sandbox::Children children(real_children());
  const std::string source = shaded_pages();
  Shelter shelter({&children, config::Sandbox::kAll, &kNoStop, 0});
  std::vector<VipsImagePtr> open;
  for (const int page : {0, 1, 2}) {
    auto there = page_by(&shelter, source, page);
    ASSERT_TRUE(there.has_value());
    open.push_back(std::move(*there));
  }
  for (const int page : {0, 1, 2}) {
    const auto here = page_by(nullptr, source, page);
    ASSERT_TRUE(here.has_value());
    EXPECT_TRUE(pixels_of(open[static_cast<std::size_t>(page)].get()) == pixels_of(here->get()));
  }
}

// The info endpoint looks at a source's header, at a small picture of it and at its alpha.
TEST(PicturePages, OneIsReadTwiceWhileItsHeaderIsKept) {
  if (!test::can_load(ImageType::kTiff)) GTEST_SKIP() << "no loader of TIFF";
  sandbox::Children children(real_children());
  const std::string source = shaded_pages();
  Shelter shelter({&children, config::Sandbox::kAll, &kNoStop, 0});
  const auto header = page_by(&shelter, source, 0);
  ASSERT_TRUE(header.has_value());
  for (int i = 0; i < 2; ++i) {
    const auto there = page_by(&shelter, source, 0);
    const auto here = page_by(nullptr, source, 0);
    ASSERT_TRUE(there.has_value() && here.has_value());
    EXPECT_TRUE(pixels_of(there->get()) == pixels_of(here->get()));
  }
}

// x265 keeps addresses of each picture, and two of them with an alpha.
TEST(PicturePages, ChildrenSaveAgainWithWhatTheyAreGranted) {
  if (!test::can_save(ImageType::kHeic)) GTEST_SKIP() << "no encoder of HEIC";
  sandbox::Children children(real_children());
  const config::ProcessingConfig config;
  for (int i = 0; i < 4; ++i) {
    SCOPED_TRACE(i);
    Shelter shelter({&children, config::Sandbox::kRisky, &kNoStop, std::uint64_t{48} << 20});
    SaveParams params;
    params.config = &config;
    params.shelter = &shelter;
    const auto saved = save(test::picture(72, 72, 4).get(), ImageType::kHeic, params, kNoStop);
    ASSERT_TRUE(saved.has_value()) << saved.error().detail;
  }
}

// What could be shut in once can be again: what is in the way now passes, and is no reason to work
// in this process for good.
TEST(PicturePages, AKindThatWasReadyIsNotGivenUp) {
  if (!test::can_load(ImageType::kTiff)) GTEST_SKIP() << "no loader of TIFF";
  sandbox::ChildrenOptions options = real_children();
  options.children_max = 2;
  const auto start = options.start;
  bool no_more = false;
  options.start = [&](const sandbox::Kind& kind) -> Result<sandbox::ChildProcess> {
    if (no_more) return fail(ErrorCode::kInternal, "the kernel says no");
    return start(kind);
  };
  sandbox::Children children(std::move(options));
  const std::string source = shaded_pages();
  Shelter first({&children, config::Sandbox::kAll, &kNoStop, 0});
  const auto unread = page_by(&first, source, 0);  // keeps its child
  ASSERT_TRUE(unread.has_value());
  no_more = true;
  Shelter second({&children, config::Sandbox::kAll, &kNoStop, 0});
  const auto refused = page_by(&second, source, 0);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kOverloaded);
  EXPECT_EQ(refused.error().detail, "the kernel says no");
  EXPECT_FALSE(children.gave_up(kPictureKind));
}

}  // namespace
}  // namespace imgring::image
