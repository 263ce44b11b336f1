// Tests of src/service/image_answer.cc and answer.cc: heads of results, of 304 and of errors.
#include "imgring/service/image_answer.h"

#include "stage_world.h"

namespace imgring::service {
namespace {

using namespace testing;

constexpr std::int64_t kToday = 1'700'000'000;

std::shared_ptr<ResultImage> result_of(std::string bytes, Origin origin) {
  auto result = std::make_shared<ResultImage>();
  result->bytes = Bytes::of(std::move(bytes));
  result->type = ImageType::kPng;
  result->origin_width = 40;
  result->result_width = 30;
  result->origin = std::make_shared<Origin>(std::move(origin));
  return result;
}

loop::Task<void> described(loop::Loop& loop, loop::Scope&) {
  StageWorld world(loop);
  config::Config config;
  config.server.use_etag = true;
  config.server.enable_debug_headers = true;
  config.server.response_headers_passthrough = {"X-More"};
  config.server.custom_response_headers = {{"X-Own", "1"}};
  world.set_config(config);
  const ImageRequest request = world.request("/w:30/plain/http://a.example/b.jpg@png");
  Origin origin;
  origin.size_bytes = 1234;
  origin.headers.add("Etag", "\"e\"");
  origin.headers.add("X-More", "m");
  const auto result = result_of("pixels", std::move(origin));
  const Answer answer = describe(request, result, kToday);
  const http::Headers& head = answer.response.headers;
  EXPECT_EQ(answer.response.status, 200);
  EXPECT_EQ(head.get("content-type"), "image/png");
  EXPECT_EQ(head.get("content-disposition"), "inline; filename=\"b.png\"");
  EXPECT_EQ(head.get("etag"), "\"e\"");
  EXPECT_EQ(head.get("x-more"), "m");
  EXPECT_EQ(head.get("x-own"), "1");
  EXPECT_EQ(head.get("x-origin-content-length"), "1234");
  EXPECT_EQ(head.get("x-origin-width"), "40");
  EXPECT_EQ(head.get("x-result-width"), "30");
  EXPECT_EQ(head.get("x-request-id"), "id-1");
  EXPECT_EQ(as_text(answer.body.span()), "pixels");
  EXPECT_EQ(answer.body.data(), result->bytes.data()) << "shared, not copied";
  EXPECT_FALSE(answer.error.has_value());
  co_return;
}
TEST(ImageAnswer, DescribesAResult) { loop::run_loop(described); }

loop::Task<void> fallback(loop::Loop& loop, loop::Scope&) {
  StageWorld world(loop);
  const ImageRequest request = world.request("/w:30/plain/http://a.example/b.jpg@png");
  Origin origin;
  origin.replaced = Error(ErrorCode::kSourceUnreachable, "404");
  const Answer answer = describe(request, result_of("pixels", std::move(origin)), kToday);
  const int usual = world.snapshot->config.processing.fallback_image_http_code;
  EXPECT_EQ(answer.response.status, usual);
  EXPECT_EQ(answer.response.headers.get("x-imgring-fallback"), "1");
  EXPECT_TRUE(answer.error.has_value());
  world.snapshot->config.processing.fallback_image_http_code = 0;
  Origin again;
  again.replaced = Error(ErrorCode::kSourceUnreachable, "404");
  const Answer own = describe(request, result_of("pixels", std::move(again)), kToday);
  EXPECT_EQ(own.response.status, Error(ErrorCode::kSourceUnreachable, "").status());
  co_return;
}
TEST(ImageAnswer, AFallbackSaysThatItIsOne) { loop::run_loop(fallback); }

loop::Task<void> without_body(loop::Loop& loop, loop::Scope&) {
  StageWorld world(loop);
  config::Config config;
  config.server.use_etag = true;
  world.set_config(config);
  const ImageRequest request = world.request("/w:30/plain/http://a.example/b.jpg");
  Origin origin;
  origin.headers.add("Etag", "\"e\"");
  const Answer answer = not_modified(request, origin, kToday);
  EXPECT_EQ(answer.response.status, 304);
  EXPECT_EQ(answer.response.headers.get("etag"), "\"e\"");
  EXPECT_TRUE(answer.body.empty());
  const Answer busy = error_answer(request, Error(ErrorCode::kOverloaded, "secret detail"));
  EXPECT_EQ(busy.response.status, 503);
  EXPECT_EQ(busy.response.headers.get("retry-after"), "1");
  EXPECT_EQ(as_text(busy.body.span()).find("secret"), std::string_view::npos);
  co_return;
}
TEST(ImageAnswer, NotModifiedAndErrors) { loop::run_loop(without_body); }

}  // namespace
}  // namespace imgring::service
