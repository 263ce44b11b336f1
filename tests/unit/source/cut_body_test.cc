// Bodies of http:// sources that end where their beginning is enough.
#include <gtest/gtest.h>

#include <chrono>

#include "source_server.h"
#include "world.h"

namespace imgring {
namespace {

std::string counted_bytes(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + i / 977);
  return text;
}

test::Step until(test::Step step, std::size_t bytes) {
  step.request.enough = [bytes](ByteSpan so_far) { return so_far.size() >= bytes; };
  return step;
}

// The rest is not waited for.
TEST(CutBody, EndsWhereItIsEnough) {
  const std::string body = counted_bytes(300'000);
  std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (std::size_t at = 0; at < body.size(); at += 1000) {
    chunked += "3e8\r\n" + body.substr(at, 1000) + "\r\n";
  }
  for (const std::string& whole : {test::answer("200 OK", "", body), chunked}) {
    // Half of it comes, and then nothing.
    test::SourceServer server([&](test::Peer& peer, const std::string&) {
      peer.send(whole.substr(0, whole.size() / 2));
      peer.wait(std::chrono::milliseconds(3000));
      return false;
    });
    const test::Outcome out = test::World().one(until(test::get(server.url()), 5000));
    EXPECT_TRUE(out.ok) << out.error.detail;
    EXPECT_TRUE(out.cut);
    EXPECT_GE(out.body.size(), 5000u);
    EXPECT_LT(out.body.size(), body.size());
    EXPECT_EQ(out.body, body.substr(0, out.body.size()));
  }
}

TEST(CutBody, WholeWhereThatIsWhatItTakes) {
  const std::string body = counted_bytes(300'000);
  test::SourceServer server([&](test::Peer& peer, const std::string&) {
    return peer.send(test::answer("200 OK", "", body));
  });
  for (const std::size_t bytes : {body.size(), body.size() + 1}) {
    const test::Outcome all = test::World().one(until(test::get(server.url()), bytes));
    EXPECT_FALSE(all.cut);
    EXPECT_EQ(all.body, body);
  }
}

}  // namespace
}  // namespace imgring
