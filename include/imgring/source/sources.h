// All sources of one core: dispatch by scheme, one download time limit over everything.
// Owns: resolver, HTTP client with its idle connections, the storages. Touch: its loop's thread
// only. Promises: fetch and open answer within DOWNLOAD_TIMEOUT; after close() nothing is left on
// the loop; close() must be awaited before the end of the loop, with no request under way.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/config/config.h"
#include "imgring/loop/loop.h"
#include "imgring/mem/buffer_pool.h"
#include "imgring/mem/ledger.h"
#include "imgring/net/tls.h"
#include "imgring/source/source.h"

namespace imgring::source {

struct SourcesContext {
  loop::Loop& loop;
  const config::Config& config;  // as at the start; lives as long as the Sources
  mem::BufferPool& downloads;
  mem::Ledger& ledger;  // shared by all cores
  // Asked again for every redirect target.
  std::function<bool(std::string_view source_url)> source_allowed{};
  int loops = 1;               // how many cores share the process-wide maxima
  std::string name_servers{};  // tests: in place of resolv.conf
  // Whom https sources must be certified by: net::TrustStore::load in main, one for all cores;
  // null: this Sources reads one of its own (some 20 ms and 2 MB each).
  std::shared_ptr<const net::TrustStore> trust{};
};

// In main, before the cores start: settings that a Sources would have to do without (the proxies',
// the endpoint of S3). Warnings: what will answer nothing.
Result<void> check_sources(const config::SourceConfig& config, std::vector<std::string>* warnings);

// Whether a URL's scheme is one of those that this configuration serves: kInvalidSourceUrl says
// why not, and what would change it.
Result<void> check_scheme(const config::SourceConfig& config, std::string_view url);

struct SourcesStats {
  std::size_t idle_connections = 0;
  std::size_t cached_names = 0;
  std::uint64_t connections_made = 0;
  std::size_t tls_sessions = 0;
  std::uint64_t tls_resumed = 0;
};

// One piece of a raw body: read, then written to the client.
inline constexpr std::size_t kStreamPieceBytes = 64 << 10;

class Sources final : public Source {
 public:
  explicit Sources(const SourcesContext& context);
  ~Sources() override;

  // Errors beyond the source's own: kSourceUnreachable for a scheme that is unknown or off;
  // kSourceTimeout past DOWNLOAD_TIMEOUT; kOverloaded without room in the downloads' part for 1 s.
  // open(): the stream's grant covers its connection, one piece of its reader, and what the kernel
  // holds of it on its way to the client.
  loop::Task<Result<SourceAnswer>> fetch(loop::Scope& scope, const SourceRequest& request) override;
  loop::Task<Result<OpenedSource>> open(loop::Scope& scope, const SourceRequest& request) override;
  // Memory tick: idle connections and cached names that are over their time go.
  void tick() noexcept;
  loop::Task<void> close();
  SourcesStats stats() const noexcept;

 private:
  struct Impl;
  Result<Source*> pick(const std::string& url) const;
  loop::Task<Result<void>> enter(loop::Scope& scope, mem::Grant& grant, std::uint64_t bytes);
  std::uint64_t connection_bytes(const Source* source) const noexcept;
  void widen(OpenedSource& opened, mem::Grant& grant);
  std::unique_ptr<Impl> impl_;
};

}  // namespace imgring::source
