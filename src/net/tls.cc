// OpenSSL with memory BIOs: what it wants to send is written to the transport below, what it wants
// to read is fetched from there.
#include "imgring/net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

namespace imgring::net {

using loop::Scope;
using loop::Task;

namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* p) const noexcept {
    Free(p);
  }
};
using SslPtr = std::unique_ptr<SSL, Deleter<SSL_free>>;
using SslContextPtr = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;
using SessionPtr = std::unique_ptr<SSL_SESSION, Deleter<SSL_SESSION_free>>;

// Three records and their heads: a fresh buffer and one copy each, but a third of the system calls.
constexpr std::size_t kReceiveBytes = 50 << 10;
// Old load balancers know no secure renegotiation (RFC 5746). A first handshake with them is as
// safe as any, since nobody can be made to renegotiate; browsers connect, too.
constexpr std::uint64_t kSwitches =
    SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_LEGACY_SERVER_CONNECT;
constexpr unsigned char kProtocols[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

// The most telling reason OpenSSL has; empties its queue.
std::string last_reason() {
  std::string text;
  for (unsigned long code = ERR_get_error(); code != 0; code = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(code);
    if (text.empty() && reason != nullptr) text = reason;
  }
  return text.empty() ? "unknown reason" : text;
}

}  // namespace

struct TlsContext::Impl {
  SslContextPtr context;
  std::unordered_map<std::string, SessionPtr> sessions;
  std::uint64_t resumed = 0;

  void keep(const std::string& key, SessionPtr session) {
    if (sessions.size() >= kTlsSessionsMax && sessions.count(key) == 0) {
      sessions.erase(sessions.begin());
    }
    sessions.insert_or_assign(key, std::move(session));
  }
};

namespace {

// Gets the sessions of its connection; known to OpenSSL by the SSL object's application data.
struct SessionKeeper {
  std::function<void(SessionPtr)> keep;
};

int on_new_session(SSL* ssl, SSL_SESSION* session) {
  auto* keeper = static_cast<SessionKeeper*>(SSL_get_app_data(ssl));
  if (keeper == nullptr) return 0;
  keeper->keep(SessionPtr(session));
  return 1;  // ours now
}

class TlsTransport final : public Transport {
 public:
  TlsTransport(SslPtr ssl, TransportPtr inner, std::string host)
      : ssl_(std::move(ssl)), inner_(std::move(inner)), host_(std::move(host)) {}
  ~TlsTransport() override {
    SSL_set_app_data(ssl_.get(), nullptr);
    // Without a farewell OpenSSL would take the session for a broken one, not to be resumed.
    if (!broken_) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  }
  Task<Result<void>> handshake(Scope& scope);
  Task<Result<std::size_t>> read(Scope& scope, std::span<std::uint8_t> into) override;
  Task<Result<void>> write(Scope& scope, ByteSpan data) override;
  bool quiet() noexcept override {
    return SSL_has_pending(ssl_.get()) == 0 && BIO_ctrl_pending(SSL_get_rbio(ssl_.get())) == 0 &&
           inner_->quiet();
  }
  void set_unread(std::size_t bytes_max) noexcept override { inner_->set_unread(bytes_max); }
  std::size_t unread_bytes_max() const noexcept override { return inner_->unread_bytes_max(); }
  void rest() noexcept override {
    inner_->rest();
    received_ = {};
    // OpenSSL's memory keeps the size it had once: a fresh one for connections that wait.
    BIO* fresh = BIO_ctrl_pending(SSL_get_rbio(ssl_.get())) == 0 ? BIO_new(BIO_s_mem()) : nullptr;
    if (fresh != nullptr) SSL_set0_rbio(ssl_.get(), fresh);
  }
  const Address& peer() const noexcept override { return inner_->peer(); }
  SSL* ssl() noexcept { return ssl_.get(); }
  SessionKeeper& keeper() noexcept { return keeper_; }

 private:
  Task<Result<void>> flush(Scope& scope);
  Task<Result<std::size_t>> fill(Scope& scope);
  std::size_t decrypt(std::span<std::uint8_t> into, int& error);
  Error failure(int ssl_error);

  SslPtr ssl_;
  TransportPtr inner_;
  std::string host_;
  SessionKeeper keeper_;
  std::vector<std::uint8_t> received_;
  std::optional<Error> late_;  // found behind bytes that were still good
  bool broken_ = false;
};

Task<Result<void>> TlsTransport::flush(Scope& scope) {
  BIO* out = SSL_get_wbio(ssl_.get());
  while (BIO_ctrl_pending(out) > 0) {
    std::vector<std::uint8_t> bytes(BIO_ctrl_pending(out));
    const int size = BIO_read(out, bytes.data(), static_cast<int>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(std::max(size, 0)));
    IMGRING_CO_TRY_VOID(co_await inner_->write(scope, bytes));
  }
  co_return Result<void>();
}

// Encrypted bytes from below; 0 at the end of the stream.
Task<Result<std::size_t>> TlsTransport::fill(Scope& scope) {
  IMGRING_CO_TRY_VOID(co_await flush(scope));
  received_.resize(kReceiveBytes);
  IMGRING_CO_TRY(const std::size_t got, co_await inner_->read(scope, received_));
  if (got > 0) BIO_write(SSL_get_rbio(ssl_.get()), received_.data(), static_cast<int>(got));
  co_return got;
}

Error TlsTransport::failure(int ssl_error) {
  broken_ = true;
  const std::string what = "TLS with " + host_ + " (" + inner_->peer().text() + "): ";
  const long verdict = SSL_get_verify_result(ssl_.get());
  const bool verified = SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE;
  const bool memory = ERR_GET_REASON(ERR_peek_error()) == ERR_R_MALLOC_FAILURE;
  const std::string reason = last_reason();
  if (memory) return Error(ErrorCode::kOverloaded, what + reason);
  if (verified && verdict != X509_V_OK) {
    return Error(ErrorCode::kSourceUnreachable,
                 what + "certificate refused: " + X509_verify_cert_error_string(verdict));
  }
  if (ssl_error == SSL_ERROR_SYSCALL) {
    return Error(ErrorCode::kSourceUnreachable, what + "the connection broke");
  }
  return Error(ErrorCode::kSourceUnreachable, what + reason);
}

Task<Result<void>> TlsTransport::handshake(Scope& scope) {
  for (;;) {
    ERR_clear_error();
    const int rc = SSL_do_handshake(ssl_.get());
    const int error = rc == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), rc);
    if (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
      const Error why = failure(error);
      // The alert that tells the peer why; whether it arrives does not matter.
      const Result<void> alert = co_await flush(scope);
      static_cast<void>(alert);
      co_return std::unexpected(why);
    }
    IMGRING_CO_TRY_VOID(co_await flush(scope));
    if (error == SSL_ERROR_NONE) co_return Result<void>();
    if (error == SSL_ERROR_WANT_WRITE) continue;
    IMGRING_CO_TRY(const std::size_t got, co_await fill(scope));
    if (got == 0) {
      co_return fail(ErrorCode::kSourceUnreachable,
                     "TLS with " + host_ + ": the connection was closed in the handshake");
    }
  }
}

// Decrypts all that has arrived and fits.
std::size_t TlsTransport::decrypt(std::span<std::uint8_t> into, int& error) {
  std::size_t total = 0;
  for (error = SSL_ERROR_NONE; total < into.size() && error == SSL_ERROR_NONE;) {
    ERR_clear_error();
    std::size_t size = 0;
    const int rc = SSL_read_ex(ssl_.get(), into.data() + total, into.size() - total, &size);
    if (rc != 1) error = SSL_get_error(ssl_.get(), rc);
    total += size;
  }
  return total;
}

Task<Result<std::size_t>> TlsTransport::read(Scope& scope, std::span<std::uint8_t> into) {
  if (late_) co_return std::unexpected(*late_);
  for (;;) {
    int error = SSL_ERROR_NONE;
    if (const std::size_t size = decrypt(into, error); size > 0) {
      if (error == SSL_ERROR_SSL || error == SSL_ERROR_SYSCALL) late_ = failure(error);
      co_return size;
    }
    if (error == SSL_ERROR_ZERO_RETURN) co_return std::size_t{0};
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
      co_return std::unexpected(failure(error));
    }
    IMGRING_CO_TRY(const std::size_t got, co_await fill(scope));
    // Between two records an end without a farewell is taken, as Go's client does.
    if (got == 0 && SSL_has_pending(ssl_.get()) == 0) co_return std::size_t{0};
    if (got == 0) {
      co_return fail(ErrorCode::kSourceUnreachable, "TLS with " + host_ + ": cut in a record");
    }
  }
}

Task<Result<void>> TlsTransport::write(Scope& scope, ByteSpan data) {
  while (!data.empty()) {
    ERR_clear_error();
    std::size_t size = 0;
    const int rc = SSL_write_ex(ssl_.get(), data.data(), data.size(), &size);
    const int error = rc == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), rc);
    if (error == SSL_ERROR_WANT_READ) {
      IMGRING_CO_TRY(const std::size_t got, co_await fill(scope));
      if (got == 0) co_return std::unexpected(failure(SSL_ERROR_SYSCALL));
      continue;
    }
    if (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_WRITE) {
      co_return std::unexpected(failure(error));
    }
    IMGRING_CO_TRY_VOID(co_await flush(scope));
    data = data.subspan(size);
  }
  co_return Result<void>();
}

// The name (or address) that the certificate must be for, and SNI.
bool expect_host(SSL* ssl, const std::string& host) {
  if (parse_address(host, 0)) {
    // Zones are no part of a certificate.
    const std::string number = host.substr(0, host.find('%'));
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), number.c_str()) == 1;
  }
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  // SSL_set_tlsext_host_name is a macro with an old cast.
  const long named = SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                              const_cast<char*>(host.c_str()));
  return named == 1 && SSL_set1_host(ssl, host.c_str()) == 1;
}

}  // namespace

Result<std::shared_ptr<const TrustStore>> TrustStore::load(const std::string& file) {
  ERR_clear_error();
  std::shared_ptr<const TrustStore> made(new TrustStore(X509_STORE_new()));
  int loaded = 0;
  if (made->get() != nullptr) {
    loaded = file.empty() ? X509_STORE_set_default_paths(made->get())
                          : X509_STORE_load_file(made->get(), file.c_str());
  }
  if (loaded != 1) {
    return fail(ErrorCode::kInternal, "the certificates of " +
                                          (file.empty() ? std::string("the system") : file) +
                                          " can't be read: " + last_reason());
  }
  ERR_clear_error();
  return made;
}
TrustStore::~TrustStore() { X509_STORE_free(store_); }

TlsContext::TlsContext() : impl_(std::make_unique<Impl>()) {}
TlsContext::~TlsContext() = default;

Result<std::unique_ptr<TlsContext>> TlsContext::make(const TlsOptions& options) {
  std::unique_ptr<TlsContext> made(new TlsContext);
  SslContextPtr context(SSL_CTX_new(TLS_client_method()));
  if (!context) return fail(ErrorCode::kInternal, "TLS: " + last_reason());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), kSwitches);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_alpn_protos(context.get(), kProtocols, sizeof kProtocols);
  const int verify = options.ignore_verification ? SSL_VERIFY_NONE : SSL_VERIFY_PEER;
  SSL_CTX_set_verify(context.get(), verify, nullptr);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), on_new_session);
  if (options.trust) SSL_CTX_set1_cert_store(context.get(), options.trust->get());
  ERR_clear_error();
  made->impl_->context = std::move(context);
  return made;
}

Task<Result<TransportPtr>> TlsContext::start(Scope& scope, TransportPtr inner, std::string host,
                                             std::uint16_t port) {
  while (host.ends_with('.')) host.pop_back();
  SslPtr ssl(SSL_new(impl_->context.get()));
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());
  if (ssl && in != nullptr && out != nullptr) {
    SSL_set_bio(ssl.get(), in, out);
  } else {
    BIO_free(in);
    BIO_free(out);
    co_return fail(ErrorCode::kOverloaded, "TLS: no memory");
  }
  if (!expect_host(ssl.get(), host)) {
    co_return fail(ErrorCode::kSourceUnreachable, "TLS: not a host name: " + host);
  }
  SSL_set_connect_state(ssl.get());
  auto transport = std::make_unique<TlsTransport>(std::move(ssl), std::move(inner), host);
  const std::string key = host + "|" + std::to_string(port);
  const auto known = impl_->sessions.find(key);
  if (known != impl_->sessions.end()) {
    SSL_set_session(transport->ssl(), known->second.get());
    // Tickets of TLS 1.3 are for one use, and each connection brings new ones.
    const int version = SSL_SESSION_get_protocol_version(known->second.get());
    if (version >= TLS1_3_VERSION) impl_->sessions.erase(known);
  }
  Impl* impl = impl_.get();
  transport->keeper().keep = [impl, key](SessionPtr session) {
    impl->keep(key, std::move(session));
  };
  SSL_set_app_data(transport->ssl(), &transport->keeper());
  IMGRING_CO_TRY_VOID(co_await transport->handshake(scope));
  if (SSL_session_reused(transport->ssl()) == 1) ++impl_->resumed;
  co_return TransportPtr(std::move(transport));
}

void TlsContext::tick(std::int64_t now_unix_s) noexcept {
  std::erase_if(impl_->sessions, [now_unix_s](const auto& one) {
    const SSL_SESSION* session = one.second.get();
    return SSL_SESSION_get_time(session) + SSL_SESSION_get_timeout(session) <= now_unix_s;
  });
}

std::size_t TlsContext::sessions() const noexcept { return impl_->sessions.size(); }
std::uint64_t TlsContext::switches() const noexcept {
  return SSL_CTX_get_options(impl_->context.get());
}
std::uint64_t TlsContext::resumed() const noexcept { return impl_->resumed; }

}  // namespace imgring::net
