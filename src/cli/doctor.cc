// doctor: what the server needs of this machine, looked at one by one. Main thread, blocking; each
// look at a network has a limit.
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <set>

#include "commands.h"
#include "imgring/base/system_text.h"
#include "imgring/base/text.h"
#include "imgring/base/uri.h"
#include "imgring/image/abilities.h"
#include "imgring/image/library_words.h"
#include "imgring/image/versions.h"
#include "imgring/loop/io.h"
#include "imgring/mem/ledger.h"
#include "imgring/mem/machine.h"
#include "imgring/net/tls.h"
#include "imgring/server/run.h"
#include "imgring/server/start.h"
#include "imgring/url/source_url.h"

namespace imgring::cli {

namespace {

// kBad: the server does not start, or is useless for what is configured.
enum class Mark : std::uint8_t { kGood, kWarning, kBad };
constexpr std::string_view kMarks[] = {"ok", "warning", "bad"};  // of Mark

struct Look {
  std::string_view what;
  Mark mark;
  std::string text;
};
using Looks = std::vector<Look>;

void look_at_kernel(Looks& out) {
  utsname names{};
  uname(&names);
  const std::string release = names.release;
  const auto parts = split(release, ".");
  const auto major = parse_int(parts[0]);
  const auto minor = parse_int(parts.size() > 1 ? parts[1] : "");
  const bool new_enough = major && minor && (*major > 6 || (*major == 6 && *minor >= 1));
  out.push_back({"kernel", new_enough ? Mark::kGood : Mark::kWarning,
                 "Linux " + release + (new_enough ? "" : ": io_uring needs 6.1 or newer")});
}

// Verdicts of the start itself, with the engine among them.
int look_at_start(const CommandContext& context, Looks& out,
                  std::optional<config::Config>* config) {
  server::LoadedConfig loaded = server::load_environment(context.environment);
  server::Findings found;
  for (std::string& text : loaded.report.errors) {
    found.problems.push_back({server::kExitConfig, std::move(text)});
  }
  *config = loaded.config;
  if (loaded.config) {
    server::make_start(std::move(*loaded.config), server::Listening::kTried, found);
  }
  for (const auto& one : found.problems) out.push_back({"start", Mark::kBad, one.text});
  for (const auto& text : found.warnings) out.push_back({"start", Mark::kWarning, text});
  if (found.problems.empty()) {
    out.push_back({"start", Mark::kGood, "settings, engine, pictures and addresses are good"});
  }
  return server::status_of(found.problems);
}

void look_at_limits(const config::Config& config, Looks& out) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  // A client and its source, and what the process has for itself.
  const std::uint64_t wanted = 2 * static_cast<std::uint64_t>(config.server.max_clients) + 64;
  const bool enough = files.rlim_cur >= wanted;
  std::string text = std::to_string(files.rlim_cur) + " file descriptors, " +
                     std::to_string(wanted) +
                     " for IMGPROXY_MAX_CLIENTS=" + std::to_string(config.server.max_clients);
  if (!enough) text += ": raise LimitNOFILE (ulimit -n), or lower IMGPROXY_MAX_CLIENTS";
  out.push_back({"limits", enough ? Mark::kGood : Mark::kWarning, std::move(text)});
  const server::Plan plan = server::plan_threads(config);
  const int threads = plan.loops + 2 * plan.helpers;
  out.push_back({"limits", Mark::kGood,
                 std::to_string(mem::usable_cpus()) + " processors, " + std::to_string(threads) +
                     " threads of loops and helpers"});
}

void look_at_memory(const config::Config& config, Looks& out) {
  constexpr std::uint64_t kComfortMib = 128;  // two helpers are served
  const mem::MemoryLimit limit = mem::memory_limit(config.memory.limit_mib);
  std::string text = std::to_string(limit.bytes >> 20) + " MiB (" + std::string(limit.origin) + ")";
  for (std::size_t i = 0; i < mem::kPartCount; ++i) {
    const auto part = static_cast<mem::Part>(i);
    text += (i == 0 ? ": " : ", ") + std::string(mem::facts_of(part).name) + " " +
            std::to_string(mem::part_bytes(part, limit.bytes) >> 20);
  }
  const bool enough = (limit.bytes >> 20) >= kComfortMib;
  if (!enough) text += "; with less than 128 many requests get 503: raise the limit";
  out.push_back({"memory", enough ? Mark::kGood : Mark::kWarning, std::move(text)});
}

void look_at_formats(Looks& out) {
  const format::Abilities abilities = image::ask_abilities();
  const std::string missing = format::missing_text(abilities);
  out.push_back({"formats", missing.empty() ? Mark::kGood : Mark::kWarning,
                 image::vips_version_text() + ": " + format::abilities_text(abilities) +
                     (missing.empty() ? "" : ";" + missing)});
}

void look_at_certificates(Looks& out) {
  const auto trust = net::TrustStore::load();
  out.push_back({"https", trust ? Mark::kGood : Mark::kWarning,
                 trust ? "certificates of the system are there"
                       : "no https source can be had: " + trust.error().detail});
}

// 15 minutes beside the world signatures of S3 are refused, and certificates look wrong.
void look_at_clock(Looks& out) {
  timex clock{};
  const int state = adjtimex(&clock);
  const bool synchronised = state >= 0 && state != TIME_ERROR;
  char now[32] = "";
  const std::time_t time = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", &parts);
  out.push_back({"clock", synchronised ? Mark::kGood : Mark::kWarning,
                 std::string(now) +
                     (synchronised ? ", synchronised"
                                   : ", not synchronised as far as the kernel knows: run chrony or "
                                     "systemd-timesyncd, as S3 refuses 15 minutes of difference")});
}

std::string_view weakness_of(std::string_view secret) {
  constexpr std::size_t kBytesMin = 16;  // 128 bits
  if (secret.size() < kBytesMin) return "is shorter than 16 bytes";
  const std::set<char> kinds(secret.begin(), secret.end());
  // Of 16 random bytes fewer than 12 different ones come once in 70 000 times.
  if (kinds.size() < std::min<std::size_t>(secret.size(), kBytesMin) * 3 / 4) {
    return "repeats few bytes";
  }
  const bool text = std::ranges::all_of(secret, [](char c) { return c >= ' ' && c < 0x7F; });
  return text ? "decodes to plain text, which can be guessed" : std::string_view();
}

void look_at_keys(const config::Config& config, Looks& out) {
  const std::string cure = ": openssl rand -hex 32 makes one";
  if (config.url.keys.empty()) {
    out.push_back({"keys", Mark::kWarning,
                   "IMGPROXY_KEY and IMGPROXY_SALT are not set: anyone can have images made"});
    return;
  }
  const std::size_t before = out.size();
  int number = 0;
  for (const config::KeySalt& pair : config.url.keys) {
    const std::string which = std::to_string(++number);
    const std::pair<const char*, std::string_view> both[] = {{"key ", pair.key},
                                                             {"salt ", pair.salt}};
    for (const auto& [name, secret] : both) {
      const std::string_view weak = weakness_of(secret);
      if (weak.empty()) continue;
      out.push_back({"keys", Mark::kWarning, name + which + " " + std::string(weak) + cure});
    }
    if (pair.key == pair.salt) {
      out.push_back({"keys", Mark::kWarning, "key " + which + " is its own salt" + cure});
    }
  }
  if (out.size() > before) return;
  out.push_back(
      {"keys", Mark::kGood, std::to_string(number) + " of them, long and without pattern"});
}

// Whether somebody answers there; empty: yes, else why not.
std::string connect_problem(const std::string& host, const std::string& port) {
  constexpr int kConnectMs = 3000;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int rc = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (rc != 0) return std::string("its name can't be looked up: ") + gai_strerror(rc);
  std::string why = "no address";
  for (const addrinfo* one = found; one != nullptr && !why.empty(); one = one->ai_next) {
    const loop::Fd fd(socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    int error = connect(fd.get(), one->ai_addr, one->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      pollfd wait{.fd = fd.get(), .events = POLLOUT, .revents = 0};
      socklen_t size = sizeof error;
      const bool ended = poll(&wait, 1, kConnectMs) == 1;
      if (!ended || getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        error = ETIMEDOUT;
      }
    }
    why = error == 0 ? "" : std::strerror(error);
  }
  freeaddrinfo(found);
  return why;
}

void look_at_host(std::string_view variable, const std::string& address, Looks& out) {
  const std::string written =
      address.find("://") == std::string::npos ? "http://" + address : address;
  const auto url = url::parse_http_url(written);
  if (!url) return;  // the start has said so
  const std::string port = std::to_string(url->port);
  const std::string why = connect_problem(url->host, port);
  out.push_back({"stores", why.empty() ? Mark::kGood : Mark::kWarning,
                 url->host + ":" + port + " (" + std::string(variable) + ")" +
                     (why.empty() ? " answers" : " can't be reached: " + why)});
}

void look_at_stores(const config::SourceConfig& source, const std::string& base_url, Looks& out) {
  if (!source.local_filesystem_root.empty()) {
    out.push_back(
        {"stores", Mark::kGood,
         source.local_filesystem_root + " (IMGPROXY_LOCAL_FILESYSTEM_ROOT) can be entered"});
  }
  if (source.use_s3 && !source.s3_endpoint.empty()) {
    look_at_host("IMGPROXY_S3_ENDPOINT", source.s3_endpoint, out);
  } else if (source.use_s3) {
    const std::string region = source.s3_region.empty() ? "us-west-1" : source.s3_region;
    look_at_host("IMGPROXY_USE_S3", "https://s3." + region + ".amazonaws.com", out);
  }
  if (base_url.starts_with("http")) look_at_host("IMGPROXY_BASE_URL", base_url, out);
  if (!source.http_proxy.empty()) look_at_host("HTTP_PROXY", source.http_proxy, out);
  if (!source.https_proxy.empty()) look_at_host("HTTPS_PROXY", source.https_proxy, out);
}

// A name that every machine knows, and the servers that know others.
void look_at_names(Looks& out) {
  std::FILE* file = std::fopen("/etc/resolv.conf", "re");
  std::string servers;
  char line[512];
  while (file != nullptr && std::fgets(line, sizeof line, file) != nullptr) {
    const std::string_view text = trim(line);
    if (text.starts_with("nameserver ")) servers += " " + std::string(trim(text.substr(11)));
  }
  if (file != nullptr) std::fclose(file);
  out.push_back({"names", servers.empty() ? Mark::kWarning : Mark::kGood,
                 servers.empty()
                     ? "/etc/resolv.conf names no name server: sources by name can't be "
                       "looked up unless one listens on this machine"
                     : "name servers:" + servers});
}

void print_looks(const Looks& looks, bool json) {
  std::string list;
  for (const Look& look : looks) {
    const std::string_view mark = kMarks[static_cast<std::size_t>(look.mark)];
    if (!json) {
      std::printf("%-8s %-8s %s\n", std::string(mark).c_str(), std::string(look.what).c_str(),
                  look.text.c_str());
      continue;
    }
    list += (list.empty() ? "{\"what\":" : ",{\"what\":") + json_quote(look.what) +
            ",\"mark\":" + json_quote(mark) + ",\"text\":" + json_quote(look.text) + "}";
  }
  if (json) std::printf("[%s]\n", list.c_str());
}

}  // namespace

int examine(const CommandContext& context) {
  const Logger log(LogFormat::kStructured, LogLevel::kError, STDERR_FILENO);
  const image::LibraryWords words(log);
  Looks looks;
  std::optional<config::Config> config;
  look_at_kernel(looks);
  const int status = look_at_start(context, looks, &config);
  if (config) {
    look_at_limits(*config, looks);
    look_at_memory(*config, looks);
    look_at_formats(looks);
    look_at_keys(*config, looks);
    look_at_stores(config->source, config->url.base_url, looks);
  }
  look_at_certificates(looks);
  look_at_names(looks);
  look_at_clock(looks);
  print_looks(looks, context.has("json"));
  return status;
}

}  // namespace imgring::cli
