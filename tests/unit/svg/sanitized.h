// The sanitiser as tests ask it: what comes out, and that doing it twice changes nothing.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "imgring/base/text.h"
#include "imgring/svg/svg.h"

namespace imgring::svg::test {

inline std::string sanitized(const std::string& in) {
  const auto out = sanitize_svg(as_bytes(in));
  if (!out) return "refused: " + out.error().detail;
  const auto again = sanitize_svg(as_bytes(*out));
  EXPECT_EQ(again.value_or("refused"), *out);
  return *out;
}

}  // namespace imgring::svg::test
