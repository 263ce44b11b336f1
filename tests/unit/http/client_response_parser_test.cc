// Responses whole and cut at every byte: framing, limits, interim answers, refused ones.
#include "imgring/http/client_response_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "client_response_outcome.h"

namespace imgring::http {
namespace {

struct Case {
  std::string_view in;
  int status;
  std::string_view body;
  bool keeps_alive;
  std::size_t left;
};
using namespace std::string_view_literals;

constexpr Case kGood[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"sv, 200, "hello", true, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello+extra"sv, 200, "hello", true, 6},
    {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"sv, 200, "", true, 0},
    {"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end"sv, 200, "to the end", false, 0},
    {"HTTP/1.1 200 OK\r\n\r\n"sv, 200, "", false, 0},
    {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"sv, 200, "ok", false, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n"sv,
     200, "abc0123456789", true, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"sv,
     200, "abc", true, 0},
    // A length beside chunks counts for nothing, and the connection is not used again.
    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3\r\nabc\r\n0\r\n\r\n"sv,
     200, "abc", false, 0},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n"
     "3\r\nabc\r\n0\r\n\r\n"sv,
     200, "abc", false, 0},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 3248\r\nETag: \"x\"\r\n\r\n"sv, 304, "", true,
     0},
    {"HTTP/1.1 204 No Content\r\n\r\n"sv, 204, "", true, 0},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!"sv,
     200, "!", true, 0},
};

TEST(ResponseParser, GoodResponsesInEveryPiece) {
  for (const Case& c : kGood) {
    for (std::size_t piece = 1; piece <= c.in.size(); ++piece) {
      SCOPED_TRACE(std::string(c.in.substr(0, 60)) + " / " + std::to_string(piece));
      const Outcome out = parse(c.in, piece);
      EXPECT_EQ(out.error, "");
      EXPECT_TRUE(out.done);
      EXPECT_EQ(out.status, c.status);
      EXPECT_EQ(out.body, c.body);
      EXPECT_EQ(out.keeps_alive, c.keeps_alive);
      EXPECT_EQ(out.left, c.left);
    }
  }
}

struct Bad {
  std::string_view in;
  ErrorCode code;
};
constexpr Bad kBad[] = {
    {"", ErrorCode::kSourceUnreachable},
    {"this is not http\r\n\r\n", ErrorCode::kSourceUnreachable},
    {"HTTP/1.1 20", ErrorCode::kSourceUnreachable},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", ErrorCode::kSourceUnreachable},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", ErrorCode::kSourceIncomplete},
    {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", ErrorCode::kSourceUnreachable},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello", ErrorCode::kSourceUnreachable},
    {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
     ErrorCode::kSourceUnreachable},
    {"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n",
     ErrorCode::kSourceUnreachable},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
     ErrorCode::kSourceUnreachable},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
     ErrorCode::kSourceUnreachable},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc", ErrorCode::kSourceUnreachable},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc", ErrorCode::kSourceIncomplete},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ErrorCode::kSourceIncomplete},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
     ErrorCode::kSourceIncomplete},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
     ErrorCode::kSourceIncomplete},
    {"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nraw",
     ErrorCode::kSourceUnreachable},
    {"HTTP/1.1 101 Switching\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!",
     ErrorCode::kSourceUnreachable},
    {"HTTP/1.1 099 What\r\nContent-Length: 1\r\n\r\n!", ErrorCode::kSourceUnreachable},
    {"HTTP/1.1 000 What\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!",
     ErrorCode::kSourceUnreachable},
};

TEST(ResponseParser, BadResponsesInEveryPiece) {
  for (const Bad& c : kBad) {
    for (std::size_t piece = 1; piece <= c.in.size() + 1; ++piece) {
      SCOPED_TRACE(std::string(c.in) + " / " + std::to_string(piece));
      const Outcome out = parse(c.in, piece);
      EXPECT_FALSE(out.error.empty());
      EXPECT_EQ(out.code, c.code);
      EXPECT_FALSE(out.keeps_alive);
    }
  }
}

TEST(ResponseParser, HeadLimits) {
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 1001; ++i) many += "A: b\r\n";
  EXPECT_NE(parse(many + "\r\n", 4096).error.find("1000 headers"), std::string::npos);
  std::string fits = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 999; ++i) fits += "A: b\r\n";
  EXPECT_EQ(parse(fits + "Content-Length: 0\r\n\r\n", 4096).error, "");
  const std::string long_head = "HTTP/1.1 200 OK\r\nA: " + std::string((1 << 20) + 1, 'x');
  EXPECT_NE(parse(long_head, 4096).error.find("1 MiB"), std::string::npos);
}

TEST(ResponseParser, EightInterimResponsesAreEnough) {
  std::string text;
  for (int i = 0; i < 8; ++i) text += "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
  const std::string last = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ(parse(text + last, 100).status, 200);
  const std::string nine = text + "HTTP/1.1 103 Early Hints\r\n\r\n" + last;
  EXPECT_NE(parse(nine, 100).error.find("interim"), std::string::npos);
}

TEST(ResponseParser, SwitchingProtocolsIsRefused) {
  const Outcome out =
      parse("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nraw", 1000);
  EXPECT_FALSE(out.done);
  EXPECT_NE(out.error.find("status is 101"), std::string::npos) << out.error;
}

constexpr std::string_view kChunkedHead =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n";

TEST(ResponseParser, OrdinaryTrailersAreDropped) {
  const std::string text = std::string(kChunkedHead) + "X-Sum: " + std::string(1000, 'f') +
                           "\r\nX-Empty:\r\nServer-Timing: a, b\r\n\r\nnext";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, text.size()}) {
    SCOPED_TRACE(piece);
    const Outcome out = parse(text, piece);
    EXPECT_EQ(out.error, "");
    EXPECT_EQ(out.body, "abc");
    EXPECT_TRUE(out.keeps_alive);
    EXPECT_EQ(out.left, 4u);  // "next"
  }
}

// A trailer was collected like a field of the head, without the head's limits.
TEST(ResponseParser, EndlessTrailersAreRefused) {
  const std::string body(kChunkedHead);
  const std::string full(kResponseTrailerBytesMax, 'x');
  std::string long_fields, many_fields;
  for (int i = 0; i < 100; ++i) long_fields += "A: " + std::string(1000, 'v') + "\r\n";
  for (int i = 0; i < 1002; ++i) many_fields += "A: b\r\n";
  struct Endless {
    const char* name;
    std::string trailers, error;
  };
  for (const Endless& c :
       {Endless{"a name", full + "x", "64 KiB"}, Endless{"a value", "A: " + full, "64 KiB"},
        Endless{"long fields", long_fields, "64 KiB"},
        Endless{"many fields", many_fields, "1000 trailers"}}) {
    for (const std::size_t piece : {std::size_t{100}, std::size_t{1} << 20}) {
      SCOPED_TRACE(std::string(c.name) + " / " + std::to_string(piece));
      const Outcome out = parse(body + c.trailers, piece, false);
      EXPECT_NE(out.error.find(c.error), std::string::npos) << out.error;
      EXPECT_EQ(out.code, ErrorCode::kSourceIncomplete);
    }
  }
  // Up to the limit they pass.
  const std::string ends = "\r\n\r\n";
  const std::string fits = full.substr(std::string_view("A: ").size() + ends.size());
  EXPECT_EQ(parse(body + "A: " + fits + ends, 4096).error, "");
  EXPECT_NE(parse(body + "A: x" + fits + ends, 4096).error, "");
}

TEST(ResponseParser, HeadersKeepOrderAndLoseWhiteSpace) {
  std::string text = "HTTP/1.1 200 OK\r\nSet-Cookie: a=1 \r\nset-cookie:b=2\r\nX:\r\n\r\n";
  ResponseParser parser;
  std::vector<std::uint8_t> bytes(text.begin(), text.end());
  ASSERT_TRUE(parser.feed(bytes).has_value());
  ASSERT_EQ(parser.head().headers.fields().size(), 3u);
  EXPECT_EQ(parser.head().headers.fields()[0].second, "a=1");
  EXPECT_EQ(parser.head().headers.fields()[1].second, "b=2");
  EXPECT_EQ(parser.head().headers.fields()[2].second, "");
}

}  // namespace
}  // namespace imgring::http
