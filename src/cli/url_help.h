// The URL options as text. Plain functions, any thread.
#pragma once

#include <string>
#include <string_view>

namespace imgring::cli {

// Of one, by name or alias; empty: there is none.
std::string url_option_text(std::string_view name);
std::string url_options_text();
// Tables of those that work and those that don't yet, for a document.
std::string url_options_markdown();

}  // namespace imgring::cli
