// Times and sizes by chance.
#include "render.h"

#include "content.h"
#include "kernel.h"

namespace imgring::simulation {

namespace {

constexpr Time kStrip = 4 * kMillisecond;  // between two looks at the flag

Time time_of_job(Random& random) {
  if (random.chance(0.04)) return random.between(kSecond, 5 * kSecond);
  return random.latency(200 * kMicrosecond, 400 * kMillisecond);
}

std::optional<std::uint32_t> source_of(const pipeline::RenderJob& job) {
  return id_of_source({reinterpret_cast<const char*>(job.source.data()), job.source.size()});
}

}  // namespace

Result<pipeline::RenderedImage> render(const pipeline::RenderJob& job, const StopFlag& stop) {
  Random& random = world->random();
  const auto id = source_of(job);
  if (!id) world->fail("a helper got a source that nobody sent");
  world->trace("render", *id);
  const bool deaf = random.chance(0.2);  // whole-image decoders know no stop
  Time left = time_of_job(random);
  while (left > 0) {
    if (!deaf && stop.stopped()) return std::unexpected(stop_error(stop.reason()));
    world->sleep(std::min(left, kStrip));
    left -= kStrip;
  }
  // Its bytes are the job's until it is done.
  if (source_of(job) != id) world->fail("a source changed while a helper worked on it");
  if (random.chance(kernel->chances().broken_render))
    return fail(ErrorCode::kBrokenImage, "broken by chance");
  pipeline::RenderedImage out;
  out.type = ImageType::kPng;
  out.origin_width = out.origin_height = out.result_width = out.result_height = 100;
  out.same_as_source = random.chance(0.1);
  if (!out.same_as_source) {
    const auto most = random.chance(0.1) ? 300'000 : 20'000;
    out.bytes = Bytes::of(make_result(*id, static_cast<std::size_t>(random.between(12, most))));
  }
  return out;
}

}  // namespace imgring::simulation
