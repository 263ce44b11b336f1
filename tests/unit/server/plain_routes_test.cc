// Tests of src/server/plain_routes.cc: the landing page.
#include "../../../src/server/plain_routes.h"

#include <gtest/gtest.h>

namespace imgring::server {
namespace {

TEST(LandingPage, IsAPage) {
  const std::string page = landing_page();
  EXPECT_TRUE(page.starts_with("<!DOCTYPE html>"));
  EXPECT_TRUE(page.ends_with("</html>"));
}

}  // namespace
}  // namespace imgring::server
