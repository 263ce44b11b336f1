// Commands about URLs: sign, verify, explain. Main thread, nothing is served.
#include <cstdio>
#include <ctime>

#include "commands.h"
#include "imgring/base/text.h"
#include "imgring/base/uri.h"
#include "imgring/config/load.h"
#include "imgring/format/sniff.h"
#include "imgring/image/vips_image.h"
#include "imgring/pipeline/plan.h"
#include "imgring/sandbox/children.h"
#include "imgring/server/run.h"
#include "imgring/server/start.h"
#include "imgring/service/answers.h"
#include "imgring/url/request.h"
#include "signature_mistakes.h"

namespace imgring::cli {

namespace {

std::optional<config::Config> quiet_config(const CommandContext& context) {
  config::LoadInput input;
  input.environment = config::read_environment(context.environment);
  config::LoadReport report;
  auto config = config::load_config(input, &report);
  for (const std::string& text : report.errors) std::fprintf(stderr, "error: %s\n", text.c_str());
  return config;
}

// "https://host/sig/path" or "/sig/path" to "/sig/path".
std::string_view target_of(std::string_view url) noexcept {
  const std::size_t scheme = url.find("://");
  if (url.starts_with('/') || scheme == std::string_view::npos) return url;
  const std::size_t path = url.find('/', scheme + 3);
  return path == std::string_view::npos ? std::string_view("/") : url.substr(path);
}

// The one pair that made it, if one did.
void print_verdicts(const url::SplitTarget& split, std::string_view written,
                    const config::Config& config) {
  const std::string path = url::signed_text(split.path);
  std::printf("signed text: %s\n", path.c_str());
  const auto given = base64url_decode(split.signature);
  int number = 0;
  for (const config::KeySalt& pair : config.url.keys) {
    ++number;
    const std::string right = url::sign({.path = path,
                                         .key = pair.key,
                                         .salt = pair.salt,
                                         .size_bytes = config.url.signature_size_bytes});
    const bool made = right == split.signature || (given && base64url_decode(right) == given);
    if (made) std::printf("key %d: the signature is right\n", number);
    if (made) return;
  }
  const std::string_view target = target_of(written);
  const std::size_t mark = target.find('?');
  const GivenUrl url{
      .signature = split.signature,
      .path = path,
      .query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1),
      .prefix = config.server.path_prefix,
      .origin = written.substr(0, written.size() - target.size())};
  const std::string mistake = signature_mistake(url, config.url);
  std::printf("%s\n", mistake.empty() ? "none of the keys made it, nor does one of the usual "
                                        "mistakes: another key, or another path was signed"
                                      : mistake.c_str());
}

}  // namespace

int sign_path(const CommandContext& context) {
  const auto config = quiet_config(context);
  if (!config) return server::kExitConfig;
  if (config->url.keys.empty()) {
    std::fprintf(stderr, "IMGPROXY_KEY and IMGPROXY_SALT are not set\n");
    return server::kExitConfig;
  }
  std::string path(target_of(context.arguments[0]));  // of a whole URL, what is sent of it
  if (!path.starts_with('/')) path.insert(path.begin(), '/');
  const std::string any = config->server.path_prefix + "/_" + path;
  // What is signed is the path as the server reads it (urls.md section 2).
  const auto split = url::split_target(any, config->server.path_prefix);
  if (!split) {
    std::fprintf(stderr, "not a path that can be signed: %s\n", split.error().detail.c_str());
    return server::kExitFailed;
  }
  const std::string signed_path = url::signed_text(split->path);
  const config::KeySalt& pair = config->url.keys[0];
  const std::string signature = url::sign({.path = signed_path,
                                           .key = pair.key,
                                           .salt = pair.salt,
                                           .size_bytes = config->url.signature_size_bytes});
  std::printf("%s/%s%s\n", config->server.path_prefix.c_str(), signature.c_str(), path.c_str());
  return server::kExitOk;
}

int verify_url(const CommandContext& context) {
  const auto config = quiet_config(context);
  if (!config) return server::kExitConfig;
  const auto split = url::split_target(target_of(context.arguments[0]), config->server.path_prefix);
  if (!split) {
    std::printf("no signature and path in it: %s\n", split.error().detail.c_str());
    return 1;
  }
  const Result<void> verdict = url::verify_signature(*split, config->url);
  if (config->url.keys.empty()) {
    std::printf("signatures are not checked: IMGPROXY_KEY and IMGPROXY_SALT are not set\n");
  } else {
    print_verdicts(*split, context.arguments[0], *config);
  }
  if (verdict) {
    std::printf("accepted\n");
    return server::kExitOk;
  }
  std::printf("refused: %s\n", std::string(verdict.error().public_text()).c_str());
  return 1;
}

namespace {

void print_plan(const pipeline::Foreseen& seen, const url::RequestOptions& options,
                std::string_view source_url, const config::Config& config) {
  if (seen.skipped) {
    std::printf("plan: the source's own bytes are the answer (SVG: after the sanitiser)\n");
    return;
  }
  std::printf("plan:\n%s\n", pipeline::describe(seen.plan).c_str());
  const format::Format& facts = facts_of(seen.plan.result_type);
  const auto fresh =
      service::cache_control(service::Freshness{.now_unix_s = std::time(nullptr),
                                                .expires_unix_s = options.expires_unix_s},
                             config);
  std::printf("headers:\n  Content-Type: %s\n  Content-Disposition: %s\n  Cache-Control: %s\n",
              std::string(facts.mime).c_str(),
              service::content_disposition({.filename = options.filename,
                                            .source_url = source_url,
                                            .extension = facts.extension,
                                            .attachment = options.return_attachment})
                  .c_str(),
              fresh.value_or("none").c_str());
}

// How much of the source an info URL needs.
const char* needs_of(const url::InfoOptions& wanted) noexcept {
  if (wanted.wants_pixels()) return "the whole file, and its pixels";
  return wanted.wants_file() ? "the whole file" : "the header, where the format has one in front";
}

Result<void> explain_info(const url::ProcessingRequest& request, pipeline::RenderJob job,
                          const config::Config& config) {
  const url::RequestOptions options =
      pipeline::info_picture_options(request.options, *request.info);
  const pipeline::InfoRequest info{.options = &*request.info,
                                   .size_bytes = static_cast<std::int64_t>(job.source.size())};
  job.options = &options;
  job.info = &info;
  const StopFlag stop;
  IMGRING_TRY(const pipeline::RenderedImage told, pipeline::render(job, stop));
  const auto fresh =
      service::cache_control(service::Freshness{.now_unix_s = std::time(nullptr),
                                                .expires_unix_s = request.options.expires_unix_s},
                             config);
  std::printf(
      "needs: %s\nanswer: %s\nheaders:\n  Content-Type: application/json\n"
      "  Cache-Control: %s\n",
      needs_of(*request.info), std::string(as_text(told.bytes.span())).c_str(),
      fresh.value_or("none").c_str());
  return {};
}

Result<url::ProcessingRequest> parsed_of(const server::Snapshot& snapshot,
                                         const url::SplitTarget& split) {
  if (split.info) return snapshot.rules->parse_info(split.path, std::time(nullptr));
  return snapshot.rules->parse(split.path, {}, std::time(nullptr));
}

Result<void> explain(const server::Snapshot& snapshot, std::string_view target) {
  const config::Config& config = snapshot.config;
  IMGRING_TRY(url::SplitTarget split, url::split_target(target, config.server.path_prefix));
  const Result<void> verdict = url::verify_signature(split, config.url);
  std::printf("signature: %s\n", verdict ? "accepted" : verdict.error().detail.c_str());
  IMGRING_TRY(url::ProcessingRequest request, parsed_of(snapshot, split));
  std::printf(
      "source: %s\n%s: %s\n", display_text(request.source_url).c_str(),
      request.info ? "info options" : "options",
      (request.info ? url::describe(*request.info) : url::describe(request.options)).c_str());
  if (!request.ignored.empty()) {
    std::printf("left out, not built: %s\n", join(request.ignored, ", ").c_str());
  }
  if (request.options.raw) {
    std::printf("plan: the source is streamed as it is\n");
    return {};
  }
  IMGRING_TRY(std::string bytes, server::fetch_once(config, request.source_url));
  pipeline::RenderJob job;
  job.source = as_bytes(bytes);
  job.source_type = format::detect_type(job.source, "", "");
  job.options = &request.options;
  job.config = &config.processing;
  job.watermark = snapshot.watermark.get();
  job.abilities = snapshot.abilities;
  IMGRING_TRY(job.profile, service::profile_of(snapshot, request.options));
  sandbox::Children children({});
  job.children = &children;
  std::printf("source content: %s, %zu bytes\n",
              std::string(facts_of(job.source_type).name).c_str(), bytes.size());
  if (job.source_type == ImageType::kUnknown) return fail(ErrorCode::kUnknownType);
  if (request.info) return explain_info(request, job, config);
  IMGRING_TRY(pipeline::Foreseen seen, pipeline::foresee(job));
  print_plan(seen, request.options, request.source_url, config);
  return {};
}

}  // namespace

int explain_url(const CommandContext& context) {
  const auto config = quiet_config(context);
  if (!config) return server::kExitConfig;
  const auto failed = [](const Error& error) {
    std::fprintf(stderr, "%d %s: %s\n", error.status(), std::string(error.public_text()).c_str(),
                 error.detail.c_str());
    return 1;
  };
  if (auto ok = image::init_vips("imgring"); !ok) return failed(ok.error());
  server::Findings found;
  const server::SnapshotPtr snapshot = server::make_snapshot(*config, found);
  for (const auto& one : found.problems) std::fprintf(stderr, "error: %s\n", one.text.c_str());
  if (snapshot == nullptr) return server::status_of(found.problems);
  const Result<void> done = explain(*snapshot, target_of(context.arguments[0]));
  return done ? server::kExitOk : failed(done.error());
}

}  // namespace imgring::cli
