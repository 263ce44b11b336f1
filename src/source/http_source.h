// http:// and https:// sources: redirects, cookies of the exchange, status rules, gzip.
// One per core, loop thread; time limits are the caller's (Sources).
#pragma once

#include <functional>
#include <string_view>

#include "body.h"
#include "imgring/config/config.h"
#include "imgring/http/client.h"
#include "imgring/source/source.h"
#include "imgring/url/source_url.h"

namespace imgring::source {

// The head and body of an exchange as they come.
OpenedSource open_exchange(http::ExchangePtr exchange);
// Reads the body of an exchange whole, decoding gzip.
loop::Task<Result<SourceAnswer>> read_answer(loop::Scope& scope, const BodyParts& parts,
                                             http::Exchange& exchange,
                                             const SourceRequest& request);
// Whether a status is an image's (200, a complete 206) or 304; otherwise the error of
// server.md section 2, with the start of a text body in its detail.
loop::Task<Result<void>> check_status(loop::Scope& scope, http::Exchange& exchange);
// A 206 that holds everything: "bytes 0-E/T" with E = T - 1, T from the length when it is "*".
bool is_complete_range(std::string_view content_range, std::int64_t content_length) noexcept;
// The one coding that is decoded, in imgproxy's spelling.
bool is_gzip(const http::Headers& headers) noexcept;

class HttpSource final : public Source {
 public:
  using Allowed = std::function<bool(std::string_view)>;
  HttpSource(const BodyParts& parts, http::Client& client, int redirects_max, Allowed allowed)
      : parts_(parts), client_(client), redirects_max_(redirects_max),
        allowed_(std::move(allowed)) {}
  loop::Task<Result<SourceAnswer>> fetch(loop::Scope& scope, const SourceRequest& request) override;
  loop::Task<Result<OpenedSource>> open(loop::Scope& scope, const SourceRequest& request) override;

 private:
  // From the first URL to the first answer that is no redirect.
  loop::Task<Result<http::ExchangePtr>> follow(loop::Scope& scope, const SourceRequest& request);

  BodyParts parts_;
  http::Client& client_;
  int redirects_max_;
  Allowed allowed_;
};

}  // namespace imgring::source
