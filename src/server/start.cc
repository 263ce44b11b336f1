// Configuration to snapshot: rules, auxiliary images.
#include "imgring/server/start.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "imgring/base/uri.h"
#include "imgring/config/load.h"
#include "imgring/format/sniff.h"
#include "imgring/image/abilities.h"
#include "imgring/image/versions.h"
#include "imgring/loop/make_engine.h"
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
  const std::string& url;
};

Result<std::shared_ptr<const pipeline::AuxImage>> load_aux(const config::Config& config,
                                                           const AuxInput& input) {
  if (input.data.empty() && input.url.empty()) return nullptr;
  const std::string what = input.what, variable = input.variable;
  auto image = std::make_shared<pipeline::AuxImage>();
  if (!input.data.empty()) {
    image->bytes = input.data;
  } else {
    Result<std::string> bytes = fetch_once(config, input.url);
    if (!bytes) {
      const bool fetched = bytes.error().code != ErrorCode::kInternal;
      return fail(fetched ? ErrorCode::kSourceUnreachable : ErrorCode::kInternal,
                  "can't load the " + what + " from " + display_setting(input.url) + " (" +
                      variable + "_URL): " + bytes.error().detail);
    }
    image->bytes = std::move(*bytes);
  }
  image->type = format::detect_type(as_bytes(image->bytes), "", "");
  if (image->type == ImageType::kUnknown) {
    const char* from = input.data.empty() ? "_URL" : "_DATA or _PATH";
    return fail(ErrorCode::kInternal,
                "the " + what + " (" + variable + from + ") is of no known image type");
  }
  image->decode_bytes = pipeline::decode_bytes_of(as_bytes(image->bytes), image->type);
  return image;
}

}  // namespace

Result<SnapshotPtr> make_snapshot(config::Config config, const Logger& log) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->abilities = image::ask_abilities();
  const std::string missing = format::missing_text(snapshot->abilities);
  if (!missing.empty()) {
    log.warning(image::vips_version_text() + missing + ": such requests are answered with 422");
  }
  const std::string dropped =
      format::drop_unsaved(&config.processing.preferred_formats, snapshot->abilities);
  if (!dropped.empty()) log.warning(dropped);
  if (config.processing.preferred_formats.empty()) {
    return fail(ErrorCode::kInternal,
                "invalid IMGPROXY_PREFERRED_FORMATS value: none of these can be saved");
  }
  std::vector<std::string> warnings;
  IMGRING_TRY(snapshot->rules, url::UrlRules::build(config, &warnings));
  for (const std::string& text : warnings) log.warning(text);
  const config::ProcessingConfig& p = config.processing;
  IMGRING_TRY(snapshot->watermark, load_aux(config, {"watermark", "IMGPROXY_WATERMARK",
                                                     p.watermark_data, p.watermark_url}));
  IMGRING_TRY(snapshot->fallback, load_aux(config, {"fallback image", "IMGPROXY_FALLBACK_IMAGE",
                                                    p.fallback_image_data, p.fallback_image_url}));
  snapshot->config = std::move(config);
  return SnapshotPtr(std::move(snapshot));
}

int start_status(const Error& error) noexcept {
  return error.code == ErrorCode::kSourceUnreachable ? kExitFailed : kExitConfig;
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
