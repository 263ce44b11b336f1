// The render, and what its result keeps of what was granted for it.
#include "imgring/service/render_picture.h"

#include <algorithm>
#include <utility>

#include "imgring/image/vips_memory.h"
#include "imgring/service/admission.h"

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

// The real plan's bytes, for a grant that was planned by a header which said less.
Result<void> grow_grant(MemoryGrant& memory, Shared& shared, const pipeline::PlannedBytes& real) {
  IMGRING_TRY_VOID(check_certain_bytes(real.certain, shared));
  const auto planned = static_cast<std::uint64_t>(real.planned);
  // More than all there is runs alone.
  const std::uint64_t wanted = std::min(planned, shared.plans().max());
  const std::uint64_t granted = memory.planned.bytes();
  if (wanted <= granted || memory.planned.add(wanted - granted)) return {};
  return fail(ErrorCode::kOverloaded, "the picture is larger than its header says: no memory for " +
                                          std::to_string(wanted >> 20) + " MiB of pixels, " +
                                          std::to_string(granted >> 20) + " were planned");
}

}  // namespace

Result<pipeline::RenderedImage> render_picture(PictureJob& job, MemoryGrant& memory,
                                               Shared& shared) {
  if (job.stop.stopped()) {
    const bool left = job.stop.reason() == StopReason::kClientGone;
    return fail(left ? ErrorCode::kCancelled : ErrorCode::kTimeout, "stopped before its start");
  }
  job.render.memory_bytes = memory.planned.bytes();
  job.render.more_memory = [&](const pipeline::PlannedBytes& real) {
    return grow_grant(memory, shared, real);
  };
  auto image = shared.render(job.render, job.stop);
  job.render.more_memory = nullptr;
  const image::VipsMemory left = image::vips_memory();
  shared.library_memory.publish({left.used_bytes, left.peak_bytes, left.allocations});
  if (image && !image->bytes.empty()) keep_grant(image->bytes, memory, shared);
  return image;
}

}  // namespace imgring::service
