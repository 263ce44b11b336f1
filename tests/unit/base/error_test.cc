// Tests of src/base/error.cc and the macros of Result.
#include "imgring/base/error.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <set>
#include <string>

#include "imgring/base/check.h"

namespace imgring {
namespace {

TEST(Error, EveryCodeHasAnAnswerAndAKnownMetricType) {
  const std::set<std::string_view> types = {
      "path_parsing", "security",        "queue", "download",  "processing",
      "timeout",      "image_data_size", "IO",    "streaming", "unexpected"};
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) {
    SCOPED_TRACE(i);
    const ErrorFacts& facts = facts_of(static_cast<ErrorCode>(i));
    EXPECT_GE(facts.status, 400);
    EXPECT_LT(facts.status, 600);
    EXPECT_FALSE(facts.public_text.empty());
    EXPECT_TRUE(types.contains(facts.metric_type)) << facts.metric_type;
  }
}

TEST(Error, TableFollowsTheCodes) {
  struct Case {
    ErrorCode code;
    int status;
    std::string_view text;
  };
  const Case cases[] = {
      {ErrorCode::kNotFound, 404, " "},
      {ErrorCode::kForbidden, 403, "Forbidden"},
      {ErrorCode::kSecurityOption, 403, "Invalid URL"},
      {ErrorCode::kInvalidUrl, 404, "Invalid URL"},
      {ErrorCode::kInvalidSourceUrl, 404, "Invalid source URL"},
      {ErrorCode::kSourceTimeout, 504, "Source is unreachable"},
      {ErrorCode::kSourceCancelled, 499, "Source is unreachable"},
      {ErrorCode::kTypeReadFailed, 422, "Failed to detect source image type"},
      {ErrorCode::kBrokenSvg, 422, "Broken or unsupported SVG image"},
      {ErrorCode::kTooManyRequests, 429, "Too many requests"},
      {ErrorCode::kTimeout, 503, "Timeout"},
      {ErrorCode::kCancelled, 499, "Cancelled"},
      {ErrorCode::kInternal, 500, "Internal error"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const Error error(c.code);
    EXPECT_EQ(error.status(), c.status);
    EXPECT_EQ(error.public_text(), c.text);
  }
  EXPECT_EQ(Error(ErrorCode::kSourceUnreachable, "", 410).status(), 410);
}

Result<int> half(int value) {
  if (value % 2 != 0) return fail(ErrorCode::kInvalidUrl, "odd");
  return value / 2;
}
Result<int> quarter(int value) {
  IMGRING_TRY(const int once, half(value));
  IMGRING_TRY(const int twice, half(once));
  return twice;
}
Result<void> check_even(int value) {
  IMGRING_TRY_VOID(half(value));
  return {};
}

TEST(Error, TryGivesTheValueOrReturnsTheError) {
  EXPECT_EQ(quarter(12).value(), 3);
  ASSERT_FALSE(quarter(6).has_value());
  EXPECT_EQ(quarter(6).error().detail, "odd");
  EXPECT_TRUE(check_even(2).has_value());
  EXPECT_FALSE(check_even(3).has_value());
}

TEST(Error, ShortagesAreOurOwn) {
  for (const int one : {EMFILE, ENFILE, ENOBUFS, ENOMEM, EAGAIN}) EXPECT_TRUE(is_shortage(one));
  for (const int one : {0, ENOENT, EACCES, ECONNREFUSED, ETIMEDOUT, EIO}) {
    EXPECT_FALSE(is_shortage(one)) << one;
  }
}

TEST(CheckDeathTest, ABrokenInvariantStopsTheProcess) {
  EXPECT_DEATH(IMGRING_CHECK(1 + 1 == 3), "broken invariant: 1 \\+ 1 == 3");
}

}  // namespace
}  // namespace imgring
