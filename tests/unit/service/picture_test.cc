// Tests of src/service/picture.cc and result_image.cc: the whole list over a real picture, a stage
// of it alone, and where it ends early.
#include "imgring/service/picture.h"

#include "../../integration/pictures.h"
#include "imgring/image/library.h"
#include "imgring/service/result_image.h"
#include "stage_world.h"

namespace imgring::service {
namespace {

using namespace testing;

class Library : public ::testing::Environment {
  void SetUp() override { ASSERT_TRUE(image::init_vips("service_test").has_value()); }
};
const auto* const kLibrary = ::testing::AddGlobalTestEnvironment(new Library);

loop::Task<void> whole(loop::Loop& loop, loop::Scope& scope) {
  StageWorld world(loop);
  ImageRequest request = world.request("/rs:fit:20:20/plain/http://a.example/b.png");
  world.source.body = test::png_picture({40, 30});
  {
    const Result<Answer> answer = co_await make_picture(world.services, scope, request);
    EXPECT_TRUE(answer.has_value()) << (answer ? "" : answer.error().detail);
    if (!answer) co_return;
    EXPECT_EQ(answer->response.status, 200);
    EXPECT_EQ(answer->response.headers.get("content-type"), "image/png");
    const test::PictureFacts expected{"png", 20, 15};
    EXPECT_EQ(test::facts_of_picture(as_text(answer->body.span())), expected);
    EXPECT_GT(world.shared.ledger.results().current(), 0u);
  }
  EXPECT_GT(world.shared.library_memory.numbers().memory_bytes_max, 0u);
  std::vector<Phase> phases;
  for (const Timeline::Mark& mark : request.time.marks()) phases.push_back(mark.phase);
  const std::vector<Phase> expected = {Phase::kDownloading, Phase::kMemory, Phase::kQueue,
                                       Phase::kProcessing};
  EXPECT_EQ(phases, expected);
}
TEST(Picture, IsTheListOfItsStages) { loop::run_loop(whole); }

loop::Task<void> early(loop::Loop& loop, loop::Scope& scope) {
  StageWorld world(loop);
  ImageRequest request = world.request("/w:20/plain/http://a.example/b.png");
  world.source.head.status = 304;
  const Result<Answer> same = co_await make_picture(world.services, scope, request);
  EXPECT_TRUE(same.has_value());
  if (!same) co_return;
  EXPECT_EQ(same->response.status, 304);
  world.source.error = Error(ErrorCode::kSourceUnreachable, "gone");
  const Result<Answer> gone = co_await make_picture(world.services, scope, request);
  EXPECT_EQ(code_of(gone), ErrorCode::kSourceUnreachable);
}
TEST(Picture, EndsWhereAStageSaysNo) { loop::run_loop(early); }

// The stages behind a source that is there, as a cache would call them.
loop::Task<void> from_the_middle(loop::Loop& loop, loop::Scope& scope) {
  StageWorld world(loop);
  ImageRequest request = world.request("/skp:png/plain/http://a.example/b.png");
  const std::string picture = test::png_picture({40, 30});
  source::SourceAnswer answer;
  answer.body = world.source.lease_of(picture);
  Result<SourcePtr> source = accept_source(request, std::move(answer));
  EXPECT_TRUE(source.has_value());
  if (!source) co_return;
  JobPtr job = picture_job(request, std::move(*source), {}, world.shared);
  Result<Admission> admission = co_await admit(world.services, scope, request, *job);
  EXPECT_TRUE(admission.has_value());
  if (!admission) co_return;
  const Result<ResultPtr> result =
      co_await make_result(world.services, scope, request, std::move(job), std::move(*admission));
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().detail);
  if (!result) co_return;
  EXPECT_EQ(as_text((*result)->bytes.span()), picture) << "skipped: the source's own bytes";
  EXPECT_EQ((*result)->type, ImageType::kPng);
  EXPECT_EQ((*result)->origin->size_bytes, picture.size());
  EXPECT_EQ(world.shared.jobs.load(), 0);
}
TEST(Picture, AnyStageCanBeTheFirst) { loop::run_loop(from_the_middle); }

loop::Task<void> broken(loop::Loop& loop, loop::Scope& scope) {
  StageWorld world(loop);
  ImageRequest request = world.request("/w:20/plain/http://a.example/b.png");
  world.source.body = png_header(40, 30);
  const Result<Answer> answer = co_await make_picture(world.services, scope, request);
  EXPECT_EQ(code_of(answer), ErrorCode::kBrokenImage);
}
TEST(Picture, ABrokenOneIsTheRequestsError) { loop::run_loop(broken); }

loop::Task<void> client_left(loop::Loop& loop, loop::Scope& scope) {
  StageWorld world(loop);
  ImageRequest request = world.request("/w:20/plain/http://a.example/b.png");
  source::SourceAnswer answer;
  answer.body = world.source.lease_of(test::png_picture({40, 30}));
  Result<SourcePtr> source = accept_source(request, std::move(answer));
  JobPtr job = picture_job(request, std::move(*source), {}, world.shared);
  Result<Admission> admission = co_await admit(world.services, scope, request, *job);
  loop::Scope ended(&scope);
  ended.cancel(loop::CancelReason::kClientGone);
  const Result<ResultPtr> result =
      co_await make_result(world.services, ended, request, std::move(job), std::move(*admission));
  EXPECT_EQ(code_of(result), ErrorCode::kCancelled);
  EXPECT_EQ(world.metrics.cancelled_jobs.value(), 1u);
  co_await world.jobs.drained(scope);
}
TEST(ResultImage, AJobWhoseClientLeftGivesEverythingBack) { loop::run_loop(client_left); }

}  // namespace
}  // namespace imgring::service
