// Configuration to snapshot: rules, auxiliary images.
#include "imgring/server/start.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "imgring/base/uri.h"
#include "imgring/config/load.h"
#include "imgring/format/sniff.h"
#include "imgring/image/abilities.h"
#include "imgring/image/library.h"
#include "imgring/image/versions.h"
#include "imgring/loop/make_engine.h"
#include "imgring/mem/allocator.h"
#include "imgring/pipeline/estimate.h"
#include "imgring/server/run.h"
#include "imgring/source/sources.h"

namespace imgring::server {

LoadedConfig load_environment(char** environment) {
  config::LoadInput input;
  input.environment = config::read_environment(environment);
  input.stdout_is_terminal = isatty(STDOUT_FILENO) == 1;
  LoadedConfig out;
  out.config = config::load_config(input, &out.report);
  out.log_format = input.stdout_is_terminal ? LogFormat::kPretty : LogFormat::kStructured;
  if (!out.config) return out;
  out.log_format = out.config->observe.log_format;
  out.log_level = out.config->observe.log_level;
  return out;
}

void log_report(const config::LoadReport& report, const Logger& log) {
  for (const std::string& text : report.warnings) log.warning(text);
  for (const std::string& text : report.notes) log.info(text);
  for (const std::string& text : report.errors) log.critical(text);
}

namespace {

loop::Task<void> fetch_into(source::Sources& sources, std::string url, Result<std::string>* out) {
  loop::Scope scope;
  source::SourceRequest request;
  request.url = std::move(url);
  Result<source::SourceAnswer> answer = co_await sources.fetch(scope, request);
  if (answer) {
    *out = std::string(as_text(answer->body.bytes()));
  } else {
    *out = std::unexpected(answer.error());
  }
  answer = fail(ErrorCode::kInternal);  // the lease goes back before the sources close
  co_await sources.close();
}

}  // namespace

Result<std::string> fetch_once(const config::Config& config, const std::string& url) {
  IMGRING_TRY(std::unique_ptr<loop::Engine> engine,
              loop::make_engine({.kind = config.server.engine}));
  loop::Loop loop(std::move(engine));
  mem::BufferPool pool(mem::PoolOptions{});
  mem::Ledger ledger(mem::memory_limit(config.memory.limit_mib).bytes);
  Result<std::string> out = fail(ErrorCode::kInternal);
  source::Sources sources(
      source::SourcesContext{.loop = loop, .config = config, .downloads = pool, .ledger = ledger});
  loop.run(fetch_into(sources, url, &out));
  return out;
}

namespace {

struct AuxInput {
  const char* what;      // "watermark"
  const char* variable;  // without _DATA, _PATH and _URL
  const std::string& data;
  const std::string& path;  // where the data came from; empty: from _DATA
  const std::string& url;

  std::string set_variable() const {
    const char* part = data.empty() ? "_URL" : path.empty() ? "_DATA" : "_PATH";
    return std::string(variable) + part;
  }
};

using AuxPtr = std::shared_ptr<const pipeline::AuxImage>;

// What can't be fetched now may be there at the next try; a URL that is refused is refused then,
// too.
int fetch_status(const Error& error) noexcept {
  const bool refused =
      error.code == ErrorCode::kInternal || error.code == ErrorCode::kInvalidSourceUrl;
  return refused ? kExitConfig : kExitFailed;
}

Result<std::string> fetch_setting(const config::Config& config, const std::string& url) {
  IMGRING_TRY_VOID(source::check_scheme(config.source, url));
  return fetch_once(config, url);
}

AuxPtr load_aux(const config::Config& config, const AuxInput& input, Findings& found) {
  if (input.data.empty() && input.url.empty()) return nullptr;
  const std::string what = input.what, variable = input.variable;
  auto image = std::make_shared<pipeline::AuxImage>();
  image->bytes = input.data;
  if (input.data.empty()) {
    Result<std::string> bytes = fetch_setting(config, input.url);
    if (!bytes) {
      found.problems.push_back({fetch_status(bytes.error()),
                                "can't load the " + what + " from " + display_setting(input.url) +
                                    " (" + variable + "_URL): " + bytes.error().detail +
                                    "; correct the URL, or give the picture by " + variable +
                                    "_PATH"});
      return nullptr;
    }
    image->bytes = std::move(*bytes);
  }
  image->type = format::detect_type(as_bytes(image->bytes), "", "");
  if (image->type == ImageType::kUnknown) {
    found.problems.push_back(
        {kExitConfig, "the " + what + " (" + input.set_variable() + ", " +
                          std::to_string(image->bytes.size()) +
                          " bytes) is of no known image type: give a picture, or unset it"});
    return nullptr;
  }
  pipeline::measure(image.get());
  return image;
}

void drop_unsaved(Snapshot& snapshot, config::Config& config, Findings& found) {
  const std::string missing = format::missing_text(snapshot.abilities);
  if (!missing.empty()) {
    found.warnings.push_back(image::vips_version_text() + missing +
                             ": such requests are answered with 422");
  }
  auto& wanted = config.processing.preferred_formats;
  std::string dropped = format::drop_unsaved(&wanted, snapshot.abilities);
  if (!dropped.empty()) found.warnings.push_back(std::move(dropped));
  if (wanted.empty()) {
    found.problems.push_back(
        {kExitConfig,
         "invalid IMGPROXY_PREFERRED_FORMATS value: none of these can be saved "
         "by this libvips; name jpeg or png, or unset it"});
  }
}

}  // namespace

SnapshotPtr make_snapshot(config::Config config, Findings& found) {
  const std::size_t before = found.problems.size();
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->abilities = image::ask_abilities();
  drop_unsaved(*snapshot, config, found);
  if (auto rules = url::UrlRules::build(config, &found.warnings)) {
    snapshot->rules = std::move(*rules);
  } else {
    found.problems.push_back({kExitConfig, rules.error().detail + "; correct it or take it out"});
  }
  const config::ProcessingConfig& p = config.processing;
  snapshot->profiles = std::make_shared<const image::ColourProfiles>(
      image::find_colour_profiles(p.color_profiles_dir, &found.warnings));
  snapshot->watermark = load_aux(
      config,
      {"watermark", "IMGPROXY_WATERMARK", p.watermark_data, p.watermark_path, p.watermark_url},
      found);
  snapshot->fallback = load_aux(config,
                                {"fallback image", "IMGPROXY_FALLBACK_IMAGE", p.fallback_image_data,
                                 p.fallback_image_path, p.fallback_image_url},
                                found);
  if (found.problems.size() > before) return nullptr;
  snapshot->config = std::move(config);
  return snapshot;
}

int status_of(const std::vector<Problem>& problems) noexcept {
  int status = kExitOk;
  for (const Problem& problem : problems) status = std::max(status, problem.status);
  return status;
}

Plan plan_threads(const config::Config& config) {
  const int cpus = mem::usable_cpus();
  const int helpers = config.server.workers > 0 ? config.server.workers : cpus;
  return {helpers, config.server.loops > 0 ? config.server.loops : cpus};
}

namespace {

Listeners listen_for(const char* variable, const ListenInput& input, Findings& found) {
  auto out = listen_on(input);
  if (out) return std::move(*out);
  const ListenFailure& failure = out.error();
  std::string text = std::string(variable) + ": " + failure.text;
  if (input.dry && failure.error == EADDRINUSE) {
    found.warnings.push_back(std::move(text));
  } else {
    found.problems.push_back({failure.lasting ? kExitConfig : kExitFailed, std::move(text)});
  }
  return {};
}

Listeners of_handed(loop::Fd socket, int count, Findings& found) {
  auto out = listen_on_handed(std::move(socket), count);
  if (out) return std::move(*out);
  found.problems.push_back({kExitConfig, out.error().text});
  return {};
}

// What was handed over stands in for the variables' addresses.
Sockets open_sockets(const config::Config& config, int loops, Listening listening,
                     Findings& found) {
  HandedOver handed = take_handed_over();
  if (!handed.problem.empty()) found.problems.push_back({kExitConfig, handed.problem});
  ListenInput input;
  input.bind = config.server.bind;
  input.network = config.server.network;
  input.shared = config.server.so_reuseport;
  input.count = loops;
  input.dry = listening == Listening::kTried;
  Sockets out;
  out.main = handed.main ? of_handed(std::move(handed.main), loops, found)
                         : listen_for("IMGPROXY_BIND", input, found);
  if (handed.metrics) out.metrics = of_handed(std::move(handed.metrics), 1, found);
  if (!out.metrics.fds.empty() || config.observe.prometheus_bind.empty()) return out;
  ListenInput metrics;
  metrics.bind = config.observe.prometheus_bind;
  metrics.dry = input.dry;
  out.metrics = listen_for("IMGPROXY_PROMETHEUS_BIND", metrics, found);
  return out;
}

// What `auto` means here, for all loops and for good.
bool settle_engine(config::Config& config, Findings& found) {
  const auto choice = loop::choose_engine(config.server.engine);
  if (!choice) {
    found.problems.push_back({kExitNoUring, choice.error().detail});
    return false;
  }
  config.server.engine = choice->kind;
  if (!choice->refused.empty()) {
    found.warnings.push_back("Serving by epoll, the slower engine: " + choice->refused +
                             "; or set IMGRING_ENGINE=epoll to accept it");
  }
  return true;
}

}  // namespace

Start make_start(config::Config config, Listening listening, Findings& found) {
  Start out;
  out.plan = plan_threads(config);
  if (auto ok = mem::verify_allocator(); !ok) {
    found.problems.push_back({kExitFailed, ok.error().detail});
  }
  const bool engine = settle_engine(config, found);
  if (auto ok = image::init_vips("imgring"); !ok) {
    found.problems.push_back({kExitFailed, ok.error().detail});
    return out;
  }
  image::keep_svg_out();
  if (auto ok = source::check_sources(config.source, &found.warnings); !ok) {
    found.problems.push_back({kExitConfig, ok.error().detail + "; correct it or unset it"});
  } else if (engine) {  // which fetches pictures
    out.snapshot = make_snapshot(config, found);
  }
  // Tried even behind problems: all of them are to be said at once.
  const bool good = found.problems.empty();
  const auto how = good ? listening : Listening::kTried;
  out.sockets = open_sockets(config, out.plan.loops, how, found);
  if (found.problems.empty()) return out;
  out.snapshot = nullptr;
  // The main listener's, where the other one failed.
  out.sockets.main.unix_file.remove();
  return out;
}

Result<SnapshotPtr> reload_snapshot(const Snapshot& old, const config::Config& fresh,
                                    const Logger& log) {
  // A file that was emptied, or is being written, shall not open the door.
  if (!old.config.url.keys.empty() && fresh.url.keys.empty()) {
    return fail(ErrorCode::kInternal,
                "IMGPROXY_KEY and IMGPROXY_SALT are gone: signatures were checked so far; to serve "
                "without, start again");
  }
  auto snapshot = std::make_shared<Snapshot>(old);
  snapshot->config.url = fresh.url;
  std::vector<std::string> warnings;
  IMGRING_TRY(snapshot->rules, url::UrlRules::build(snapshot->config, &warnings));
  for (const std::string& text : warnings) log.warning(text);
  return SnapshotPtr(std::move(snapshot));
}

void notify_supervisor(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || path[0] == '\0') return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t size = std::strlen(path);
  if (size >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path, size);
  if (path[0] == '@') address.sun_path[0] = '\0';  // abstract name
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&address),
         length);
  close(fd);
}

}  // namespace imgring::server
