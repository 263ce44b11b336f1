// Tests of src/url/describe.cc.
#include "helpers.h"

namespace imgring::url {
namespace {

TEST(Describe, DefaultsSayNothing) {
  EXPECT_EQ(describe(RequestOptions()), "");
  EXPECT_TRUE(log_fields(RequestOptions()).empty());
}

TEST(Describe, FieldsKeepTheirTypes) {
  const LogGroup fields = log_fields(parse_options("w:50/dpr:2/el:1/fn:x")->options);
  ASSERT_EQ(fields.size(), 4u);
  EXPECT_EQ(std::get<std::int64_t>(fields[0].value), 50);
  EXPECT_EQ(std::get<double>(fields[1].value), 2);
  EXPECT_EQ(std::get<bool>(fields[2].value), true);
  EXPECT_EQ(std::get<std::string>(fields[3].value), "x");
}

TEST(Describe, ExpiresIsToldWheneverItWasGiven) {
  const LogGroup fields = log_fields(parse_options("exp:0")->options);
  ASSERT_EQ(fields.size(), 1u);
  EXPECT_EQ(fields[0].key, "expires");
  EXPECT_EQ(std::get<std::int64_t>(fields[0].value), 0);
  EXPECT_FALSE(parse_options("w:1")->options.expires_unix_s.has_value());
}

}  // namespace
}  // namespace imgring::url
