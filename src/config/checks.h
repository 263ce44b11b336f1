// Checks of values against each other and against the machine. Plain functions, any thread.
#pragma once

#include <string>
#include <string_view>

#include "imgring/config/config.h"
#include "imgring/config/option.h"

namespace imgring::config {

// More threads than this in one lane no machine of today keeps busy, and each takes its stack.
inline constexpr int kWorkersMax = 1024;
// Above so many workers a processor the operator is asked whether that is meant.
inline constexpr int kWorkersPerProcessor = 16;

// An address to listen on: "host:port" with a port of 0..65535, an IPv6 host in brackets; or, for
// unix sockets, a path.
Refusal check_bind(std::string_view bind, Network network);
// Headers that say where a message ends, how its bytes are coded or what becomes of the connection:
// the server writes them itself, by what it sends.
bool is_framing_header(std::string_view name) noexcept;
// Empty: fine; else the warning.
std::string warn_of_workers(int workers, int processors);
// Why a local root can't be served from by this user; nullopt: it can.
Refusal check_root(const std::string& path);
// The error of a value: which, what is wrong with it, and what may stand there.
// `value`: as it was set; empty: it was not.
std::string refusal_text(std::string_view name, std::string_view value, std::string_view reason);
// What print-config shows of a value, and an error repeats of it.
std::string shown_value(const Option& option, std::string_view text);

}  // namespace imgring::config
