// The table of commands, and the choice among them.
#include "commands.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "imgring/cli/run_command.h"
#include "imgring/config/load.h"
#include "imgring/image/abilities.h"
#include "imgring/image/sandbox_kinds.h"
#include "imgring/image/versions.h"
#include "imgring/image/vips_image.h"
#include "imgring/loop/make_engine.h"
#include "imgring/mem/allocator.h"
#include "imgring/sandbox/worker.h"
#include "imgring/server/run.h"
#include "imgring/server/start.h"

namespace imgring::cli {

namespace {

// What IMGRING_ENGINE=auto means here, and why.
std::string engine_text() {
  const auto choice = loop::choose_engine(EngineKind::kAuto);
  if (!choice) return choice.error().detail;
  const std::string name(engine_name(choice->kind));
  return choice->refused.empty() ? name : name + "; " + choice->refused;
}

int show_version(const CommandContext& context) {
  std::printf("imgring " IMGRING_VERSION "\n");
  if (!context.has("verbose")) return server::kExitOk;
  std::printf("allocator: %s\ntls: %s\nengine: %s\n", mem::allocator_name().c_str(),
              OpenSSL_version(OPENSSL_VERSION), engine_text().c_str());
  std::printf("cpus: %d, memory limit: %llu MiB (%s)\n", mem::usable_cpus(),
              static_cast<unsigned long long>(mem::memory_limit().bytes >> 20),
              std::string(mem::memory_limit().origin).c_str());
  if (const auto ok = image::init_vips("imgring"); !ok) {
    std::printf("libvips: %s\n", ok.error().detail.c_str());
    return server::kExitFailed;
  }
  std::printf("%s\nformats: %s\n", image::vips_version_text().c_str(),
              format::abilities_text(image::ask_abilities()).c_str());
  return server::kExitOk;
}

int show_man(const CommandContext&) {
  std::fputs(config::man_page(usage_text()).c_str(), stdout);
  return server::kExitOk;
}

int serve_now(const CommandContext& context) { return server::serve(context.environment); }

constexpr Flag kEnvFile = {
    "env-file", "FILE",
    "in place of this environment: NAME=VALUE lines, as a unit's EnvironmentFile="};
constexpr Flag kUser = {"user", "NAME", "as this user; root alone can"};
constexpr Flag kVerbose = {"verbose", "", "libraries, formats and the machine, too"};
constexpr Flag kJson = {"json", "", "as JSON, for programs"};

constexpr Flag kVersionFlags[] = {kVerbose};
constexpr Flag kServeFlags[] = {kEnvFile};
constexpr Flag kCheckFlags[] = {kEnvFile, kUser, kJson};
constexpr Flag kHelpFlags[] = {{"markdown", "", "variables or url-options, for a document"}};
constexpr Flag kPrintFlags[] = {
    kEnvFile, {"changed", "", "without those that have their default"}, kJson};

constexpr Command kCommands[] = {
    {"serve", "", 0, 0, "serve, as the IMGPROXY_* variables say; so does imgring alone",
     kServeFlags, serve_now},
    {"check-config", "", 0, 0,
     "make the start up to its listening: every problem; status 0: it would start", kCheckFlags,
     check_config},
    {"print-config", "", 0, 0, "every setting, its value and where it comes from", kPrintFlags,
     print_configuration},
    {"doctor", "", 0, 0,
     "look at what the server needs of this machine: kernel, limits, stores, clock, keys",
     kCheckFlags, examine},
    {"health", "", 0, 0, "ask the server of this environment; status 0: it is well", kServeFlags,
     ask_health},
    {"sign", "PATH", 1, 1, "the path with its signature in front", kServeFlags, sign_path},
    {"verify", "URL", 1, 1, "which key signed it, or what is wrong with its signature", kServeFlags,
     verify_url},
    {"explain", "URL", 1, 1,
     "what would be done for it: source, options, plan step by step, headers", kServeFlags,
     explain_url},
    {"version", "", 0, 0, "the version", kVersionFlags, show_version},
    {"completion",
     "SHELL",
     1,
     1,
     "a script that completes words: bash, zsh or fish",
     {},
     show_completion},
    {"man", "", 0, 0, "the manual page, in roff", {}, show_man},
    {"help", "[TOPIC]", 0, 1,
     "this text; or about a command, a variable, a URL option, \"variables\", \"url-options\"",
     kHelpFlags, show_help},
};

// Other spellings of commands.
struct Spelling {
  std::string_view written, meant;
};
constexpr Spelling kSpellings[] = {{"--version", "version"}, {"--help", "help"}, {"-h", "help"}};

// A descriptor that is closed would be given to the first file or socket, and the log would be
// written to it.
void open_standard_files() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest that is free: all before it are open by now.
    if (open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) < 0) return;
  }
}

// `imgring help | head -1` is no fault; a full disk is.
int finish_output(int status) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
  pollfd reader{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  const bool gone = poll(&reader, 1, 0) == 1 && (reader.revents & (POLLERR | POLLHUP)) != 0;
  if (gone) return status;
  std::fprintf(stderr, "imgring: standard output did not take all of it; is the disk full?\n");
  return status == server::kExitOk ? 1 : status;
}

int wrong_word(const std::string& why, std::string_view command) {
  std::fprintf(stderr, "imgring: %s\nimgring help%s%s tells more\n", why.c_str(),
               command.empty() ? "" : " ", std::string(command).c_str());
  return server::kExitFailed;
}

int unknown_command(std::string_view word) {
  std::vector<std::string_view> names;
  for (const Command& command : kCommands) names.push_back(command.name);
  return wrong_word("unknown command " + std::string(word) + did_you_mean(word, names), "");
}

bool asks_for_help(std::span<char* const> words) {
  for (const std::string_view word : words) {
    if (word == "--") return false;
    if (word == "--help" || word == "-h") return true;
  }
  return false;
}

int run(const Command& command, std::span<char* const> words) {
  if (asks_for_help(words)) {
    std::fputs(command_text(command).c_str(), stdout);
    return server::kExitOk;
  }
  auto context = parse_words(command, words);
  if (!context) return wrong_word(context.error(), command.name);
  if (auto done = take_on(*context); !done) {
    std::fprintf(stderr, "imgring: %s\n", done.error().c_str());
    return server::kExitFailed;
  }
  return command.run(*context);
}

}  // namespace

std::span<const Command> commands() noexcept { return kCommands; }

const Command* find_command(std::string_view name) noexcept {
  for (const Command& command : kCommands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

int run_command(int argc, char** argv, char**) {
  std::signal(SIGPIPE, SIG_IGN);  // before anything is written: a reader may be gone
  open_standard_files();
  mem::tune_allocator();
  // Not for people: the server starts itself so.
  if (argc == 3 && argv[1] == std::string_view(sandbox::kCommand)) {
    return sandbox::run_worker(image::sandbox_kinds(), argv[2]);
  }
  const std::span<char* const> words(argv + 1, argv + std::max(argc, 1));
  std::string_view name = words.empty() ? "serve" : words[0];
  for (const Spelling& spelling : kSpellings)
    name = spelling.written == name ? spelling.meant : name;
  // Flags alone are those of serve.
  if (name.starts_with('-')) return finish_output(run(*find_command("serve"), words));
  const Command* command = find_command(name);
  if (command == nullptr) return unknown_command(name);
  return finish_output(run(*command, words.subspan(words.empty() ? 0 : 1)));
}

}  // namespace imgring::cli
