// The way of an image request: check, fetch, detect, render, describe.
#include "imgring/service/image_request.h"

#include <algorithm>
#include <ctime>

#include "imgring/format/sniff.h"
#include "imgring/mem/gzip.h"
#include "imgring/pipeline/estimate.h"
#include "imgring/service/answers.h"
#include "imgring/service/cookies.h"
#include "imgring/service/error_body.h"
#include "imgring/service/request_log.h"
#include "imgring/service/validators.h"
#include "imgring/source/sources.h"

namespace imgring::service {

namespace {

using loop::CancelReason;
using observe::Span;

constexpr std::size_t kGzipOnLoopBytes = 8 << 10;  // above: a helper (decision 11)
constexpr std::int64_t kRetryAfterSeconds = 1;

// Why the request's scope ended, as the error its client gets.
Error cancelled_error(const loop::Scope& scope, std::string_view where) {
  switch (scope.reason()) {
    case CancelReason::kDeadline:
      return Error(ErrorCode::kTimeout, "IMGPROXY_TIMEOUT is over while " + std::string(where));
    case CancelReason::kShutdown: return Error(ErrorCode::kTimeout, "the server stops");
    case CancelReason::kOverload: return Error(ErrorCode::kOverloaded, std::string(where));
    case CancelReason::kNone:
    case CancelReason::kDone:
    case CancelReason::kClientGone: break;
  }
  return Error(ErrorCode::kCancelled, "the client left while " + std::string(where));
}

image::StopReason stop_reason(const loop::Scope& scope) noexcept {
  if (scope.reason() == CancelReason::kClientGone) return image::StopReason::kClientGone;
  if (scope.reason() == CancelReason::kShutdown) return image::StopReason::kShutdown;
  return image::StopReason::kTimeout;
}

ImageType detect(ByteSpan body, const ImageRequest& request, const http::Headers& headers) {
  const std::string_view url = request.parsed->source_url;
  const std::string_view path = url.substr(0, url.find('?'));
  const std::size_t dot = path.rfind('.');
  const std::string_view extension = dot == std::string_view::npos ? "" : path.substr(dot);
  constexpr std::size_t kHeadBytes = 32 << 10;
  return format::detect_type(body.first(std::min(body.size(), kHeadBytes)), extension,
                             headers.get("content-type"));
}

bool compressible(ImageType type) noexcept {
  return type == ImageType::kSvg || type == ImageType::kBmp || type == ImageType::kIco ||
         type == ImageType::kTiff;
}

// q > 0 for gzip or *.
bool accepts_gzip(std::string_view accept_encoding) {
  double gzip = -1, any = -1;
  for (std::string_view part : split(accept_encoding, ",")) {
    const auto pieces = split(part, ";");
    const std::string_view name = trim(pieces[0]);
    double q = 1;
    for (std::size_t i = 1; i < pieces.size(); ++i) {
      const std::string_view option = trim(pieces[i]);
      if (option.starts_with("q=")) q = parse_float(option.substr(2)).value_or(0);
    }
    if (equal_ignore_case(name, "gzip")) gzip = q;
    if (name == "*") any = q;
  }
  return gzip >= 0 ? gzip > 0 : any > 0;
}

}  // namespace

Result<void> check_request(ImageRequest& request, std::int64_t now_unix_s) {
  const config::Config& config = request.config();
  const http::Headers& headers = request.request->headers;
  if (!config.server.secret.empty() &&
      !equal_constant_time(headers.get("authorization"), "Bearer " + config.server.secret)) {
    return fail(ErrorCode::kForbidden, "the Authorization header is not Bearer IMGPROXY_SECRET");
  }
  IMGRING_TRY(url::SplitTarget split,
              url::split_target(request.request->target, config.server.path_prefix));
  IMGRING_TRY_VOID(url::verify_signature(split, config.url));
  const url::FeatureHeaders hints{.accept = headers.get("accept"),
                                  .sec_ch_dpr = headers.get("sec-ch-dpr"),
                                  .dpr = headers.get("dpr"),
                                  .sec_ch_width = headers.get("sec-ch-width"),
                                  .width = headers.get("width")};
  const auto features = url::detect_features(hints, config.processing);
  IMGRING_TRY(request.parsed, request.snapshot->rules->parse(split.path, features, now_unix_s));
  const url::RequestOptions& options = request.parsed->options;
  if (!options.raw && !request.snapshot->abilities.can_answer_in(options.format)) {
    return fail(ErrorCode::kResultUnsupported,
                std::string(facts_of(options.format).name) + " can't be saved by this libvips");
  }
  return {};
}

Error untaken_error(bool ended) {
  return Error(ErrorCode::kCancelled,
               ended ? "the client read too slowly while others waited for the memory of the "
                       "answer (raise the memory limit, or put a cache in between)"
                     : "the client did not take the answer");
}

void add_cors(http::Response& response, const config::Config& config) {
  if (config.server.allow_origin.empty()) return;
  response.headers.add("Access-Control-Allow-Origin", config.server.allow_origin);
  response.headers.add("Access-Control-Allow-Methods", "GET, OPTIONS");
}

void add_custom(http::Response& response, const config::Config& config) {
  for (const auto& [name, value] : config.server.custom_response_headers) {
    response.headers.set(name, value);
  }
}

Answer error_answer(const ImageRequest& request, Error error) {
  const config::Config& config = request.config();
  const std::string_view accept = request.request->headers.get("accept");
  const bool development = config.server.development_errors_mode;
  Answer answer;
  answer.response = base_response(error.status(), request.id);
  add_cors(answer.response, config);
  if (error_is_plain(accept, development)) {
    answer.response.headers.add("Content-Type", "text/plain");
    answer.body = Bytes::of_static(error.public_text());
  } else {
    ErrorBody body = error_body(error, accept, request.id, development);
    answer.response.headers.add("Content-Type", std::move(body.content_type));
    answer.body = Bytes::of(std::move(body.text));
  }
  if (error.code == ErrorCode::kOverloaded) {
    answer.response.headers.add("Retry-After", std::to_string(kRetryAfterSeconds));
  }
  add_custom(answer.response, config);
  answer.error = std::move(error);
  return answer;
}

source::SourceRequest source_request(const ImageRequest& request, bool raw) {
  const config::Config& config = request.config();
  const http::Headers& client = request.request->headers;
  source::SourceRequest out;
  out.url = request.parsed->source_url;
  out.size_bytes_max = request.parsed->options.max_src_file_size_bytes;
  if (raw) {
    out.size_bytes_max = 0;
    for (std::string_view name :
         {"If-None-Match", "If-Modified-Since", "Accept-Encoding", "Range"}) {
      if (client.has(name)) out.headers.add(std::string(name), std::string(client.get(name)));
    }
  } else {
    out.headers = conditional_headers(client, config.server);
  }
  for (const std::string& name : config.server.request_headers_passthrough) {
    if (client.has(name)) out.headers.set(name, std::string(client.get(name)));
  }
  for (const auto& [name, value] : config.server.custom_request_headers) {
    out.headers.set(name, value);
  }
  std::string cookies = cookies_for(out.url, client, config.source);
  if (!cookies.empty()) out.headers.set("Cookie", std::move(cookies));
  return out;
}

namespace {

// Fetch's outcome: a state ready to render, an answer that is final, or an error.
struct Fetched {
  std::shared_ptr<RenderState> state;
  source::SourceHead head;
  std::optional<Error> replaced;  // the error that the fallback image stands in for
};

Result<Fetched> accept_source(ImageRequest& request, Result<source::SourceAnswer> answer) {
  Fetched out;
  out.state = std::make_shared<RenderState>();
  out.state->snapshot = request.snapshot;
  out.state->options = request.parsed->options;
  if (!answer) return std::unexpected(std::move(answer).error());
  out.head = std::move(answer->head);
  if (out.head.status == 304) return out;
  out.state->body = std::move(answer->body);
  out.state->download = std::move(answer->grant);
  out.state->type = detect(out.state->body.bytes(), request, out.head.headers);
  if (out.state->type == ImageType::kUnknown) {
    return fail(ErrorCode::kUnknownType, "the source's content is of no known image type");
  }
  return out;
}

// The fallback image in the place of a source that failed (server.md section 2); nullopt: no
// fallback.
std::optional<Fetched> fall_back(ImageRequest& request, const Error& error) {
  if (!request.snapshot->fallback || error.code == ErrorCode::kCancelled ||
      error.code == ErrorCode::kTimeout || error.code == ErrorCode::kOverloaded || error.in_body) {
    return std::nullopt;
  }
  Fetched out;
  out.state = std::make_shared<RenderState>();
  out.state->snapshot = request.snapshot;
  out.state->options = request.parsed->options;
  out.state->fallback = request.snapshot->fallback;
  out.state->type = request.snapshot->fallback->type;
  out.replaced = error;
  return out;
}

void add_freshness(http::Response& response, const ImageRequest& request, const Fetched& fetched) {
  Freshness f;
  f.status = response.status;
  f.now_unix_s = std::time(nullptr);
  f.expires_unix_s = request.parsed->options.expires_unix_s;
  f.fallback_used = fetched.replaced.has_value();
  f.source = fetched.replaced ? nullptr : &fetched.head.headers;
  if (auto value = cache_control(f, request.config())) {
    response.headers.add("Cache-Control", std::move(*value));
  }
}

Answer not_modified(const ImageRequest& request, const Fetched& fetched) {
  Answer answer;
  answer.response = base_response(304, request.id);
  add_cors(answer.response, request.config());
  add_freshness(answer.response, request, fetched);
  const std::string varies = vary(request.config());
  if (!varies.empty()) answer.response.headers.add("Vary", varies);
  add_validators(answer.response, fetched.head.headers, request.config().server);
  answer.source_shown = true;
  return answer;
}

// Link to the source, when it is on the web and no secret.
void add_canonical(http::Response& response, const ImageRequest& request) {
  const bool shown =
      request.config().server.set_canonical_header && !request.parsed->source_encrypted;
  if (!shown) return;
  auto link = canonical_link(request.parsed->source_url);
  if (link) response.headers.add("Link", std::move(*link));
}

// No room for one more job: counted, and the answer it gets.
Error refuse_job(Services& services, int queue_size) {
  const bool queue = queue_size > 0;
  services.metrics.count_refusal(queue ? observe::Refusal::kQueueFull : observe::Refusal::kJobs);
  return Error(queue ? ErrorCode::kTooManyRequests : ErrorCode::kOverloaded,
               queue ? "all helpers are busy and " + std::to_string(queue_size) +
                           " requests wait (IMGPROXY_REQUESTS_QUEUE_SIZE)"
                     : std::to_string(kJobsMax) +
                           " pictures wait or are made, which is the most there may be");
}

void add_debug(http::Response& response, const pipeline::RenderedImage& image,
               std::size_t source_bytes) {
  const auto add = [&](const char* name, std::int64_t value) {
    response.headers.add(name, std::to_string(value));
  };
  add("X-Origin-Content-Length", static_cast<std::int64_t>(source_bytes));
  add("X-Origin-Width", image.origin_width);
  add("X-Origin-Height", image.origin_height);
  add("X-Result-Width", image.result_width);
  add("X-Result-Height", image.result_height);
}

Answer describe_image(const ImageRequest& request, Fetched& fetched,
                      pipeline::RenderedImage& image) {
  const config::Config& config = request.config();
  const url::RequestOptions& options = request.parsed->options;
  const int fallback_code = config.processing.fallback_image_http_code;
  int status = 200;
  if (fetched.replaced) status = fallback_code > 0 ? fallback_code : fetched.replaced->status();
  Answer answer;
  http::Response& response = answer.response;
  response = base_response(status, request.id);
  add_cors(response, config);
  const format::Format& facts = facts_of(image.type);
  response.headers.add("Content-Type", std::string(facts.mime));
  response.headers.add("Content-Disposition",
                       content_disposition({.filename = options.filename,
                                            .source_url = request.parsed->source_url,
                                            .extension = facts.extension,
                                            .attachment = options.return_attachment}));
  add_freshness(response, request, fetched);
  const std::string varies = vary(config);
  if (!varies.empty()) response.headers.add("Vary", varies);
  add_canonical(response, request);
  if (fetched.replaced) {
    response.headers.add("X-Imgring-Fallback", "1");
  } else {
    add_validators(response, fetched.head.headers, config.server);
    for (const std::string& name : config.server.response_headers_passthrough) {
      const std::string_view value = fetched.head.headers.get(name);
      if (!value.empty()) response.headers.set(name, std::string(value));
    }
  }
  if (image.type == ImageType::kSvg) response.headers.add("X-Content-Type-Options", "nosniff");
  if (config.server.enable_debug_headers) {
    add_debug(response, image, fetched.state->source().size());
  }
  add_custom(response, config);
  // No reader may keep the turn of large downloads; the bytes stay granted.
  if (image.same_as_source) fetched.state->download.turn.reset();
  answer.body =
      image.same_as_source ? Bytes(fetched.state->source(), fetched.state) : std::move(image.bytes);
  answer.error = fetched.replaced;
  answer.source_shown = true;
  return answer;
}

pipeline::RenderJob job_of(const RenderState& state, const Shared& shared) {
  pipeline::RenderJob job;
  job.source = state.source();
  job.source_type = state.type;
  job.options = &state.options;
  job.config = &state.snapshot->config.processing;
  job.watermark = state.snapshot->watermark.get();
  job.abilities = state.snapshot->abilities;
  job.children = shared.children;
  job.scratch = shared.scratch;
  job.log = &shared.log;
  return job;
}

// What an answer of so many bytes takes: these, and what the kernel holds of them on their way.
std::uint64_t sent_bytes(std::size_t body_bytes) noexcept {
  return body_bytes + std::min<std::uint64_t>(body_bytes, mem::kSocketBytesMax);
}

// The result keeps as many of its job's bytes as it takes; the socket's share beyond the job's is
// taken where there is room.
void keep_grant(Bytes& result, MemoryGrant& memory, Shared& shared) {
  const std::uint64_t bytes = sent_bytes(result.size());
  memory.patient.reset();
  if (memory.planned.bytes() < bytes) {
    static_cast<void>(memory.planned.add(bytes - memory.planned.bytes()));
  }
  memory.planned.shrink_to(bytes);
  auto counted = shared.ledger.results().try_grant(memory.planned.bytes());
  if (counted) result.keep(std::move(*counted));
  result.keep(std::move(memory.planned));
}

// A body that is sent as it came stays in the downloads' part, with what the kernel holds of it.
void keep_download(Answer& answer, RenderState& state, Shared& shared) {
  mem::Grant& held = state.download.bytes;
  const bool sent = held.bytes() > 0 && answer.body.data() == state.body.data();
  if (!sent) return;
  static_cast<void>(held.add(sent_bytes(answer.body.size()) - answer.body.size()));
  answer.of_part = mem::Part::kDownloads;
  auto counted = shared.ledger.sent_downloads().try_grant(held.bytes());
  if (counted) answer.body.keep(std::move(*counted));
}

// Runs on a helper.
Result<pipeline::RenderedImage> render_state(RenderState& state, Shared& shared,
                                             MemoryGrant& memory) {
  if (state.stop.stopped()) {
    const bool left = state.stop.reason() == image::StopReason::kClientGone;
    return fail(left ? ErrorCode::kCancelled : ErrorCode::kTimeout, "stopped before its start");
  }
  pipeline::RenderJob job = job_of(state, shared);
  job.memory_bytes = memory.planned.bytes();
  auto image = pipeline::render(job, state.stop);
  if (image && !image->bytes.empty()) keep_grant(image->bytes, memory, shared);
  return image;
}

struct JobSlot {  // a counted place among the process's jobs, freed when the job is back
  explicit JobSlot(Shared& p) : shared(&p) {}
  JobSlot(JobSlot&& o) noexcept : shared(std::exchange(o.shared, nullptr)) {}
  ~JobSlot() {
    if (shared != nullptr) shared->job_done();
  }
  Shared* shared;
};

// What is certain to take more than all plans together may hold.
Result<void> check_bytes(const pipeline::Estimate& planned, const Shared& shared) {
  const std::uint64_t most = shared.plans().max();
  if (static_cast<std::uint64_t>(planned.certain_bytes) <= most) return {};
  const auto mib = [](auto bytes) { return std::to_string(bytes >> 20); };
  return fail(ErrorCode::kResultTooLarge,
              "making this result takes at least " + mib(planned.certain_bytes) +
                  " MiB, and all results together may take " + mib(most) +
                  " MiB; ask for fewer pixels, or raise the memory limit (IMGRING_MEMORY_LIMIT)");
}

// A child may map what its job was granted, and no more. What an SVG needs is known least of all:
// where there is plenty it gets more than the estimate.
std::uint64_t bytes_for(const pipeline::Estimate& planned, ImageType type,
                        const Shared& shared) noexcept {
  constexpr std::uint64_t kPlentyPart = 32;                      // so many at once, at least
  constexpr std::uint64_t kPlentyMost = std::uint64_t{1} << 30;  // what a child may map in all
  const auto bytes = static_cast<std::uint64_t>(planned.bytes);
  if (!facts_of(type).vector) return bytes;
  return std::max(bytes, std::min(shared.plans().max() / kPlentyPart, kPlentyMost));
}

loop::JobCost cost_of(const pipeline::Estimate& planned) noexcept {
  return {.lane = planned.work.patient() ? loop::Lane::kPatient : loop::Lane::kQuick,
          .work = planned.work.all(),
          .least = planned.work.least,
          .large = planned.large};
}

using Wait = loop::Backlog::Work;

std::string seconds_text(loop::Clock::duration time) {
  constexpr std::int64_t kMsPerTenth = 100;
  const auto tenths = std::chrono::duration_cast<std::chrono::milliseconds>(time) / kMsPerTenth;
  return std::to_string(tenths.count() / 10) + "." + std::to_string(tenths.count() % 10) + " s";
}

Error refuse_late(Services& services, Wait end, loop::Clock::duration left) {
  services.metrics.count_refusal(observe::Refusal::kDeadline);
  return Error(ErrorCode::kOverloaded, "the helpers would need " + seconds_text(end) +
                                           " or more, " + seconds_text(left) +
                                           " are left of IMGPROXY_TIMEOUT");
}

// A job that would only get a helper when its time is over is refused before it waits
// (hardening.md section 6, rule 3), and so is one that is certain to take longer than what is left
// then: encoders of HEIC know no stop, and a lane that works for clients who have left is closed to
// all others.
Result<void> check_start(Services& services, loop::JobCost cost, loop::Clock::time_point due) {
  const Wait end = services.shared.helpers.lane(cost.lane).expected_end(cost.least);
  const auto left = due - loop::Clock::now();
  if (end < left) return {};
  return std::unexpected(refuse_late(services, end, left));
}

// The lane, as far as the URL tells: some formats take long for any picture.
std::optional<loop::Lane> lane_asked_for(const ImageRequest& request) {
  const url::RequestOptions& options = request.parsed->options;
  if (options.skip_processing.bits != 0 || options.format == ImageType::kUnknown) return {};
  const pipeline::UnreadSource smallest{
      .source = ImageType::kJpeg, .result = options.format, .pixels = 1};
  if (!pipeline::planned_work(smallest).patient()) return {};
  return loop::Lane::kPatient;
}

// Whose answer may need no helper: 304.
bool is_conditional(const ImageRequest& request) {
  const http::Headers& client = request.request->headers;
  return client.has("if-none-match") || client.has("if-modified-since");
}

Wait wait_of(const Services& services, const ImageRequest& request, loop::Lane lane) {
  // Sources that never come must not close the lanes: they count as a quarter of the time at most.
  const Wait before_max = std::chrono::seconds(request.config().server.timeout_s) / 4;
  const auto& coming = services.shared.coming[static_cast<std::size_t>(lane)];
  return services.shared.helpers.lane(lane).expected_wait(
      static_cast<std::size_t>(coming.load(std::memory_order_relaxed)), before_max);
}

// Of those whose lane only their source tells, so many a core are still let in when the quick lane
// is too long for them: one may be for the other lane. All of them would be refused once their
// sources are there, which at ten times what a server can do was most of what its loops did.
constexpr std::chrono::milliseconds kScoutEvery(20);

bool scout_due(Services& services) noexcept {
  const auto now = loop::Clock::now();
  if (now < services.next_scout) return false;
  services.next_scout = now + kScoutEvery;
  return true;
}

// Asked before the source is: what could not start in time costs its source nothing. Where the lane
// is not known it is the quick one, but for a few that find out.
Result<void> check_queue(Services& services, const ImageRequest& request,
                         std::optional<loop::Lane> lane) {
  if (is_conditional(request)) return {};
  const auto left = request.due - loop::Clock::now();
  const Wait wait = wait_of(services, request, lane.value_or(loop::Lane::kQuick));
  if (wait < left) return {};
  const bool other_lane = !lane && wait_of(services, request, loop::Lane::kPatient) < left;
  if (other_lane && scout_due(services)) return {};
  return std::unexpected(refuse_late(services, wait, left));
}

struct Coming {
  explicit Coming(std::atomic<int>& c) : count(c) { ++count; }
  ~Coming() { --count; }
  std::atomic<int>& count;
};

// Counted as a job to come while its source is on its way.
loop::Task<Result<source::SourceAnswer>> fetch(Services& services, loop::Scope& scope,
                                               const ImageRequest& request, loop::Lane lane) {
  const Coming coming(services.shared.coming[static_cast<std::size_t>(lane)]);
  const source::SourceRequest wanted = source_request(request, false);
  co_return co_await services.sources.fetch(scope, wanted);
}

Error not_taken(const Services& services, loop::Lane lane) {
  const bool any = services.shared.helpers.lane(lane).started() > 0;
  return Error(ErrorCode::kOverloaded, any ? "the helpers' queue is full"
                                           : "no helper could be started: RLIMIT_NPROC or TasksMax "
                                             "is too low");
}

loop::Task<Result<pipeline::RenderedImage>> render_on_helper(Services& services, loop::Scope& scope,
                                                             std::shared_ptr<RenderState> state,
                                                             loop::Clock::time_point due) {
  const int queue = state->snapshot->config.server.requests_queue_size;
  if (!services.shared.job_admitted(queue)) {
    co_return std::unexpected(refuse_job(services, queue));
  }
  JobSlot slot(services.shared);
  const pipeline::Estimate planned = pipeline::estimate(job_of(*state, services.shared));
  IMGRING_CO_TRY_VOID(check_bytes(planned, services.shared));
  const loop::JobCost cost = cost_of(planned);
  IMGRING_CO_TRY_VOID(check_start(services, cost, due));
  const std::uint64_t bytes = bytes_for(planned, state->type, services.shared);
  services.metrics.memory_waiting.add();
  Result<MemoryGrant> memory = co_await services.memory.enter(scope, bytes, cost.lane);
  services.metrics.memory_waiting.sub();
  if (!memory) {
    if (scope.reason() == CancelReason::kClientGone) {
      co_return std::unexpected(cancelled_error(scope, "waiting for memory"));
    }
    services.metrics.count_refusal(observe::Refusal::kMemory);
    co_return std::unexpected(std::move(memory).error());
  }
  auto work = [state, slot = std::move(slot), memory = std::move(*memory)]() mutable {
    return render_state(*state, *slot.shared, memory);
  };
  auto ticket = services.jobs.start(services.shared.helpers, std::move(work), cost);
  if (ticket == nullptr) co_return std::unexpected(not_taken(services, cost.lane));
  const auto before = loop::Clock::now();
  auto result = co_await ticket->wait(scope);
  if (!result) {
    state->stop.stop(stop_reason(scope));
    services.metrics.cancelled_jobs.add();
    co_return std::unexpected(cancelled_error(scope, "the image is processed"));
  }
  const auto queued = ticket->queued_time();
  services.metrics.span(Span::kQueue).observe(queued);
  services.metrics.span(Span::kProcessing).observe(loop::Clock::now() - before - queued);
  co_return std::move(*result);
}

// SVG, BMP, ICO, TIFF when the client takes gzip and it pays (memory.md 5.4).
loop::Task<void> compress(Services& services, loop::Scope& scope, const ImageRequest& request,
                          ImageType type, Answer& answer) {
  const int level = request.config().memory.gzip_compression;
  if (level == 0 || !compressible(type) || answer.response.status == 304) co_return;
  if (!accepts_gzip(request.request->headers.get("accept-encoding"))) co_return;
  const std::size_t bound = mem::gzip_bound(answer.body.size());
  auto room = services.gzip_pool.get(bound);
  auto grant = services.shared.plans().try_grant(bound);
  if (!room || !grant) co_return;  // no memory: the plain body is as good
  auto lease = std::make_shared<mem::Lease>(std::move(*room));
  auto held = std::make_shared<mem::Grant>(std::move(*grant));   // a detached job's, too
  auto plain = std::make_shared<Bytes>(std::move(answer.body));  // outlives a detached job
  auto work = [lease, plain, held, level]() -> std::size_t {
    return mem::gzip_compress(level, plain->span(), lease->room()).value_or(0);
  };
  std::size_t size = 0;
  if (plain->size() <= kGzipOnLoopBytes) {
    size = work();
  } else {
    auto ticket = services.jobs.start(services.shared.helpers, work);
    if (ticket != nullptr) {
      const auto done = co_await ticket->wait(scope);
      size = done.value_or(0);
    }
    if (scope.cancelled()) co_return;
    ticket.reset();
  }
  answer.body = std::move(*plain);
  if (size == 0 || size >= answer.body.size()) co_return;
  lease->set_size(size);
  held->shrink_to(sent_bytes(size));
  const ByteSpan packed = lease->bytes();
  answer.body = Bytes(packed, std::move(*lease));
  auto counted = services.shared.ledger.results().try_grant(held->bytes());
  if (counted) answer.body.keep(std::move(*counted));
  answer.body.keep(std::move(*held));
  answer.response.headers.add("Content-Encoding", "gzip");
  const std::string etag(answer.response.headers.get("etag"));
  if (!etag.empty() && !etag.starts_with("W/")) answer.response.headers.set("Etag", "W/" + etag);
}

}  // namespace

Result<void> check_room(Services& services, ImageRequest& request) {
  const int queue = request.config().server.requests_queue_size;
  if (!services.shared.job_room(queue)) return std::unexpected(refuse_job(services, queue));
  request.lane = lane_asked_for(request);
  return check_queue(services, request, request.lane);
}

loop::Task<Answer> make_image(Services& services, loop::Scope& scope, ImageRequest& request) {
  log_started(services.shared, request);
  const auto before = loop::Clock::now();
  const loop::Lane counted = request.lane.value_or(loop::Lane::kQuick);
  Result<source::SourceAnswer> answer = co_await fetch(services, scope, request, counted);
  services.metrics.span(Span::kDownloading).observe(loop::Clock::now() - before);
  if (scope.cancelled()) {
    co_return error_answer(request, cancelled_error(scope, "the source is downloaded"));
  }
  Result<Fetched> fetched = accept_source(request, std::move(answer));
  if (!fetched) {
    if (fetched.error().code == ErrorCode::kOverloaded) {
      services.metrics.count_refusal(observe::Refusal::kDownloadBudget);
    }
    std::optional<Fetched> fallback = fall_back(request, fetched.error());
    if (!fallback) {
      Answer failed = error_answer(request, fetched.error());
      failed.source_shown = true;
      co_return failed;
    }
    fetched = std::move(*fallback);
  }
  if (fetched->head.status == 304 && !fetched->replaced) co_return not_modified(request, *fetched);
  if (!request.snapshot->abilities.can_load(fetched->state->type)) {
    const std::string name(facts_of(fetched->state->type).name);
    const Error unsupported(ErrorCode::kSourceUnsupported, "this libvips can't load " + name);
    co_return error_answer(request, unsupported);
  }
  std::shared_ptr<RenderState> state = fetched->state;
  Result<pipeline::RenderedImage> image =
      co_await render_on_helper(services, scope, state, request.due);
  if (!image) {
    Answer failed = error_answer(request, image.error());
    failed.source_shown = true;
    co_return failed;
  }
  Answer done = describe_image(request, *fetched, *image);
  co_await compress(services, scope, request, image->type, done);
  keep_download(done, *state, services.shared);
  if (scope.cancelled()) co_return error_answer(request, cancelled_error(scope, "compressing"));
  co_return done;
}

namespace {

http::Response raw_response(const ImageRequest& request, const source::SourceHead& head) {
  const config::Config& config = request.config();
  http::Response response = base_response(head.status, request.id);
  add_cors(response, config);
  for (std::string_view name : {"Content-Type", "Content-Encoding", "Content-Range",
                                "Accept-Ranges", "Last-Modified", "Etag"}) {
    if (head.status == 304 && name == "Content-Type") continue;  // there is no content
    const std::string_view value = head.headers.get(name);
    if (!value.empty()) response.headers.add(std::string(name), std::string(value));
  }
  if (head.status >= 200 && head.status < 300) {
    const std::string path = raw_path(request.parsed->source_url);
    const std::string extension = raw_extension(path, head.headers.get("content-type"));
    response.headers.add(
        "Content-Disposition",
        content_disposition({.filename = request.parsed->options.filename,
                             .source_url = path,
                             .extension = extension,
                             .attachment = request.parsed->options.return_attachment}));
  }
  Freshness f;
  f.status = head.status;
  f.now_unix_s = std::time(nullptr);
  f.expires_unix_s = request.parsed->options.expires_unix_s;
  f.source = &head.headers;
  if (auto value = cache_control(f, config)) response.headers.add("Cache-Control", *value);
  add_canonical(response, request);
  add_custom(response, config);
  return response;
}

// The source does not say what it sends; in clear bytes the content itself does.
bool untyped(const http::Response& response, const source::OpenedSource& opened) {
  return opened.stream != nullptr && response.status != 304 &&
         !response.headers.has("content-type") && !response.headers.has("content-encoding");
}

std::string sniffed_type(ByteSpan piece, const ImageRequest& request) {
  const ImageType type = detect(piece, request, {});
  return type == ImageType::kUnknown ? "application/octet-stream"
                                     : std::string(facts_of(type).mime);
}

}  // namespace

namespace {

// Until its head is there the time of a raw request is that of all others.
loop::Task<Result<source::OpenedSource>> open_raw(Services& services, loop::Scope& scope,
                                                  const ImageRequest& request) {
  loop::Scope timed(&scope);
  loop::Deadline due(services.loop, timed, request.due - loop::Clock::now());
  const source::SourceRequest wanted = source_request(request, true);
  Result<source::OpenedSource> opened = co_await services.sources.open(timed, wanted);
  if (!opened && timed.cancelled()) {
    co_return std::unexpected(cancelled_error(timed, "the source is opened"));
  }
  co_return opened;
}

}  // namespace

loop::Task<Answer> stream_raw(Services& services, loop::Scope& scope, ImageRequest& request,
                              http::Responder& responder) {
  log_started(services.shared, request);
  Result<source::OpenedSource> opened = co_await open_raw(services, scope, request);
  if (!opened) co_return error_answer(request, opened.error());
  Answer answer;
  answer.response = raw_response(request, opened->head);
  answer.source_shown = true;
  const std::int64_t length = opened->stream ? opened->head.content_length : 0;
  auto piece = std::make_unique<std::uint8_t[]>(source::kStreamPieceBytes);
  const std::span<std::uint8_t> room(piece.get(), source::kStreamPieceBytes);
  ByteSpan first;  // read before the head is written, when it has to tell the type
  if (untyped(answer.response, *opened)) {
    const Result<std::size_t> got = co_await opened->stream->read(scope, room);
    if (!got) {
      Error error = got.error();
      if (scope.cancelled()) error = cancelled_error(scope, "the source is read");
      co_return error_answer(request, error);
    }
    first = room.first(*got);
    if (!first.empty()) answer.response.headers.add("Content-Type", sniffed_type(first, request));
  }
  const std::uint64_t held = opened->stream ? opened->stream->held_bytes() : 0;
  const auto counted = services.shared.ledger.sent_downloads().try_grant(held);
  const std::size_t unsent = length < 0 ? SIZE_MAX : static_cast<std::size_t>(length);
  const SlowReaders::Sending sending(services.readers, responder, {mem::Part::kDownloads, unsent});
  // What was granted for it; the rest of the connection's life has to do with that.
  if (opened->stream) {
    responder.limit_untaken(
        mem::raw_untaken_bytes_max(services.shared.ledger.part(mem::Part::kDownloads).max()));
  }
  bool going_on = co_await responder.begin(answer.response, length);
  if (going_on && !first.empty()) going_on = co_await responder.write(first);
  while (going_on && opened->stream != nullptr) {
    Result<std::size_t> got = co_await opened->stream->read(scope, room);
    if (!got) {
      responder.abort();  // the client must see a short body
      answer.error = got.error();
      co_return answer;
    }
    if (*got == 0) break;
    going_on = co_await responder.write(ByteSpan(piece.get(), *got));
  }
  if (going_on) co_await responder.finish();
  if (sending.ended()) {
    services.metrics.count_refusal(observe::Refusal::kSlowReader);
    answer.error = untaken_error(true);
  }
  co_return answer;
}

}  // namespace imgring::service
