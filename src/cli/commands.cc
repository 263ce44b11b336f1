// The command line: serve, and small helpers around it.
#include "commands.h"

#include <fcntl.h>
#include <netdb.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/cli/run_command.h"
#include "imgring/config/load.h"
#include "imgring/image/abilities.h"
#include "imgring/image/svg_worker.h"
#include "imgring/image/versions.h"
#include "imgring/image/vips_image.h"
#include "imgring/loop/io.h"
#include "imgring/loop/make_engine.h"
#include "imgring/mem/allocator.h"
#include "imgring/mem/ledger.h"
#include "imgring/server/run.h"
#include "imgring/server/start.h"
#include "imgring/source/sources.h"
#include "imgring/url/request.h"

namespace imgring::cli {

namespace {

constexpr const char* kUsage =
    "usage: imgring [COMMAND]\n"
    "\n"
    "Without a command: serve, as the IMGPROXY_* variables say.\n"
    "\n"
    "  version        print the version; --verbose: libraries, formats, machine\n"
    "  health         ask the server of this environment; exit 0 when it is well\n"
    "  check-config   report every problem of the environment; exit 0 when it would start\n"
    "  print-config   every setting, its value and where it comes from\n"
    "  sign PATH      the path with its signature in front\n"
    "  verify URL     which key signed it, or what is wrong with its signature\n"
    "  explain URL    what would be done for it: source, options, plan step by step, headers\n"
    "  man            the manual page, in roff\n"
    "  help           this text and every variable that has an effect\n";

using Context = CommandContext;

// What IMGRING_ENGINE=auto means here, and why.
std::string engine_text() {
  const auto choice = loop::choose_engine(EngineKind::kAuto);
  if (!choice) return choice.error().detail;
  const std::string name(engine_name(choice->kind));
  return choice->refused.empty() ? name : name + "; " + choice->refused;
}

int show_version(const Context& context) {
  std::printf("imgring " IMGRING_VERSION "\n");
  if (context.arguments.empty() || context.arguments[0] != "--verbose") return server::kExitOk;
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

int show_help(const Context&) {
  std::printf("%s\n%s", kUsage, config::help_text().c_str());
  return server::kExitOk;
}

int show_man(const Context&) {
  std::fputs(config::man_page(kUsage).c_str(), stdout);
  return server::kExitOk;
}

config::LoadReport load_report(const Context& context, std::optional<config::Config>* config) {
  config::LoadInput input;
  input.environment = config::read_environment(context.environment);
  config::LoadReport report;
  *config = config::load_config(input, &report);
  return report;
}

// What a start looks at once the values themselves are good: proxies, presets, patterns.
void check_parts(const config::Config& config, config::LoadReport& report) {
  if (const auto ok = source::check_sources(config.source); !ok) {
    report.errors.push_back(ok.error().detail);
  }
  if (const auto ok = url::UrlRules::build(config, &report.warnings); !ok) {
    report.errors.push_back(ok.error().detail);
  }
}

int check_config(const Context& context) {
  std::optional<config::Config> config;
  config::LoadReport report = load_report(context, &config);
  if (config) check_parts(*config, report);
  const bool good = report.errors.empty();
  for (const std::string& text : report.errors) std::printf("error: %s\n", text.c_str());
  for (const std::string& text : report.warnings) std::printf("warning: %s\n", text.c_str());
  for (const std::string& text : report.notes) std::printf("note: %s\n", text.c_str());
  std::printf(good ? "the configuration is good\n" : "the server would not start\n");
  return good ? server::kExitOk : server::kExitConfig;
}

int print_configuration(const Context& context) {
  std::optional<config::Config> config;
  const config::LoadReport report = load_report(context, &config);
  std::fputs(config::print_config(report).c_str(), stdout);
  const mem::MemoryLimit limit = mem::memory_limit(config ? config->memory.limit_mib : 0);
  std::fputs(mem::describe_ledger(limit).c_str(), stdout);
  for (const std::string& text : report.errors) std::fprintf(stderr, "error: %s\n", text.c_str());
  return config ? server::kExitOk : server::kExitConfig;
}

loop::Fd connect_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return {};
  std::memcpy(address.sun_path, path.data(), path.size());
  loop::Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

loop::Fd connect_tcp(const std::string& bind) {
  const std::size_t colon = bind.rfind(':');
  if (colon == std::string::npos) return {};
  std::string host = bind.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  if (host.empty() || host == "0.0.0.0" || host == "::") host = "localhost";
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), bind.c_str() + colon + 1, &hints, &found) != 0) return {};
  loop::Fd fd;
  for (addrinfo* one = found; one != nullptr && !fd; one = one->ai_next) {
    fd = loop::Fd(socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(fd.get(), one->ai_addr, one->ai_addrlen) != 0) fd.reset();
  }
  freeaddrinfo(found);
  return fd;
}

// As imgproxy's: body on standard error, 0 on status 200.
int ask_health(const Context& context) {
  config::LoadInput input;
  input.environment = config::read_environment(context.environment);
  config::LoadReport report;
  const auto config = config::load_config(input, &report);
  if (!config) {
    for (const std::string& text : report.errors) std::fprintf(stderr, "%s\n", text.c_str());
    return server::kExitConfig;
  }
  const bool is_unix = config->server.network == config::Network::kUnix;
  const std::string& bind = config->server.bind;
  const loop::Fd fd = is_unix ? connect_unix(bind) : connect_tcp(bind);
  if (!fd) {
    std::fprintf(stderr, "nothing listens on %s\n", bind.c_str());
    return 1;
  }
  std::string prefix = config->server.path_prefix;
  if (prefix.ends_with('/')) prefix.pop_back();
  const std::string request =
      "GET " + prefix + "/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  if (write(fd.get(), request.data(), request.size()) < 0) return 1;
  std::string answer;
  char piece[4096];
  ssize_t got = 0;
  while ((got = read(fd.get(), piece, sizeof piece)) > 0) {
    answer.append(piece, static_cast<std::size_t>(got));
  }
  const std::size_t body = answer.find("\r\n\r\n");
  if (body != std::string::npos) std::fprintf(stderr, "%s\n", answer.c_str() + body + 4);
  return answer.starts_with("HTTP/1.1 200 ") ? server::kExitOk : 1;
}

struct Command {
  std::string_view name;
  int (*run)(const Context&);
};
constexpr Command kCommands[] = {
    {"version", show_version},
    {"--version", show_version},
    {"help", show_help},
    {"--help", show_help},
    {"-h", show_help},
    {"man", show_man},
    {"check-config", check_config},
    {"print-config", print_configuration},
    {"health", ask_health},
    {"sign", sign_path},
    {"verify", verify_url},
    {"explain", explain_url},
};

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

}  // namespace

int run_command(int argc, char** argv, char** environment) {
  std::signal(SIGPIPE, SIG_IGN);  // before anything is written: a reader may be gone
  open_standard_files();
  mem::tune_allocator();
  // Not for people: the server starts itself so.
  if (argc == 2 && argv[1] == std::string_view(image::kSvgCommand)) return image::run_svg_worker();
  if (argc < 2) return server::serve(environment);
  const std::string_view name = argv[1];
  for (const Command& command : kCommands) {
    if (command.name != name) continue;
    return finish_output(command.run(Context{environment, {argv + 2, argv + argc}}));
  }
  std::fprintf(stderr, "imgring: unknown command %s\n\n%s", argv[1], kUsage);
  return server::kExitFailed;
}

}  // namespace imgring::cli
