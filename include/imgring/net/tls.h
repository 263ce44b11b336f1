// TLS 1.2 and 1.3 to sources: OpenSSL over memory, the bytes go through any Transport.
// Owns: trust store, settings and resumable sessions of one loop. Touch: that loop's thread only;
// outlives its transports. Promises: unless told otherwise, a connection is only used with a
// certificate that the store trusts for the host asked for; sessions kept are bounded.
#pragma once

#include <memory>
#include <string>

#include "imgring/base/error.h"
#include "imgring/loop/loop.h"
#include "imgring/net/transport.h"

namespace imgring::net {

inline constexpr std::size_t kTlsSessionsMax = 128;  // hosts; full: any goes

struct TlsOptions {
  bool ignore_verification = false;  // IMGPROXY_IGNORE_SSL_VERIFICATION
  std::string trust_file{};          // PEM in place of the system's store (tests)
};

class TlsContext {
 public:
  // Reads the trust store: at the start, not while the loop runs.
  static Result<std::unique_ptr<TlsContext>> make(const TlsOptions& options);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // Shakes hands over `inner`, which is closed when that fails. `host` without brackets; it names
  // the session kept with `port`. kSourceUnreachable with the reason, kSourceCancelled.
  loop::Task<Result<TransportPtr>> start(loop::Scope& scope, TransportPtr inner, std::string host,
                                         std::uint16_t port);
  std::size_t sessions() const noexcept;
  std::uint64_t resumed() const noexcept;

 private:
  TlsContext();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace imgring::net
