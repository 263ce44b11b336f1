// A megabyte at a time, with a look at the stop flag between two.
#include "hashsum.h"

#include <algorithm>
#include <string>

namespace imgring::pipeline {
namespace {

bool wants_sum(const RenderJob& job) noexcept {
  return job.options->hashsum.kind != DigestKind::kNone && !job.source_replaced;
}

}  // namespace

Result<std::string> sum_of(ByteSpan source, DigestKind kind, const StopFlag& stop) {
  constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
  Digest digest(kind);
  for (std::size_t at = 0; at < source.size() && !stop.stopped(); at += kPieceBytes) {
    digest.add(source.subspan(at, std::min(kPieceBytes, source.size() - at)));
  }
  if (stop.stopped()) return fail(ErrorCode::kTimeout, "stopped while the source was summed up");
  std::string sum = digest.end();
  if (sum.size() == size_bytes_of(kind)) return sum;
  return fail(ErrorCode::kInternal,
              "this OpenSSL makes no " + std::string(name_of(kind)) + " (is FIPS mode on?)");
}

Result<void> check_hashsum(const RenderJob& job, const StopFlag& stop) {
  if (!wants_sum(job)) return {};
  const url::Hashsum& wanted = job.options->hashsum;
  IMGRING_TRY(const std::string found, sum_of(job.source, wanted.kind, stop));
  if (found == wanted.bytes) return {};
  return fail(ErrorCode::kHashsumMismatch, "the source's " + std::string(name_of(wanted.kind)) +
                                               " is " + hex_encode(as_bytes(found)) +
                                               ", hashsum says " +
                                               hex_encode(as_bytes(wanted.bytes)));
}

std::chrono::microseconds hashsum_time(const RenderJob& job) noexcept {
  // Of SHA-256 without instructions of its own, the slowest of them: 400 MB a second.
  constexpr double kBytesPerUs = 400;
  std::ptrdiff_t sums = wants_sum(job) ? 1 : 0;
  if (job.info != nullptr) sums += std::ranges::count(job.info->options->hashsums, true);
  return std::chrono::microseconds(static_cast<std::int64_t>(
      static_cast<double>(sums) * static_cast<double>(job.source.size()) / kBytesPerUs));
}

}  // namespace imgring::pipeline
