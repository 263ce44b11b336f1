// Steps of a start that can fail, each with a text for the operator. Main thread, before the cores.
#pragma once

#include <optional>
#include <string>

#include "imgring/base/log.h"
#include "imgring/config/load.h"
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
// The exit status of a start that failed so: what can't be fetched now may be there at the next
// try.
int start_status(const Error& error) noexcept;

// Rules, watermark and fallback image of a configuration. `before` (reload): what does not change.
Result<SnapshotPtr> make_snapshot(config::Config config, const Logger& log);
// Keys, salts, presets and source rules of `fresh` over the rest of `old` (SIGHUP).
Result<SnapshotPtr> reload_snapshot(const Snapshot& old, const config::Config& fresh,
                                    const Logger& log);

// The bytes of one source, fetched on a loop of its own (auxiliary images, explain).
Result<std::string> fetch_once(const config::Config& config, const std::string& url);

// Tells systemd, when it asked to be told (NOTIFY_SOCKET).
void notify_supervisor(std::string_view state);

}  // namespace imgring::server
