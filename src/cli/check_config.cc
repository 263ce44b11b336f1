// check-config and print-config: the start itself, up to where it would serve, and what it is made
// of.
#include <unistd.h>

#include <cstdio>

#include "commands.h"
#include "imgring/base/text.h"
#include "imgring/config/load.h"
#include "imgring/image/library_words.h"
#include "imgring/mem/ledger.h"
#include "imgring/server/run.h"
#include "imgring/server/start.h"

namespace imgring::cli {

namespace {

struct Verdict {
  server::Findings found;
  std::vector<std::string> notes, unjudged;
  int status() const { return server::status_of(found.problems); }
};

// Variables that are set and name a file or a folder.
std::string named_files(const config::LoadReport& report) {
  std::string names;
  for (const config::OptionState& state : report.options) {
    const config::Option* option = config::find_option(state.name);
    const bool file = option->type == config::OptionType::kFile ||
                      option->type == config::OptionType::kFileList ||
                      option->type == config::OptionType::kDirectory;
    if (!file || state.value.empty()) continue;
    names += (names.empty() ? "" : ", ") + state.name;
  }
  return names;
}

// What a check as root, or of another's environment, says nothing about.
std::vector<std::string> not_judged(const CommandContext& context,
                                    const config::LoadReport& report) {
  std::vector<std::string> out;
  if (geteuid() == 0 && !context.has("user")) {
    const std::string files = named_files(report);
    out.push_back("judged as root, who may read and bind everything: whether another user may" +
                  (files.empty() ? std::string() : " read what " + files + " name, or") +
                  " use the addresses is not known; --user NAME judges as that user");
  }
  if (context.has("env-file") || context.has("user")) {
    out.emplace_back(
        "memory limits, system call filters and folders of a unit or a container are not those of "
        "this shell");
  }
  return out;
}

Verdict judge(const CommandContext& context) {
  Verdict verdict;
  server::LoadedConfig loaded = server::load_environment(context.environment);
  verdict.unjudged = not_judged(context, loaded.report);
  verdict.notes = std::move(loaded.report.notes);
  verdict.found.warnings = std::move(loaded.report.warnings);
  for (std::string& text : loaded.report.errors) {
    verdict.found.problems.push_back({server::kExitConfig, std::move(text)});
  }
  if (!loaded.config) return verdict;
  const Logger log(LogFormat::kStructured, LogLevel::kError, STDERR_FILENO);
  const image::LibraryWords words(log);
  server::make_start(std::move(*loaded.config), server::Listening::kTried, verdict.found);
  return verdict;
}

// The first variable that a text names.
std::string variable_of(std::string_view text) {
  constexpr std::string_view kOfNames = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  while (!text.empty()) {
    const std::size_t from = std::min(text.find_first_of(kOfNames), text.size());
    text.remove_prefix(from);
    const std::size_t size = std::min(text.find_first_not_of(kOfNames), text.size());
    const std::string_view word = text.substr(0, size);
    if (config::find_option(word) != nullptr) return std::string(word);
    text.remove_prefix(size);
  }
  return {};
}

std::string json_list(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) {
    out += (out.empty() ? "" : ",") + ("{\"variable\":" + json_quote(variable_of(text))) +
           ",\"text\":" + json_quote(text) + "}";
  }
  return "[" + out + "]";
}

void print_json(const Verdict& verdict) {
  std::string problems;
  for (const server::Problem& problem : verdict.found.problems) {
    problems += (problems.empty() ? "" : ",") +
                ("{\"variable\":" + json_quote(variable_of(problem.text))) +
                ",\"status\":" + std::to_string(problem.status) +
                ",\"text\":" + json_quote(problem.text) + "}";
  }
  std::printf(
      "{\"good\":%s,\"status\":%d,\"problems\":[%s],\"warnings\":%s,\"notes\":%s,"
      "\"unjudged\":%s}\n",
      verdict.status() == 0 ? "true" : "false", verdict.status(), problems.c_str(),
      json_list(verdict.found.warnings).c_str(), json_list(verdict.notes).c_str(),
      json_list(verdict.unjudged).c_str());
}

const char* verdict_text(int status) {
  if (status == server::kExitOk) return "the configuration is good";
  return status == server::kExitConfig ? "the server would not start"
                                       : "the server would not start now, but may later";
}

}  // namespace

int check_config(const CommandContext& context) {
  const Verdict verdict = judge(context);
  if (context.has("json")) {
    print_json(verdict);
    return verdict.status();
  }
  for (const auto& one : verdict.found.problems) std::printf("error: %s\n", one.text.c_str());
  for (const auto& text : verdict.found.warnings) std::printf("warning: %s\n", text.c_str());
  for (const auto& text : verdict.notes) std::printf("note: %s\n", text.c_str());
  for (const auto& text : verdict.unjudged) std::printf("not judged: %s\n", text.c_str());
  std::printf("%s\n", verdict_text(verdict.status()));
  return verdict.status();
}

namespace {

std::map<std::string, std::string> in_force(const config::Config& config,
                                            const mem::MemoryLimit& limit) {
  constexpr const char* kFormats[] = {"pretty", "structured", "json", "gcp"};  // of LogFormat
  const server::Plan plan = server::plan_threads(config);
  return {{"IMGPROXY_WORKERS", std::to_string(plan.helpers) + " in each of two lanes"},
          {"IMGRING_LOOPS", std::to_string(plan.loops)},
          {"IMGRING_MEMORY_LIMIT",
           std::to_string(limit.bytes >> 20) + " MiB (" + std::string(limit.origin) + ")"},
          {"IMGPROXY_LOG_FORMAT", kFormats[static_cast<std::size_t>(config.observe.log_format)]}};
}

std::string memory_json(const mem::MemoryLimit& limit) {
  std::string parts;
  for (std::size_t i = 0; i < mem::kPartCount; ++i) {
    const auto part = static_cast<mem::Part>(i);
    parts += (i == 0 ? "" : ",") + json_quote(mem::facts_of(part).name) + ":" +
             std::to_string(mem::part_bytes(part, limit.bytes));
  }
  return "{\"limit_bytes\":" + std::to_string(limit.bytes) +
         ",\"origin\":" + json_quote(limit.origin) + ",\"parts_bytes\":{" + parts + "}}";
}

}  // namespace

int print_configuration(const CommandContext& context) {
  const server::LoadedConfig loaded = server::load_environment(context.environment);
  const auto& config = loaded.config;
  const mem::MemoryLimit limit = mem::memory_limit(config ? config->memory.limit_mib : 0);
  config::Shown shown{.changed = context.has("changed")};
  if (config) shown.in_force = in_force(*config, limit);
  if (context.has("json")) {
    std::printf("{\"settings\":%s,\"memory\":%s}\n",
                config::config_json(loaded.report, shown).c_str(), memory_json(limit).c_str());
  } else {
    std::fputs(config::print_config(loaded.report, shown).c_str(), stdout);
    std::fputs(mem::describe_ledger(limit).c_str(), stdout);
  }
  for (const auto& text : loaded.report.errors) std::fprintf(stderr, "error: %s\n", text.c_str());
  return config ? server::kExitOk : server::kExitConfig;
}

}  // namespace imgring::cli
