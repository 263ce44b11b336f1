// Tests of src/service/admission.cc and queue_check.cc: what a job is given, and what it is refused
// for.
#include "imgring/service/admission.h"

#include "imgring/service/queue_check.h"
#include "stage_world.h"

namespace imgring::service {
namespace {

using namespace testing;

JobPtr job_of(StageWorld& world, const ImageRequest& request, std::uint32_t width,
              std::uint32_t height) {
  source::SourceAnswer answer;
  answer.body = world.source.lease_of(png_header(width, height));
  Result<SourcePtr> image = accept_source(request, std::move(answer));
  IMGRING_CHECK(image.has_value());
  return picture_job(request, std::move(*image), {}, world.shared);
}

loop::Task<void> admitted(loop::Loop& loop, loop::Scope& scope) {
  StageWorld world(loop);
  ImageRequest request = world.request("/w:30/plain/http://a.example/b.png");
  const JobPtr job = job_of(world, request, 400, 300);
  {
    const Result<Admission> got = co_await admit(world.services, scope, request, *job);
    EXPECT_TRUE(got.has_value());
    if (!got) co_return;
    EXPECT_EQ(world.shared.jobs.load(), 1);
    EXPECT_GT(got->memory.planned.bytes(), 0u);
    EXPECT_EQ(world.shared.plans().current(), got->memory.planned.bytes());
    EXPECT_EQ(got->cost.lane, loop::Lane::kQuick);
  }
  EXPECT_EQ(world.shared.jobs.load(), 0);
  EXPECT_EQ(world.shared.plans().current(), 0u);
  EXPECT_EQ(request.time.marks().size(), 1u);
}
TEST(Admission, HoldsAPlaceAndBytesUntilItsEnd) { loop::run_loop(admitted); }

loop::Task<void> no_place(loop::Loop& loop, loop::Scope& scope) {
  StageWorld world(loop);
  config::Config config;
  config.server.requests_queue_size = 2;
  world.set_config(config);
  ImageRequest request = world.request("/w:30/plain/http://a.example/b.png");
  const JobPtr job = job_of(world, request, 400, 300);
  world.shared.jobs = 3;  // one runs, two wait
  const Result<Admission> got = co_await admit(world.services, scope, request, *job);
  EXPECT_EQ(code_of(got), ErrorCode::kTooManyRequests);
  EXPECT_EQ(world.shared.jobs.load(), 3);
  const auto early = check_queue(world.services, request);
  EXPECT_EQ(code_of(early), ErrorCode::kTooManyRequests);
  world.shared.jobs = 0;
  const auto kFull = static_cast<std::size_t>(observe::Refusal::kQueueFull);
  EXPECT_EQ(world.metrics.refusals[kFull].value(), 2u);
}
TEST(Admission, AFullQueueIs429BeforeAndAfterTheSource) { loop::run_loop(no_place); }

loop::Task<void> too_large(loop::Loop& loop, loop::Scope& scope) {
  StageWorld world(loop, kGiB / 8);
  config::Config config;
  config.processing.max_src_resolution = 1'000'000'000;
  world.set_config(config);
  ImageRequest request =
      world.request("/rs:fill:20000:20000:1/el:1/blur:5/plain/http://a.example/b.png");
  const JobPtr job = job_of(world, request, 4000, 3000);
  const Result<Admission> got = co_await admit(world.services, scope, request, *job);
  EXPECT_EQ(code_of(got), ErrorCode::kResultTooLarge);
  EXPECT_EQ(world.shared.jobs.load(), 0);
}
TEST(Admission, WhatCannotFitIsRefusedAtOnce) { loop::run_loop(too_large); }

loop::Task<void> no_memory(loop::Loop& loop, loop::Scope& scope) {
  StageWorld world(loop);
  ImageRequest request = world.request("/w:30/plain/http://a.example/b.png");
  const JobPtr job = job_of(world, request, 400, 300);
  auto all = world.shared.plans().try_grant(world.shared.plans().max());
  loop::Scope timed(&scope);
  const loop::Deadline due(loop, timed, std::chrono::milliseconds(10));
  const Result<Admission> got = co_await admit(world.services, timed, request, *job);
  EXPECT_EQ(code_of(got), ErrorCode::kOverloaded);
  EXPECT_EQ(world.metrics.memory_waiting.value(), 0u);
  const auto kMemory = static_cast<std::size_t>(observe::Refusal::kMemory);
  EXPECT_EQ(world.metrics.refusals[kMemory].value(), 1u);
  EXPECT_EQ(request.time.marks().size(), 1u);
  all.reset();
}
TEST(Admission, WaitsForBytesUntilItsTimeIsOver) { loop::run_loop(no_memory); }

TEST(QueueCheck, TheLaneThatAUrlTells) {
  url::RequestOptions options;
  EXPECT_EQ(lane_asked_for(options), std::nullopt);
  options.format = ImageType::kJpeg;
  EXPECT_EQ(lane_asked_for(options), std::nullopt);
  options.format = ImageType::kAvif;
  EXPECT_EQ(lane_asked_for(options), loop::Lane::kPatient);
}

loop::Task<void> no_time(loop::Loop& loop, loop::Scope&) {
  StageWorld world(loop);
  ImageRequest request = world.request("/w:30/plain/http://a.example/b.png");
  EXPECT_TRUE(check_queue(world.services, request).has_value());
  request.time = Timeline(loop.now(), std::chrono::seconds(0));
  const auto late = check_queue(world.services, request);
  EXPECT_EQ(code_of(late), ErrorCode::kOverloaded);
  world.http.headers.add("If-None-Match", "\"e\"");
  EXPECT_TRUE(check_queue(world.services, request).has_value()) << "its answer may need no helper";
  co_return;
}
TEST(QueueCheck, WhatCouldNotStartInTimeIsRefused) { loop::run_loop(no_time); }

}  // namespace
}  // namespace imgring::service
