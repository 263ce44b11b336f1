// URLs as people may see them. Plain functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace imgring {

// Text that may hold URLs, for log lines, errors, pages and headers: without their user
// information, and with *** for what signs a query or opens a door (X-Amz-Signature, sig, token…).
// Escaped delimiters count (http:%2F%2Fuser%40host), so request targets may be given as well.
// Promises: text without any of these comes out as it is; linear time.
std::string display_text(std::string_view text);
// A setting that is a URL or "user:word@host:port", good or bad: nothing before its last @ is left
// but the scheme.
std::string display_setting(std::string_view value);

}  // namespace imgring
