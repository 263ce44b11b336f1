// The render, and what its result keeps of what was granted for it.
#include "imgring/service/render_picture.h"

#include <algorithm>
#include <utility>

#include "imgring/image/vips_memory.h"

namespace imgring::service {

std::uint64_t sent_bytes(std::size_t body_bytes) noexcept {
  return body_bytes + std::min<std::uint64_t>(body_bytes, mem::kSocketBytesMax);
}

namespace {

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

}  // namespace

Result<pipeline::RenderedImage> render_picture(PictureJob& job, MemoryGrant& memory,
                                               Shared& shared) {
  if (job.stop.stopped()) {
    const bool left = job.stop.reason() == StopReason::kClientGone;
    return fail(left ? ErrorCode::kCancelled : ErrorCode::kTimeout, "stopped before its start");
  }
  job.render.memory_bytes = memory.planned.bytes();
  auto image = shared.render(job.render, job.stop);
  const image::VipsMemory left = image::vips_memory();
  shared.library_memory.publish({left.used_bytes, left.peak_bytes, left.allocations});
  if (image && !image->bytes.empty()) keep_grant(image->bytes, memory, shared);
  return image;
}

}  // namespace imgring::service
