// TLS 1.2 and 1.3 to sources: OpenSSL over memory, the bytes go through any Transport.
// Owns: settings and resumable sessions of one loop. Touch: that loop's thread only;
// outlives its transports. Promises: unless told otherwise, a connection is only used with a
// certificate that the store trusts for the host asked for; sessions kept are bounded.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "imgring/base/error.h"
#include "imgring/loop/loop.h"
#include "imgring/net/transport.h"

struct x509_store_st;

namespace imgring::net {

inline constexpr std::size_t kTlsSessionsMax = 128;  // hosts; full: any goes

// Authorities that are believed. Immutable and shared by all loops (any thread): the system's
// bundle takes some 20 ms to read and 2 MB to keep.
class TrustStore {
 public:
  // The system's, by OpenSSL's defaults (SSL_CERT_FILE, SSL_CERT_DIR), or a PEM file's.
  static Result<std::shared_ptr<const TrustStore>> load(const std::string& file = {});
  ~TrustStore();
  TrustStore(const TrustStore&) = delete;
  TrustStore& operator=(const TrustStore&) = delete;
  x509_store_st* get() const noexcept { return store_; }

 private:
  explicit TrustStore(x509_store_st* store) noexcept : store_(store) {}
  x509_store_st* store_;
};

struct TlsOptions {
  bool ignore_verification = false;           // IMGPROXY_IGNORE_SSL_VERIFICATION
  std::shared_ptr<const TrustStore> trust{};  // null: nobody is believed
};

class TlsContext {
 public:
  static Result<std::unique_ptr<TlsContext>> make(const TlsOptions& options);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // Shakes hands over `inner`, which is closed when that fails. `host` without brackets; it names
  // the session kept with `port`. kSourceUnreachable with the reason, kSourceCancelled.
  loop::Task<Result<TransportPtr>> start(loop::Scope& scope, TransportPtr inner, std::string host,
                                         std::uint16_t port);
  // Memory tick: sessions that no server would resume any more go.
  void tick(std::int64_t now_unix_s) noexcept;
  std::size_t sessions() const noexcept;
  std::uint64_t resumed() const noexcept;
  std::uint64_t switches() const noexcept;  // SSL_OP_* of every connection

 private:
  TlsContext();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace imgring::net
