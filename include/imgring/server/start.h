// Steps of a start that can fail, each with a text for the operator. Main thread, before the cores.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "imgring/base/log.h"
#include "imgring/config/load.h"
#include "imgring/server/listen.h"
#include "imgring/server/state.h"

namespace imgring::server {

// The process's environment as a configuration, and how to log what is to be said of it.
struct LoadedConfig {
  std::optional<config::Config> config;  // nullopt: the report names every error
  config::LoadReport report;
  LogFormat log_format = LogFormat::kStructured;
  LogLevel log_level = LogLevel::kInfo;
};
LoadedConfig load_environment(char** environment);
void log_report(const config::LoadReport& report, const Logger& log);

// What keeps a start from serving, and the exit status it ends with.
struct Problem {
  int status;
  std::string text;
};
struct Findings {
  std::vector<Problem> problems;
  std::vector<std::string> warnings;
};
// Of all problems the gravest: 78, which another start would meet again, before 1; 0 without any.
int status_of(const std::vector<Problem>& problems) noexcept;

// Rules, watermark and fallback image of a configuration; null: a problem was found.
SnapshotPtr make_snapshot(config::Config config, Findings& found);

struct Plan {
  int helpers, loops;
};
Plan plan_threads(const config::Config& config);

struct Sockets {
  Listeners main;
  Listeners metrics;  // empty: off
};
// kTried: addresses are bound and let go, and one that is taken is a warning, as a server that runs
// has taken it (check-config).
enum class Listening : std::uint8_t { kForGood, kTried };

// A start up to its first thread: engine, libvips, proxies, rules, pictures, addresses. Whoever
// serves and whoever checks makes it so; it goes on behind a problem as far as it can.
struct Start {
  SnapshotPtr snapshot;  // null: a problem was found
  Plan plan{};
  Sockets sockets;
  std::vector<config::OptionState> options{};  // as they were set, for a reload to compare
};
Start make_start(config::Config config, Listening listening, Findings& found);

// Keys, salts, presets and source rules of `fresh` over the rest of `old` (SIGHUP).
Result<SnapshotPtr> reload_snapshot(const Snapshot& old, const config::Config& fresh,
                                    const Logger& log);

// The bytes of one source, fetched on a loop of its own (auxiliary images, explain).
Result<std::string> fetch_once(const config::Config& config, const std::string& url);

// Tells systemd, when it asked to be told (NOTIFY_SOCKET).
void notify_supervisor(std::string_view state);

}  // namespace imgring::server
