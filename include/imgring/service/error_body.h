// What an error's answer says. Plain functions over values; any thread.
#pragma once

#include <string>
#include <string_view>

#include "imgring/base/error.h"

namespace imgring::service {

// Body and Content-Type of an error answer. JSON only for clients that would rather have it than
// text: Accept takes application/json with a q above 0, and none of text/plain, text/* and */*
// with the same or a higher one. axios' "application/json, text/plain, */*" gets imgproxy's text.
// In development text/html counts too, because there is a page to send.
struct ErrorBody {
  std::string text;
  std::string content_type;
};
// The public text alone, which needs no making.
bool error_is_plain(std::string_view accept, bool development);
ErrorBody error_body(const Error& error, std::string_view accept, std::string_view request_id,
                     bool development);

}  // namespace imgring::service
