// Tests of src/service/source_image.cc: what an answer of a source becomes, and what stands in for
// none.
#include "imgring/service/source_image.h"

#include "stage_world.h"

namespace imgring::service {
namespace {

using namespace testing;

const std::string kPath = "/w:30/plain/http://a.example/b.png";

loop::Task<void> a_picture(loop::Loop& loop, loop::Scope& scope) {
  StageWorld world(loop);
  ImageRequest request = world.request(kPath);
  world.source.body = png_header(40, 30);
  world.source.head.headers.add("Etag", "\"e\"");
  const Result<SourcePtr> got = co_await fetch_source(world.services, scope, request);
  EXPECT_TRUE(got.has_value());
  if (!got) co_return;
  const SourceImage& image = **got;
  EXPECT_EQ(image.type, ImageType::kPng);
  EXPECT_TRUE(image.facts.has_value());
  EXPECT_EQ(image.facts.value_or(format::SourceFacts()).width, 40);
  EXPECT_EQ(image.bytes.size(), world.source.body.size());
  EXPECT_EQ(image.origin->size_bytes, world.source.body.size());
  EXPECT_EQ(image.origin->headers.get("etag"), "\"e\"");
  EXPECT_FALSE(image.origin->replaced.has_value());
  EXPECT_FALSE(image.not_modified);
  EXPECT_TRUE(request.source_shown);
  EXPECT_EQ(request.time.marks().size(), 1u);
  EXPECT_EQ(world.source.asked.size(), 1u);
}
TEST(SourceImage, HasTypeFactsAndOrigin) { loop::run_loop(a_picture); }

loop::Task<void> not_modified(loop::Loop& loop, loop::Scope& scope) {
  StageWorld world(loop);
  ImageRequest request = world.request(kPath);
  world.source.head.status = 304;
  world.source.head.headers.add("Etag", "\"e\"");
  const Result<SourcePtr> got = co_await fetch_source(world.services, scope, request);
  EXPECT_TRUE(got.has_value());
  if (!got) co_return;
  EXPECT_TRUE((*got)->not_modified);
  EXPECT_EQ((*got)->origin->headers.get("etag"), "\"e\"");
}
TEST(SourceImage, NothingCameOfWhatTheClientHas) { loop::run_loop(not_modified); }

loop::Task<void> refused(loop::Loop& loop, loop::Scope& scope) {
  StageWorld world(loop);
  ImageRequest request = world.request(kPath);
  world.source.body = "no picture";
  Result<SourcePtr> got = co_await fetch_source(world.services, scope, request);
  EXPECT_EQ(code_of(got), ErrorCode::kUnknownType);
  world.source.body = png_header(4, 4);
  world.snapshot->abilities = {};
  got = co_await fetch_source(world.services, scope, request);
  EXPECT_EQ(code_of(got), ErrorCode::kSourceUnsupported);
  world.source.error = Error(ErrorCode::kOverloaded, "no room");
  got = co_await fetch_source(world.services, scope, request);
  EXPECT_FALSE(got.has_value());
  const auto refusals = static_cast<std::size_t>(observe::Refusal::kDownloadBudget);
  EXPECT_EQ(world.metrics.refusals[refusals].value(), 1u);
}
TEST(SourceImage, NoPictureNoLoaderNoRoom) { loop::run_loop(refused); }

loop::Task<void> cancelled(loop::Loop& loop, loop::Scope& scope) {
  StageWorld world(loop);
  ImageRequest request = world.request(kPath);
  world.source.body = png_header(4, 4);
  loop::Scope ended(&scope);
  ended.cancel(loop::CancelReason::kDeadline);
  const Result<SourcePtr> got = co_await fetch_source(world.services, ended, request);
  EXPECT_EQ(code_of(got), ErrorCode::kTimeout);
  EXPECT_FALSE(request.source_shown);
}
TEST(SourceImage, TheRequestsEndIsTheError) { loop::run_loop(cancelled); }

loop::Task<void> replaced(loop::Loop& loop, loop::Scope&) {
  StageWorld world(loop);
  const ImageRequest request = world.request(kPath);
  const Error missing(ErrorCode::kSourceUnreachable, "404");
  EXPECT_EQ(fall_back(request, missing), nullptr) << "there is none";
  auto fallback = std::make_shared<pipeline::AuxImage>();
  fallback->bytes = png_header(7, 5);
  fallback->type = ImageType::kPng;
  world.snapshot->fallback = fallback;
  const SourcePtr image = fall_back(request, missing);
  EXPECT_NE(image, nullptr);
  if (image == nullptr) co_return;
  EXPECT_EQ(image->origin->replaced->code, ErrorCode::kSourceUnreachable);
  EXPECT_TRUE(image->origin->headers.fields().empty());
  EXPECT_EQ(image->bytes.data(), as_bytes(fallback->bytes).data());
  EXPECT_EQ(image->facts.value_or(format::SourceFacts()).width, 7);
  for (const ErrorCode code :
       {ErrorCode::kCancelled, ErrorCode::kTimeout, ErrorCode::kOverloaded}) {
    EXPECT_EQ(fall_back(request, Error(code, "")), nullptr);
  }
  Error late = missing;
  late.in_body = true;
  EXPECT_EQ(fall_back(request, late), nullptr);
}
TEST(SourceImage, TheFallbackStandsInForSourcesNotForUs) { loop::run_loop(replaced); }

}  // namespace
}  // namespace imgring::service
