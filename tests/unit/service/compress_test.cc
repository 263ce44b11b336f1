// Tests of src/service/compress.cc: who takes gzip, bytes to bytes on the loop and on a helper, and
// what it does to an answer.
#include "imgring/service/compress.h"

#include "imgring/mem/gzip.h"
#include "stage_world.h"

namespace imgring::service {
namespace {

using namespace testing;

TEST(Compress, WhoTakesGzip) {
  struct Case {
    std::string_view accept_encoding;
    bool expected;
  };
  for (const Case& c :
       {Case{"", false}, Case{"gzip", true}, Case{"br, GZIP;q=0.5", true}, Case{"gzip;q=0", false},
        Case{"*", true}, Case{"*;q=0", false}, Case{"gzip;q=0, *", false}, Case{"br", false}}) {
    EXPECT_EQ(accepts_gzip(c.accept_encoding), c.expected) << c.accept_encoding;
  }
}

std::string random_text(std::size_t size) {
  std::string out(size, ' ');
  std::uint32_t state = 1;
  for (char& c : out) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return out;
}

loop::Task<void> packs(loop::Loop& loop, loop::Scope& scope) {
  StageWorld world(loop);
  for (const std::size_t size : {std::size_t{1000}, std::size_t{100'000}}) {  // loop, helper
    Bytes plain = Bytes::of(std::string(size, 'a'));
    Result<Packed> got = co_await gzip_bytes(world.services, scope, std::move(plain), 5);
    EXPECT_TRUE(got.has_value());
    if (!got) co_return;
    EXPECT_TRUE(got->gzip);
    EXPECT_LT(got->bytes.size(), size);
    EXPECT_GT(world.shared.ledger.results().current(), 0u) << "they are charged while they live";
  }
  EXPECT_EQ(world.shared.ledger.results().current(), 0u);
  Bytes noise = Bytes::of(random_text(5000));
  const std::uint8_t* before = noise.data();
  const Result<Packed> kept = co_await gzip_bytes(world.services, scope, std::move(noise), 5);
  EXPECT_TRUE(kept.has_value());
  if (!kept) co_return;
  EXPECT_FALSE(kept->gzip);
  EXPECT_EQ(kept->bytes.data(), before) << "what does not pay stays as it was";
}
TEST(Compress, BytesToBytes) { loop::run_loop(packs); }

loop::Task<void> left(loop::Loop& loop, loop::Scope& scope) {
  StageWorld world(loop);
  loop::Scope ended(&scope);
  ended.cancel(loop::CancelReason::kClientGone);
  Bytes plain = Bytes::of(std::string(100'000, 'a'));
  const Result<Packed> got = co_await gzip_bytes(world.services, ended, std::move(plain), 5);
  EXPECT_EQ(code_of(got), ErrorCode::kCancelled);
  co_await world.jobs.drained(scope);
}
TEST(Compress, TheClientMayLeave) { loop::run_loop(left); }

loop::Task<void> answers(loop::Loop& loop, loop::Scope& scope) {
  StageWorld world(loop);
  config::Config config;
  config.memory.gzip_compression = 5;
  world.set_config(config);
  ImageRequest request = world.request("/plain/http://a.example/b.svg");
  world.http.headers.add("Accept-Encoding", "gzip");
  for (const ImageType type : {ImageType::kSvg, ImageType::kPng}) {
    Answer plain;
    plain.body = Bytes::of(std::string(1000, 'a'));
    plain.response.headers.add("Etag", "\"e\"");
    plain.of_part = mem::Part::kDownloads;
    Result<Answer> got = co_await compress(world.services, scope, request, type, std::move(plain));
    EXPECT_TRUE(got.has_value());
    if (!got) co_return;
    const bool packed = type == ImageType::kSvg;
    EXPECT_EQ(got->response.headers.get("content-encoding"), packed ? "gzip" : "");
    EXPECT_EQ(got->response.headers.get("etag"), packed ? "W/\"e\"" : "\"e\"");
    EXPECT_EQ(got->of_part, packed ? mem::Part::kPlans : mem::Part::kDownloads);
  }
  EXPECT_EQ(request.time.marks().size(), 1u);
}
TEST(Compress, AnswersOfFormatsThatGain) { loop::run_loop(answers); }

}  // namespace
}  // namespace imgring::service
