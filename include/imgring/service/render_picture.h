// What a helper does with a job. Everything else of this module is for loops.
// Helper threads; touches the job, its grant and what is shared by all threads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "imgring/base/error.h"
#include "imgring/pipeline/render.h"
#include "imgring/service/memory_gate.h"
#include "imgring/service/picture_job.h"
#include "imgring/service/shared.h"

namespace imgring::service {

// The result's bytes keep as much of `memory` as they take until they are sent.
Result<pipeline::RenderedImage> render_picture(PictureJob& job, MemoryGrant& memory,
                                               Shared& shared);

// What an answer of so many bytes takes: these, and what the kernel holds of them on their way.
std::uint64_t sent_bytes(std::size_t body_bytes) noexcept;

}  // namespace imgring::service
