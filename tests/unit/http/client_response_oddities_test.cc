// Answers of sources as they are: what browsers read past is read past, what has two meanings is
// refused, and a connection that showed any of it is not used again. Every row comes whole, byte by
// byte and cut at random: it must not matter.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "client_response_outcome.h"

namespace imgring::http {
namespace {

using namespace std::string_literals;

struct Read {
  const char* what;
  std::string in;
  std::string fields;  // "name=value|" of each that is left
  std::string body = "hello";
  int status = 200;
  bool keeps_alive = false;
  std::size_t left = 0;
};
struct Refused {
  const char* what;
  std::string in;
  const char* why;
  ErrorCode code = ErrorCode::kSourceUnreachable;
};

const std::string kOk = "HTTP/1.1 200 OK\r\n", kLength = "Content-Length: 5\r\n";
const std::string kEnd = "\r\nhello";
const std::string kLengthField = "Content-Length=5|";
const std::string kChunks = kOk + "Transfer-Encoding: chunked\r\n\r\n";
const std::string kChunksField = "Transfer-Encoding=chunked|";

// Of a head with that line in front of its length.
std::string with(const std::string& line) { return kOk + line + kLength + kEnd; }
// Of an answer with these lines instead of its length.
std::string framed(const std::string& lines, const std::string& body = "hello") {
  return kOk + lines + "\r\n" + body;
}

Outcome whole(const std::string& in) { return parse(in, in.size() + 1); }

void expect_same_however_cut(const std::string& in, const Outcome& expected) {
  for (const std::size_t piece : {1, 2, 3, 7}) {
    EXPECT_EQ(parse(in, piece), expected) << "in pieces of " << piece;
  }
  for (unsigned seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    const auto next = [&random] { return 1 + random() % 24; };
    EXPECT_EQ(parse_pieces(in, next), expected) << "cut by seed " << seed;
  }
}

void expect_read(const std::vector<Read>& rows) {
  for (const Read& row : rows) {
    SCOPED_TRACE(row.what);
    const Outcome out = whole(row.in);
    EXPECT_EQ(out.error, "");
    EXPECT_TRUE(out.done);
    EXPECT_EQ(out.status, row.status);
    EXPECT_EQ(out.fields, row.fields);
    EXPECT_EQ(out.body, row.body);
    EXPECT_EQ(out.keeps_alive, row.keeps_alive);
    EXPECT_EQ(out.left, row.left);
    expect_same_however_cut(row.in, out);
  }
}

void expect_refused(const std::vector<Refused>& rows) {
  for (const Refused& row : rows) {
    SCOPED_TRACE(row.what);
    const Outcome out = whole(row.in);
    EXPECT_NE(out.error.find(row.why), std::string::npos) << out.error;
    EXPECT_EQ(out.code, row.code);
    expect_same_however_cut(row.in, out);
  }
}

TEST(ResponseOddities, FoldsAreSpaces) {
  expect_read({
      {"with a space", with("X-A: one\r\n two\r\n"), "X-A=one two|" + kLengthField},
      {"with a tab", with("X-A: one\r\n\ttwo\r\n"), "X-A=one two|" + kLengthField},
      {"several", with("X-A: a;\r\n b;\r\n\t c;\r\n    d\r\n"), "X-A=a; b; c; d|" + kLengthField},
      {"right behind the colon", with("X-A:\r\n one\r\n"), "X-A=one|" + kLengthField},
      {"behind white space", with("X-A: one  \t\r\n  two\r\n"), "X-A=one two|" + kLengthField},
      {"of white space", with("X-A: one\r\n \t \r\n two\r\n"), "X-A=one two|" + kLengthField},
      {"at the end of the head", framed(kLength + "X-A: one\r\n two\r\n"),
       kLengthField + "X-A=one two|"},
      {"of a length", framed("Content-Length:\r\n 5\r\n"), kLengthField},
      {"of a coding", kOk + "Transfer-Encoding:\r\n chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
       kChunksField},
      {"behind the status line", kOk + " X-A: 1\r\n" + kLength + kEnd, kLengthField},
      {"with what looks like a length", with("X-A: one\r\n Content-Length: 9\r\n"),
       "X-A=one Content-Length: 9|" + kLengthField},
      {"behind a line without a colon", with("X-A\r\n : 1\r\n"), kLengthField},
      {"with LF alone", with("X-A: one\n two\n"), "X-A=one two|" + kLengthField},
  });
}

TEST(ResponseOddities, NamesThatAreNone) {
  expect_read({
      {"a space before the colon", with("X-A : 1\r\n"), "X-A=1|" + kLengthField},
      {"spaces and a tab", with("X-A \t : 1\r\n"), "X-A=1|" + kLengthField},
      {"of a length", framed("Content-Length : 5\r\n"), kLengthField},
      {"a space inside", with("X A: 1\r\n"), kLengthField},
      {"a length with a space inside", with("Content Length: 9\r\n"), kLengthField},
      {"brackets", with("X(A): 1\r\n"), kLengthField},
      {"bytes above ASCII", with("X-\xc3\xa9: 1\r\n"), kLengthField},
      {"a control character", with("X\x01: 1\r\n"), kLengthField},
      {"empty", with(": 1\r\n"), kLengthField},
      {"no colon", with("X-A\r\n"), kLengthField},
      {"no colon, and words", with("<!-- page made by hand -->\r\n"), kLengthField},
      {"all characters of a token", with("!#$%&'*+-.^_`|~9aZ: v\r\n"),
       "!#$%&'*+-.^_`|~9aZ=v|" + kLengthField, "hello", 200, true},
  });
}

TEST(ResponseOddities, Values) {
  expect_read({
      {"empty", with("X-A:\r\nX-B: \r\n"), "X-A=|X-B=|" + kLengthField, "hello", 200, true},
      {"with white space around", with("X-A: \t a b \t \r\n"), "X-A=a b|" + kLengthField, "hello",
       200, true},
      {"bytes above ASCII", with("X-A: caf\xc3\xa9 \xff\r\n"),
       "X-A=caf\xc3\xa9 \xff|" + kLengthField, "hello", 200, true},
      {"control characters",
       with("X-A: a\x01"
            "b\x7f"
            "c\r\n"),
       "X-A=a b c|" + kLengthField},
  });
  expect_refused({
      {"NUL in a value", with("X-A: a\0b\r\n"s), "NUL"},
      {"NUL in a name", with("X\0A: 1\r\n"s), "NUL"},
      {"CR in a value", with("X-A: a\rX-B: 1\r\n"), "lone CR"},
      {"CR in a line without a colon", with("a\rb\r\n"), "lone CR"},
      {"CR in a fold", with("X-A: a\r\n b\rc\r\n"), "lone CR"},
      {"CR in the status line", "HTTP/1.1 200 O\rK\r\n" + kLength + kEnd, "lone CR"},
      {"NUL in the status line", "HTTP/1.1 200 O\0K\r\n"s + kLength + kEnd, "NUL"},
  });
}

TEST(ResponseOddities, EqualLengthsAreOne) {
  expect_read({
      {"twice", framed(kLength + kLength), kLengthField},
      {"three times, apart", framed(kLength + "X-A: 1\r\n" + kLength + "X-B: 2\r\n" + kLength),
       kLengthField + "X-A=1|X-B=2|"},
      {"in any case", framed("content-length: 5\r\nCONTENT-LENGTH:5\r\n"), kLengthField},
      {"in a list", framed("Content-Length: 5, 5\r\n"), kLengthField},
      {"in a list without spaces", framed("Content-Length: 5,5,5\r\n"), kLengthField},
      {"in a list and a line", framed("Content-Length: 5 ,\t5\r\nContent-Length: 5\r\n"),
       kLengthField},
      {"with zeros in front", framed("Content-Length: 005\r\nContent-Length: 5\r\n"), kLengthField},
      {"none", framed("Content-Length: 0\r\nContent-Length: 0\r\n", ""), "Content-Length=0|", ""},
      {"padded", framed("Content-Length : 5\r\nContent-Length: 5\r\n"), kLengthField},
      {"one that says nothing", framed("Content-Length:\r\n"), ""},
      {"of nothing that is modified", "HTTP/1.1 304 N\r\n" + kLength + kLength + "\r\n",
       kLengthField, "", 304},
  });
}

TEST(ResponseOddities, DifferingLengthsAreRefused) {
  expect_refused({
      {"two", framed("Content-Length: 5\r\nContent-Length: 6\r\n"), "both 5 and \"6\""},
      {"apart, and one padded", framed("Content-Length: 5\r\nX-A: 1\r\nContent-Length : 50\r\n"),
       "both 5 and \"50\""},
      {"in a list", framed("Content-Length: 5, 6\r\n"), "both 5 and \"6\""},
      {"the third", framed(kLength + kLength + "Content-Length: 4\r\n"), "both 5 and \"4\""},
      {"beside chunks",
       kOk + "Content-Length: 5\r\nContent-Length: 6\r\n"
             "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
       "both 5 and"},
      {"none of a list", framed("Content-Length: 5,\r\n"), "Content-Length is"},
      {"two numbers by a fold", framed("Content-Length: 5\r\n 5\r\n"), "Content-Length is"},
      {"a sign", framed("Content-Length: +5\r\n"), "Content-Length is"},
      {"letters", framed("Content-Length: 0x5\r\n"), "Content-Length is"},
      {"a control character", framed("Content-Length: 5\x01\r\n"), "Content-Length is"},
      {"beyond 64 bits", framed("Content-Length: 99999999999999999999\r\n"), "overflow"},
  });
}

TEST(ResponseOddities, ChunksByLinesAsTheyAre) {
  const std::string last = "\r\n0\r\n\r\n";
  const std::string both = kLengthField + kChunksField;
  expect_read({
      {"a space behind the size", kChunks + "5 \r\nhello\r\n0 \r\n\r\n", kChunksField},
      {"several", kChunks + "5    \r\nhello" + last, kChunksField},
      {"tabs", kChunks + "5\t \t\r\nhello" + last, kChunksField},
      {"before an extension", kChunks + "5 \t;a=b\r\nhello" + last, kChunksField},
      {"in front of the size", kChunks + " 5\r\nhello" + last, kChunksField},
      {"zeros in front", kChunks + "000005\r\nhello" + last, kChunksField, "hello", 200, true},
      {"extensions", kChunks + "5;a;b=\"c;d\"; e = f\r\nhello" + last, kChunksField, "hello", 200,
       true},
      {"a long extension", kChunks + "5;a=" + std::string(10000, 'x') + "\r\nhello" + last,
       kChunksField, "hello", 200, true},
      {"LF alone", kChunks + "5\nhello\n0\n\n", kChunksField},
      {"LF alone behind the data", kChunks + "5\r\nhello\n0\r\n\r\n", kChunksField},
      {"two CR", kChunks + "5\r\r\nhello\r\n0\r\r\n\r\r\n", kChunksField},
      {"beside a length",
       framed("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "3\r\nabc" + last), both,
       "abc"},
      {"beside equal lengths",
       framed(kLength + kLength + "Transfer-Encoding: chunked\r\n", "3\r\nabc" + last), both,
       "abc"},
      {"said twice",
       framed("Transfer-Encoding: chunked\r\nTransfer-Encoding: Chunked\r\n", "3\r\nabc" + last),
       kChunksField, "abc"},
      {"and identity", framed("Transfer-Encoding: chunked, identity\r\n", "3\r\nabc" + last),
       kChunksField, "abc"},
      {"padded name", framed("Transfer-Encoding : chunked\r\n", "3\r\nabc" + last), kChunksField,
       "abc"},
      {"identity alone", framed("Transfer-Encoding: identity\r\n" + kLength), kLengthField},
      {"nothing", framed("Transfer-Encoding:\r\n" + kLength), kLengthField},
      {"said by HTTP/1.0, which has none",
       "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n" + kLength + kEnd, kLengthField},
      {"the end without an empty line", kChunks + "5\r\nhello\r\n0\r\n", kChunksField},
      {"trailers that are none", kChunks + "5\r\nhello\r\n0\r\nno trailer\r\n\r\n", kChunksField},
      {"a CR in a trailer", kChunks + "5\r\nhello\r\n0\r\nX: a\rb\r\n\r\n", kChunksField},
      {"rubbish behind the last", kChunks + "5\r\nhello\r\n0\r\n\r\nrubbish", kChunksField, "hello",
       200, true, 7},  // bytes that are left are the client's oddity
      {"rubbish instead of the empty line", kChunks + "5\r\nhello\r\n0\r\nrub\0bish"s,
       kChunksField},
  });
}

TEST(ResponseOddities, ChunksThatAreRefused) {
  constexpr ErrorCode kBody = ErrorCode::kSourceIncomplete;
  expect_refused({
      {"another coding", framed("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
       "Transfer-Encoding \"gzip, chunked\""},
      {"another coding in a line of its own",
       framed("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n", "0\r\n\r\n"), "gzip"},
      {"a parameter", framed("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n"), "chunked;q=1"},
      {"no size", kChunks + "\r\nhello\r\n0\r\n\r\n", "chunk size", kBody},
      {"two sizes", kChunks + "5 5\r\nhello\r\n0\r\n\r\n", "chunk size", kBody},
      {"0x", kChunks + "0x5\r\nhello\r\n0\r\n\r\n", "chunk size", kBody},
      {"a sign", kChunks + "-5\r\nhello\r\n0\r\n\r\n", "chunk size", kBody},
      {"a fold", kChunks + "5\r\n \r\nhello\r\n0\r\n\r\n", "chunk", kBody},
      {"more than its size", kChunks + "4\r\nhello\r\n0\r\n\r\n", "chunk", kBody},
      {"beyond 64 bits", kChunks + "fffffffffffffffff\r\n", "overflow", kBody},
      {"an endless line", kChunks + "5;" + std::string(kChunkLineBytesMax, 'x'), "16 KiB", kBody},
      {"cut before the last", kChunks + "5\r\nhello\r\n", "cut off", kBody},
  });
}

TEST(ResponseOddities, StatusLines) {
  const auto line = [](const std::string& text) { return text + "\r\n" + kLength + kEnd; };
  expect_read({
      {"a later minor version", line("HTTP/1.2 200 OK"), kLengthField},
      {"a long one", line("HTTP/1.10 200 OK"), kLengthField},
      {"HTTP/2.0 in text", line("HTTP/2.0 200 OK"), kLengthField},
      {"HTTP/2 in text", line("HTTP/2 200"), kLengthField},
      {"HTTP/0.9 in text", line("HTTP/0.9 200 OK"), kLengthField},
      {"no version", line("HTTP 200 OK"), kLengthField},
      {"ICY", line("ICY 200 OK"), kLengthField},
      {"small letters", line("http/1.1 200 ok"), kLengthField},
      {"two spaces", line("HTTP/1.1  200 OK"), kLengthField},
      {"a tab", line("HTTP/1.1\t200 OK"), kLengthField},
      {"no reason", line("HTTP/1.1 200 "), kLengthField, "hello", 200, true},
      {"no reason and no space", line("HTTP/1.1 200"), kLengthField, "hello", 200, true},
      {"no space before the reason", line("HTTP/1.1 200OK"), kLengthField},
      {"a status behind a dot", line("HTTP/1.1 404.3 Not Found"), kLengthField, "hello", 404},
      {"a reason of other bytes", line("HTTP/1.1 200 D\xe9j\xe0 vu\x01"), kLengthField, "hello",
       200, true},
      {"empty lines before", "\r\n\n" + line("HTTP/1.1 200 OK"), kLengthField},
      {"LF alone", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", kLengthField},
      {"two CR", "HTTP/1.1 200 OK\r\r\nContent-Length: 5\r\r\n\r\r\nhello", kLengthField},
      {"chunks in HTTP/1.2",
       "HTTP/1.2 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
       "5\r\nhello\r\n0\r\n\r\n",
       kChunksField},
      {"an odd answer before it", "HTTP/1.1 103 Hints\r\nX A: 1\r\n\r\n" + with(""), kLengthField},
      {"its own length alone counts", "HTTP/1.1 103 Hints\r\nContent-Length: 9\r\n\r\n" + with(""),
       kLengthField, "hello", 200, true},
      {"rubbish behind the body", with("") + "HTTP/1.1 200 OK\r\n", kLengthField, "hello", 200,
       true, 17},
  });
  expect_refused({
      {"no number", line("HTTP/1.1 OK"), "the status line is \"HTTP/1.1 OK\""},
      {"two digits", line("HTTP/1.1 20"), "the status line is"},
      {"four digits", line("HTTP/1.1 2000 OK"), "the status line is"},
      {"a sign", line("HTTP/1.1 -200 OK"), "the status line is"},
      {"no space before the status", line("HTTP/1.1200 OK"), "the status line is"},
      {"a version of three numbers", line("HTTP/1.1.1 200 OK"), "the status line is"},
      {"no numbers", line("HTTP/x.y 200 OK"), "the status line is"},
      {"another protocol", line("SSH-2.0-OpenSSH"), "does not begin with HTTP/"},
      {"a picture", "\x89PNG\r\n\x1a\n", "does not begin with HTTP/"},
      {"a space before", line(" HTTP/1.1 200 OK"), "does not begin with HTTP/"},
      {"101 in other words", line("HTTP/1.2  101 X"), "status is 101"},
  });
}

// Limits hold for what is left out, too.
TEST(ResponseOddities, WhatIsLeftOutCounts) {
  std::string odd, folds;
  for (int i = 0; i < 1001; ++i) odd += "no colon\r\n";
  const std::string folded = "\r\n" + std::string(1000, ' ') + "x";
  for (int i = 0; i < 1100; ++i) folds += folded;
  expect_refused({
      {"lines", kOk + odd + kLength + kEnd, "more than 1000 headers"},
      {"folds", kOk + "X-A: 1" + folds + "\r\n" + kLength + kEnd, "longer than 1 MiB"},
  });
  std::string fits = kOk + "X-A: 1";
  for (int i = 0; i < 1000; ++i) fits += folded;
  EXPECT_EQ(whole(fits + "\r\n" + kLength + kEnd).body, "hello");
}

}  // namespace
}  // namespace imgring::http
