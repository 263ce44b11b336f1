// Whether it pays, on the loop or on a helper, and the headers that say so.
#include "imgring/service/compress.h"

#include <memory>
#include <string>
#include <utility>

#include "imgring/base/text.h"
#include "imgring/mem/gzip.h"
#include "imgring/service/refusals.h"
#include "imgring/service/render_picture.h"

namespace imgring::service {

namespace {

constexpr std::size_t kGzipOnLoopBytes = 8 << 10;  // above: a helper (decision 11)

bool compressible(ImageType type) noexcept {
  return type == ImageType::kSvg || type == ImageType::kBmp || type == ImageType::kIco ||
         type == ImageType::kTiff;
}

bool wanted(const ImageRequest& request, ImageType type) {
  if (request.config().memory.gzip_compression == 0 || !compressible(type)) return false;
  return accepts_gzip(request.request->headers.get("accept-encoding"));
}

// What a helper works on, which may outlive its request.
struct Packing {
  Bytes plain;
  mem::Lease lease;
  mem::Grant grant;
  int level = 0;
  std::size_t run() { return mem::gzip_compress(level, plain.span(), lease.room()).value_or(0); }
};

// Its size; 0: it failed, or there was no helper. Unless the scope ended nobody else has it then.
loop::Task<std::size_t> pack(Services& services, loop::Scope& scope,
                             std::shared_ptr<Packing> packing) {
  if (packing->plain.size() <= kGzipOnLoopBytes) co_return packing->run();
  auto work = [packing] { return packing->run(); };
  auto ticket = services.jobs.start(services.shared.helpers, std::move(work));
  if (ticket == nullptr) co_return 0;
  const auto size = co_await ticket->wait(scope);
  co_return size.value_or(0);
}

Bytes packed_bytes(Packing& packing, std::size_t size, Shared& shared) {
  packing.lease.set_size(size);
  packing.grant.shrink_to(sent_bytes(size));
  const ByteSpan span = packing.lease.bytes();
  Bytes bytes(span, std::move(packing.lease));
  auto counted = shared.ledger.results().try_grant(packing.grant.bytes());
  if (counted) bytes.keep(std::move(*counted));
  bytes.keep(std::move(packing.grant));
  return bytes;
}

}  // namespace

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

loop::Task<Result<Packed>> gzip_bytes(Services& services, loop::Scope& scope, Bytes plain,
                                      int level) {
  const std::size_t bound = mem::gzip_bound(plain.size());
  auto room = services.gzip_pool.get(bound);
  auto grant = services.shared.plans().try_grant(bound);
  if (!room || !grant) co_return Packed{std::move(plain)};
  auto packing = std::make_shared<Packing>();
  packing->plain = std::move(plain);
  packing->lease = std::move(*room);
  packing->grant = std::move(*grant);
  packing->level = level;
  const std::size_t size = co_await pack(services, scope, packing);
  if (scope.cancelled()) co_return std::unexpected(cancelled_error(scope, "compressing"));
  if (size == 0 || size >= packing->plain.size()) co_return Packed{std::move(packing->plain)};
  co_return Packed{packed_bytes(*packing, size, services.shared), true};
}

loop::Task<Result<Answer>> compress(Services& services, loop::Scope& scope, ImageRequest& request,
                                    ImageType type, Answer answer) {
  if (!wanted(request, type)) co_return answer;
  const RunningPhase phase(request.time, Phase::kCompressing, services.loop);
  const int level = request.config().memory.gzip_compression;
  IMGRING_CO_TRY(Packed packed,
                 co_await gzip_bytes(services, scope, std::move(answer.body), level));
  answer.body = std::move(packed.bytes);
  if (!packed.gzip) co_return answer;
  answer.of_part = mem::Part::kPlans;
  answer.response.headers.add("Content-Encoding", "gzip");
  const std::string etag(answer.response.headers.get("etag"));
  if (!etag.empty() && !etag.starts_with("W/")) answer.response.headers.set("Etag", "W/" + etag);
  co_return answer;
}

}  // namespace imgring::service
