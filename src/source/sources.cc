// Dispatch by scheme, and the download time limit around every source.
#include "imgring/source/sources.h"

#include <cstdlib>

#include "body.h"
#include "http_source.h"
#include "imgring/base/text.h"
#include "imgring/base/uri.h"
#include "imgring/http/client.h"
#include "imgring/net/connector.h"
#include "imgring/net/proxy.h"
#include "imgring/net/resolver.h"
#include "imgring/net/tls.h"
#include "local.h"
#include "s3.h"

namespace imgring::source {

using loop::Clock;
using loop::Deadline;
using loop::Loop;
using loop::Scope;
using loop::Task;

namespace {

// Schemes that are off, and what turns them on; blank: nothing does yet.
struct Switch {
  std::string_view scheme, variable;
};
constexpr Switch kSwitches[] = {
    {"local", "IMGPROXY_LOCAL_FILESYSTEM_ROOT"},
    {"s3", "IMGPROXY_USE_S3"},
    {"gs", ""},
    {"abs", ""},
    {"swift", ""},
};

net::ProxySettings proxy_settings(const config::SourceConfig& config) {
  return {config.http_proxy, config.https_proxy, config.no_proxy};
}

// Why there are no sources of a scheme.
Error scheme_error(const std::string& scheme) {
  constexpr ErrorCode kCode = ErrorCode::kInvalidSourceUrl;
  for (const Switch& one : kSwitches) {
    if (one.scheme != scheme) continue;
    if (one.variable.empty()) return Error(kCode, scheme + ":// sources are not built yet");
    return Error(kCode,
                 scheme + ":// sources are off; " + std::string(one.variable) + " enables them");
  }
  if (scheme.empty()) return Error(kCode, "the source URL has no scheme");
  return Error(kCode, "unknown scheme " + scheme + "://");
}

// AWS's own variables are no part of the configuration.
std::string read_variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::unique_ptr<net::TlsContext> make_tls(const SourcesContext& context) {
  net::TlsOptions options;
  options.ignore_verification = context.config.source.ignore_ssl_verification;
  options.trust = context.trust;
  if (!options.trust && !options.ignore_verification) {
    if (auto own = net::TrustStore::load()) options.trust = *own;
  }
  auto made = net::TlsContext::make(options);
  return made ? std::move(*made) : nullptr;
}

net::ConnectorOptions connector_options(const config::SourceConfig& config) {
  net::ConnectorOptions options;
  options.policy = {config.allow_loopback, config.allow_link_local, config.allow_private};
  return options;
}

http::ClientOptions client_options(const config::SourceConfig& config, int loops,
                                   net::TlsContext* tls) {
  http::ClientOptions options;
  options.tls = tls;
  // Bad settings are refused at the start (check); here they mean: no proxy.
  if (auto proxies = net::ProxyRules::make(proxy_settings(config))) options.proxies = *proxies;
  options.user_agent = config.user_agent;
  options.idle_time = std::chrono::seconds(config.client_keep_alive_timeout_s);
  const auto shares = static_cast<std::size_t>(std::max(loops, 1));
  options.idle_max = std::max<std::size_t>(http::kIdleConnectionsMax / shares, 1);
  return options;
}

// An error that the download's own deadline caused says so.
Error timed_error(Error error, bool timed_out, int seconds) {
  if (!timed_out || error.code != ErrorCode::kSourceCancelled) return error;
  Error late(ErrorCode::kSourceTimeout, error.detail + ": no complete answer within " +
                                            std::to_string(seconds) +
                                            " s (IMGPROXY_DOWNLOAD_TIMEOUT)");
  late.in_body = error.in_body;
  return late;
}

// A stream within what is left of the download's time: what the source takes, from the first
// look-up on. The time that the client takes between two reads is not the source's, so that a slow
// client gets a large body as long as its source keeps up.
class TimedStream final : public SourceStream {
 public:
  struct Limit {
    Clock::duration left;
    int seconds;
  };
  TimedStream(Loop& loop, std::unique_ptr<SourceStream> inner, Limit limit,
              mem::Grant grant) noexcept
      : loop_(loop), grant_(std::move(grant)), inner_(std::move(inner)), limit_(limit) {}
  Task<Result<std::size_t>> read(Scope& scope, std::span<std::uint8_t> into) override;
  std::uint64_t held_bytes() const noexcept override { return grant_.bytes(); }

 private:
  Loop& loop_;
  mem::Grant grant_;  // of the connection, the reader's piece and both sockets
  std::unique_ptr<SourceStream> inner_;
  Limit limit_;
};

Task<Result<std::size_t>> TimedStream::read(Scope& scope, std::span<std::uint8_t> into) {
  // Looked at first: a source whose bytes are always there keeps no timer waiting.
  if (limit_.left <= Clock::duration::zero()) {
    Error over(ErrorCode::kSourceCancelled, "reading the source");
    over.in_body = true;
    co_return std::unexpected(timed_error(std::move(over), true, limit_.seconds));
  }
  const auto before = loop_.now();
  Scope timed(&scope);
  Deadline deadline(loop_, timed, limit_.left);
  Result<std::size_t> got = co_await inner_->read(timed, into);
  limit_.left -= loop_.now() - before;
  if (got) co_return got;
  const bool late = deadline.fired() && !scope.cancelled();
  co_return std::unexpected(timed_error(std::move(got).error(), late, limit_.seconds));
}

}  // namespace

struct Sources::Impl {
  explicit Impl(const SourcesContext& c)
      : context(c), room(c.loop, c.ledger.part(mem::Part::kDownloads),
                         loop::BudgetQueue::Others::kOvertake, &c.ledger.download_waiters()),
        large(c.loop, c.ledger.large_downloads()),
        resolver(c.loop, net::ResolverOptions{.servers = c.name_servers}),
        connector(c.loop, resolver, connector_options(c.config.source)), tls(make_tls(c)),
        client(c.loop, connector, client_options(c.config.source, c.loops, tls.get())),
        http(body_parts(), client, c.config.source.max_redirects, c.source_allowed) {
    const config::SourceConfig& config = c.config.source;
    if (!config.local_filesystem_root.empty()) {
      local = std::make_unique<LocalSource>(body_parts(), config.local_filesystem_root,
                                            config.query_separator);
    }
    if (config.use_s3) {
      s3 = std::make_unique<S3Source>(body_parts(), client, s3_options(config, read_variable));
    }
  }
  BodyParts body_parts() noexcept { return {context.loop, context.downloads, room, large}; }
  SourcesContext context;
  loop::BudgetQueue room, large;
  net::Resolver resolver;
  net::Connector connector;
  std::unique_ptr<net::TlsContext> tls;
  http::Client client;
  HttpSource http;
  std::unique_ptr<LocalSource> local;
  std::unique_ptr<S3Source> s3;
};

Result<void> check_sources(const config::SourceConfig& config, std::vector<std::string>* warnings) {
  IMGRING_TRY_VOID(net::ProxyRules::make(proxy_settings(config)));
  if (config.use_s3 && !load_aws_profile(read_variable).credentials) {
    warnings->push_back(
        "IMGPROXY_USE_S3 is set without credentials, so that s3:// sources will be refused: set "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a file by "
        "AWS_SHARED_CREDENTIALS_FILE");
  }
  const std::string endpoint = s3_endpoint(config);
  if (!config.use_s3 || endpoint.empty()) return {};
  if (const auto url = url::parse_http_url(endpoint); !url) {
    return fail(ErrorCode::kInternal, "IMGPROXY_S3_ENDPOINT: " + display_setting(endpoint) +
                                          " can't be asked: " + url.error().detail);
  }
  return {};
}

Result<void> check_scheme(const config::SourceConfig& config, std::string_view url) {
  const std::string scheme = url::scheme_of(url);
  const bool served = scheme == "http" || scheme == "https" ||
                      (scheme == "local" && !config.local_filesystem_root.empty()) ||
                      (scheme == "s3" && config.use_s3);
  if (served) return {};
  return std::unexpected(scheme_error(scheme));
}

Sources::Sources(const SourcesContext& context) : impl_(std::make_unique<Impl>(context)) {}
Sources::~Sources() = default;

Result<Source*> Sources::pick(const std::string& url) const {
  const std::string scheme = url::scheme_of(url);
  if (scheme == "http" || scheme == "https") return &impl_->http;
  if (scheme == "local" && impl_->local) return impl_->local.get();
  if (scheme == "s3" && impl_->s3) return impl_->s3.get();
  Error unknown = scheme_error(scheme);
  unknown.code = ErrorCode::kSourceUnreachable;
  return std::unexpected(std::move(unknown));
}

// Room for a connection to the source, and whatever else it takes: waited for like a body's.
Task<Result<void>> Sources::enter(Scope& scope, mem::Grant& grant, std::uint64_t bytes) {
  constexpr auto kWait = std::chrono::seconds(1);  // as for a body
  bool got = impl_->room.try_enter(grant, bytes);
  if (!got) {
    impl_->context.downloads.drop_idle();  // of the same bytes
    got = co_await impl_->room.enter(scope, grant, bytes, kWait);
  }
  if (got) co_return Result<void>();
  // The download's own time, spent waiting for our memory, is no fault of the source.
  if (scope.cancelled() && scope.reason() != loop::CancelReason::kDeadline) {
    co_return fail(ErrorCode::kSourceCancelled, "cancelled while out of budget");
  }
  co_return fail(ErrorCode::kOverloaded, "no memory for a connection to the source within 1 s");
}

std::uint64_t Sources::connection_bytes(const Source* source) const noexcept {
  return source == impl_->local.get() ? 0 : mem::kSourceConnectionBytes;
}

// As large a window as there is room for.
void Sources::widen(OpenedSource& opened, mem::Grant& grant) {
  const std::size_t paid = opened.stream->unread_bytes_max();
  const std::uint64_t all = unread_bytes(opened.head.content_length, impl_->room.budget());
  if (paid == 0 || all <= paid || !impl_->room.try_enter(grant, all - paid)) return;
  opened.stream->set_unread(static_cast<std::size_t>(all));
}

Task<Result<SourceAnswer>> Sources::fetch(Scope& scope, const SourceRequest& request) {
  IMGRING_CO_TRY(Source * source, pick(request.url));
  const int seconds = impl_->context.config.source.download_timeout_s;
  Scope timed(&scope);
  Deadline deadline(impl_->context.loop, timed, std::chrono::seconds(seconds));
  mem::Grant connection;
  IMGRING_CO_TRY_VOID(co_await enter(timed, connection, connection_bytes(source)));
  SourceRequest own = request;
  own.connection = &connection;
  Result<SourceAnswer> answer = co_await source->fetch(timed, own);
  if (answer) co_return answer;
  const bool late = deadline.fired() && !scope.cancelled();
  co_return std::unexpected(timed_error(std::move(answer).error(), late, seconds));
}

Task<Result<OpenedSource>> Sources::open(Scope& scope, const SourceRequest& request) {
  IMGRING_CO_TRY(Source * source, pick(request.url));
  Loop& loop = impl_->context.loop;
  const int seconds = impl_->context.config.source.download_timeout_s;
  const std::chrono::seconds all(seconds);
  const auto before = loop.now();
  Scope timed(&scope);
  Deadline deadline(loop, timed, all);
  mem::Grant grant;
  const std::uint64_t bytes = connection_bytes(source) + kStreamPieceBytes;
  IMGRING_CO_TRY_VOID(co_await enter(timed, grant, bytes));
  SourceRequest own = request;
  own.connection = &grant;
  Result<OpenedSource> opened = co_await source->open(timed, own);
  if (!opened) {
    const bool late = deadline.fired() && !scope.cancelled();
    co_return std::unexpected(timed_error(std::move(opened).error(), late, seconds));
  }
  if (opened->stream) {
    // On its way to the client it is in the kernel once more.
    std::uint64_t untaken = mem::raw_untaken_bytes_max(impl_->room.budget().max());
    const std::int64_t length = opened->head.content_length;
    if (length >= 0) untaken = std::min(untaken, static_cast<std::uint64_t>(length));
    IMGRING_CO_TRY_VOID(co_await enter(timed, grant, untaken));
    widen(*opened, grant);
    const TimedStream::Limit limit{all - (loop.now() - before), seconds};
    opened->stream =
        std::make_unique<TimedStream>(loop, std::move(opened->stream), limit, std::move(grant));
  }
  co_return opened;
}

void Sources::tick() noexcept {
  impl_->client.tick();
  impl_->resolver.tick();
  if (impl_->tls) impl_->tls->tick(impl_->context.loop.unix_s());
}

Task<void> Sources::close() {
  impl_->client.close_idle();
  co_await impl_->resolver.close();
}

SourcesStats Sources::stats() const noexcept {
  SourcesStats stats;
  stats.idle_connections = impl_->client.idle();
  stats.cached_names = impl_->resolver.cached();
  stats.connections_made = impl_->client.connections_made();
  if (impl_->tls) {
    stats.tls_sessions = impl_->tls->sessions();
    stats.tls_resumed = impl_->tls->resumed();
  }
  return stats;
}

}  // namespace imgring::source
