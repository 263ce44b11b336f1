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

Result<void> check_hashsum(const RenderJob& job, const StopFlag& stop) {
  if (!wants_sum(job)) return {};
  constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
  const url::Hashsum& wanted = job.options->hashsum;
  Digest digest(wanted.kind);
  for (std::size_t at = 0; at < job.source.size() && !stop.stopped(); at += kPieceBytes) {
    digest.add(job.source.subspan(at, std::min(kPieceBytes, job.source.size() - at)));
  }
  if (stop.stopped()) return fail(ErrorCode::kTimeout, "stopped while the source was summed up");
  const std::string found = digest.end();
  if (found == wanted.bytes) return {};
  return fail(ErrorCode::kHashsumMismatch, "the source's " + std::string(name_of(wanted.kind)) +
                                               " is " + hex_encode(as_bytes(found)) +
                                               ", hashsum says " +
                                               hex_encode(as_bytes(wanted.bytes)));
}

std::chrono::microseconds hashsum_time(const RenderJob& job) noexcept {
  // Of SHA-256 without instructions of its own, the slowest of them: 400 MB a second.
  constexpr double kBytesPerUs = 400;
  if (!wants_sum(job)) return std::chrono::microseconds(0);
  return std::chrono::microseconds(
      static_cast<std::int64_t>(static_cast<double>(job.source.size()) / kBytesPerUs));
}

}  // namespace imgring::pipeline
