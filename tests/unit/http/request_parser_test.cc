// Tests of src/http/request_parser.cc: every head is fed whole, byte by byte and in random pieces,
// and all of them must agree; refused heads as hard as good ones.
#include <gtest/gtest.h>

#include <random>

#include "imgring/http/request.h"

namespace imgring::http {
namespace {

using State = RequestParser::State;

struct Parsed {
  State state = State::kNeedMore;
  std::size_t consumed = 0;
  int status = 0;  // of a refused head
  Request request;
};

// `piece_size` gives the size of the next piece.
template <class F>
Parsed parse(std::string_view bytes, F piece_size) {
  RequestParser parser;
  Parsed out;
  while (out.consumed < bytes.size()) {
    const std::size_t size = std::min<std::size_t>(piece_size(), bytes.size() - out.consumed);
    std::string_view piece = bytes.substr(out.consumed, size);
    while (!piece.empty()) {
      const RequestParser::Fed fed = parser.feed(piece);
      EXPECT_LE(fed.consumed, piece.size());
      out.consumed += fed.consumed;
      piece.remove_prefix(std::min(fed.consumed, piece.size()));
      out.state = fed.state;
      if (fed.state == State::kReady) out.request = parser.take();
      if (fed.state == State::kRefused) out.status = parser.error().status;
      if (fed.state != State::kNeedMore) return out;
      if (fed.consumed == 0) {
        ADD_FAILURE() << "no progress";
        return out;
      }
    }
  }
  return out;
}

Parsed parse_whole(std::string_view bytes) {
  return parse(bytes, [] { return std::string_view::npos; });
}

void expect_same(const Parsed& a, const Parsed& b) {
  ASSERT_EQ(a.state, b.state);
  EXPECT_EQ(a.status, b.status);
  if (a.state != State::kReady) return;
  EXPECT_EQ(a.consumed, b.consumed);
  EXPECT_EQ(a.request.method, b.request.method);
  EXPECT_EQ(a.request.method_name, b.request.method_name);
  EXPECT_EQ(a.request.target, b.request.target);
  EXPECT_EQ(a.request.minor_version, b.request.minor_version);
  EXPECT_EQ(a.request.headers.fields(), b.request.headers.fields());
  EXPECT_EQ(a.request.keep_alive, b.request.keep_alive);
  EXPECT_EQ(a.request.has_body, b.request.has_body);
}

// Parses whole and in pieces; gives the outcome that all of them agree on.
Parsed parse_all_ways(std::string_view bytes) {
  Parsed whole = parse_whole(bytes);
  {
    SCOPED_TRACE("byte by byte");
    expect_same(whole, parse(bytes, [] { return std::size_t{1}; }));
  }
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    SCOPED_TRACE("random pieces " + std::to_string(round));
    std::uniform_int_distribution<std::size_t> size(1, 1 + bytes.size() / 3);
    expect_same(whole, parse(bytes, [&] { return size(random); }));
  }
  return whole;
}

// Feeds until the head is decided or all is taken.
State feed_all(RequestParser& parser, std::string_view bytes) {
  RequestParser::Fed fed{State::kNeedMore, 0};
  while (!bytes.empty() && fed.state == State::kNeedMore) {
    fed = parser.feed(bytes);
    bytes.remove_prefix(fed.consumed);
  }
  return fed.state;
}

std::string get(std::string_view target, std::string_view fields = "") {
  std::string head = "GET ";
  head.append(target).append(" HTTP/1.1\r\nHost: h\r\n").append(fields).append("\r\n");
  return head;
}

TEST(RequestParser, GoodHeads) {
  struct Case {
    std::string head;
    std::string_view target;
    Method method = Method::kGet;
    bool keep_alive = true, has_body = false;
    int minor = 1;
  };
  const Case cases[] = {
      {get("/"), "/"},
      {get("/a/b?c=d#e"), "/a/b?c=d#e"},
      {get("//x//y"), "//x//y"},
      {get("/%zz"), "/%zz"},  // judged later: a 400 of the connection
      {get("/caf\xc3\xa9/\xff\x80"), "/caf\xc3\xa9/\xff\x80"},
      {get("http://other:81/p?q"), "/p?q"},
      {get("https://other"), "/"},
      {get("http://other?q"), "/?q"},
      {"HEAD /h HTTP/1.1\r\nHost: h\r\n\r\n", "/h", Method::kHead},
      {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "*", Method::kOptions},
      {"OPTIONS /o HTTP/1.1\r\nHost: h\r\n\r\n", "/o", Method::kOptions},
      {"GET /old HTTP/1.0\r\n\r\n", "/old", Method::kGet, false, false, 0},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "/", Method::kGet, true, false, 0},
      {get("/", "Connection: close\r\n"), "/", Method::kGet, false},
      {get("/", "Connection: foo, Close\r\n"), "/", Method::kGet, false},
      {get("/", "Content-Length: 0\r\n"), "/"},
      {get("/", "Content-Length: 000\r\n"), "/"},
      {get("/", "Content-Length: 5\r\n"), "/", Method::kGet, false, true},
      {get("/", "Transfer-Encoding: Chunked\r\n"), "/", Method::kGet, false, true},
      {get("/", "Upgrade: websocket\r\nConnection: upgrade\r\n"), "/"},
      {get("/", "Expect: 100-continue\r\n"), "/"},
      {get("/", "Expect: x, 100-Continue\r\n"), "/"},
      {get("/", "Proxy-Connection: close\r\n"), "/"},
      {get("/", "Connection: keep-alive\r\nConnection: close\r\n"), "/", Method::kGet, false},
      {get("/", "Content-Length: \t0 \r\n"), "/"},
      {"GET / HTTP/1.1\r\nHost:\th\t\r\n\r\n", "/"},
      {"GET /later HTTP/1.2\r\nHost: h\r\n\r\n", "/later"},
      {"GET /later HTTP/1.9\r\nHost: h\r\nConnection: close\r\n\r\n", "/later", Method::kGet,
       false},
      {"\r\n\r\nGET /after-lines HTTP/1.1\r\nHost: h\r\n\r\n", "/after-lines"},
      {"GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "/"},
      {"GET / HTTP/1.1\r\nhOsT:h\r\n\r\n", "/"},
      {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "/"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.head);
    const Parsed out = parse_all_ways(c.head);
    ASSERT_EQ(out.state, State::kReady) << out.status;
    EXPECT_EQ(out.consumed, c.head.size());
    EXPECT_EQ(out.request.target, c.target);
    EXPECT_EQ(out.request.method, c.method);
    EXPECT_EQ(out.request.keep_alive, c.keep_alive);
    EXPECT_EQ(out.request.has_body, c.has_body);
    EXPECT_EQ(out.request.minor_version, c.minor);
  }
}

TEST(RequestParser, MethodsThatNobodyServesAreNoSyntaxErrors) {
  for (std::string_view method : {"POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "SOURCE",
                                  "PROPFIND", "get", "FOO", "M-SEARCH", "!#$%&'*+-.^_`|~"}) {
    SCOPED_TRACE(method);
    const std::string head = std::string(method) + " /x HTTP/1.1\r\nHost: h\r\n\r\n";
    const Parsed out = parse_all_ways(head);
    ASSERT_EQ(out.state, State::kReady);
    EXPECT_EQ(out.request.method, Method::kOther);
    EXPECT_EQ(out.request.method_name, method);
    EXPECT_EQ(out.request.target, "/x");
  }
}

TEST(RequestParser, HeadersKeepOrderAndBytes) {
  const Parsed out =
      parse_all_ways(get("/", "A: 1\r\nb:  two words \t\r\nA: 2\r\nEmpty:\r\nUtf: \xc3\xa9\r\n"));
  ASSERT_EQ(out.state, State::kReady);
  const std::vector<Headers::Field> expected = {{"Host", "h"}, {"A", "1"},    {"b", "two words"},
                                                {"A", "2"},    {"Empty", ""}, {"Utf", "\xc3\xa9"}};
  EXPECT_EQ(out.request.headers.fields(), expected);
}

// Each of these has let a second request through somewhere.
TEST(RequestParser, SmugglingFormsAreRefused) {
  const std::string_view fields[] = {
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
      "Content-Length: 5\r\nContent-Length: 5\r\n",
      "Content-Length: 0\r\nContent-Length: 5\r\n",
      "Content-Length: 5, 5\r\n",
      "Content-Length: +5\r\n",
      "Content-Length: -1\r\n",
      "Content-Length: 0x5\r\n",
      "Content-Length: 5 5\r\n",
      "Content-Length: 5a\r\n",
      "Content-Length:\r\n",
      "Content-Length: 00000000000000000005\r\n",
      "Content-Length: 99999999999999999999\r\n",
      "Transfer-Encoding: chunked, chunked\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: gzip, chunked\r\n",
      "Transfer-Encoding: chunked, identity\r\n",
      "Transfer-Encoding: identity\r\n",
      "Transfer-Encoding: xchunked\r\n",
      "Transfer-Encoding: \"chunked\"\r\n",
      "Transfer-Encoding: chunked;a=b\r\n",
      "Transfer-Encoding:\r\n",
      "Transfer-Encoding : chunked\r\n",
      "Transfer-Encoding\t: chunked\r\n",
      "Content-Length : 5\r\n",
      "X: a\r\n Content-Length: 5\r\n",
      "X: a\r\n\tfolded\r\n",
      " Content-Length: 5\r\n",
      "X: a\rContent-Length: 5\r\n",
      "X: \r Content-Length: 5\r\n",
      "X:\rContent-Length: 5\r\n",
      "X: a\nContent-Length: 5\r\n",
      "X: a\n",
      "X: a\r\r\n",
      "Content-Length\r\n",
      ": no name\r\n",
      "Bad Name: 1\r\n",
      "Bad\xc3\xa9: 1\r\n",
      "Bad(): 1\r\n",
      "Host: other\r\n",
      "hOST: h\r\n",
  };
  for (std::string_view field : fields) {
    SCOPED_TRACE(field);
    const Parsed out = parse_all_ways(get("/", field));
    EXPECT_EQ(out.state, State::kRefused);
    EXPECT_EQ(out.status, 400);
  }
}

TEST(RequestParser, ExpectationsThatNobodyMeets) {
  for (std::string_view field : {"Expect: x\r\n", "Expect: 200-ok\r\nExpect: 100-continue\r\n",
                                 "Expect: 100-continue-later\r\n"}) {
    SCOPED_TRACE(field);
    const Parsed out = parse_all_ways(get("/", field));
    EXPECT_EQ(out.state, State::kRefused);
    EXPECT_EQ(out.status, 417);
  }
  EXPECT_EQ(parse_all_ways(get("/", "Expect:\r\n")).state, State::kReady);
}

TEST(RequestParser, ControlBytesAreRefusedEverywhere) {
  for (int byte = 0; byte <= 0x20; ++byte) {
    SCOPED_TRACE(byte);
    const std::string c(1, static_cast<char>(byte));
    if (byte != 0x20) {  // a space ends the target: the rest is no version
      EXPECT_EQ(parse_all_ways(get("/a" + c + "b")).state, State::kRefused);
    }
    EXPECT_EQ(parse_all_ways(get("/", "N" + c + "ame: 1\r\n")).state, State::kRefused);
    if (byte == '\t' || byte == ' ') continue;  // white space inside a value is fine
    const bool lone = parse_all_ways(get("/", "Name: a" + c + "b\r\n")).state == State::kReady;
    EXPECT_EQ(lone, byte != 0 && byte != '\r' && byte != '\n' && byte >= 0x20);
  }
  EXPECT_EQ(parse_all_ways(get("/a\x7f")).state, State::kRefused);
  EXPECT_EQ(parse_all_ways(get("/", "N\x7f: 1\r\n")).state, State::kRefused);
}

TEST(RequestParser, BadRequestLines) {
  struct Case {
    std::string_view head;
    int status = 400;
  };
  const Case cases[] = {
      {"GET /\r\n\r\n"},  // HTTP/0.9
      {"GET / HTTP/0.9\r\nHost: h\r\n\r\n", 505},
      {"GET / HTTP/0.0\r\nHost: h\r\n\r\n"},
      {"GET / HTTP/\r\nHost: h\r\n\r\n"},
      {"GET / HTTP/x.1\r\nHost: h\r\n\r\n"},
      {"GET / HTTP/-1.1\r\nHost: h\r\n\r\n"},
      {"GET / HTTP/1.22\r\nHost: h\r\n\r\n"},
      {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505},
      {"GET / HTTP/9.9\r\nHost: h\r\n\r\n", 505},
      {"GET / http/1.1\r\nHost: h\r\n\r\n"},
      {"GET / HTTP/1.1x\r\nHost: h\r\n\r\n"},
      {"GET / HTTP/1\r\nHost: h\r\n\r\n"},
      {"GET / ICE/1.0\r\nHost: h\r\n\r\n"},
      {"GET / RTSP/1.0\r\nHost: h\r\n\r\n"},
      {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"GET / HTTP/1.1\nHost: h\n\n"},
      {"GET /\nHost: h\r\n\r\n"},
      {"GET  HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"GET noslash HTTP/1.1\r\nHost: h\r\n\r\n"},
      {" GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"G\xc3\xa9T / HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"G(T / HTTP/1.1\r\nHost: h\r\n\r\n"},
      {"\x16\x03\x01\x02hello"},  // TLS
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
      {"ABCDEFGHIJABCDEFGHIJABCDEFGHIJABC / HTTP/1.1\r\nHost: h\r\n\r\n"},  // 33 bytes
      {"GET / HTTP/1.1\r\n\r\n"},                                           // no Host
      {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
      {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
      {"GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"},
      {"GET / HTTP/1.1\r\nHost: <h>\r\n\r\n"},
      {"GET / HTTP/1.1\r\nHost: h\xc3\xa9\r\n\r\n"},
      {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.head);
    const Parsed out = parse_all_ways(c.head);
    EXPECT_EQ(out.state, State::kRefused);
    EXPECT_EQ(out.status, c.status);
  }
}

TEST(RequestParser, UnfinishedHeadsWait) {
  const std::string head = get("/a", "Some: thing\r\n");
  for (std::size_t size = 0; size < head.size(); ++size) {
    EXPECT_EQ(parse_whole(std::string_view(head).substr(0, size)).state, State::kNeedMore);
  }
  RequestParser parser;
  EXPECT_FALSE(parser.started());
  parser.feed("\r\n");
  EXPECT_FALSE(parser.started());  // an empty line is no head yet
  parser.feed("G");
  EXPECT_TRUE(parser.started());
}

TEST(RequestParser, LimitsOfAHead) {
  struct Case {
    const char* what;
    std::string head;
    int status;  // 0: good
  };
  const auto fields = [](int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += "h" + std::to_string(i) + ": v\r\n";
    return out;
  };
  const std::string mebi(1 << 20, 'a');
  const std::string good_rest(kHeadBytesMax - get("/").size() - sizeof "X: \r\n", 'a');
  const Case cases[] = {
      {"256 headers with Host", get("/", fields(255)), 0},
      {"257 headers", get("/", fields(256)), 431},
      {"a name of 1 KiB", get("/", std::string(1024, 'n') + ": v\r\n"), 0},
      {"a name over 1 KiB", get("/", std::string(1025, 'n') + ": v\r\n"), 431},
      {"just under 1 MiB", get("/", "X: " + good_rest + "\r\n"), 0},
      {"a value over 1 MiB", get("/", "X: " + mebi + "\r\n"), 431},
      {"a target over 1 MiB", get("/" + mebi), 431},
      {"endless name", "GET / HTTP/1.1\r\n" + mebi, 431},
      // What is no name at all has no number and no length either.
      {"a fault in the 257th name", get("/", fields(255) + "bad\x01: v\r\n"), 400},
      {"a fault in a long name", get("/", std::string(1025, 'n') + "\x01: v\r\n"), 400},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    std::mt19937 random(3);
    std::uniform_int_distribution<std::size_t> size(1, 64 << 10);
    const Parsed whole = parse_whole(c.head);
    EXPECT_EQ(whole.state, c.status == 0 ? State::kReady : State::kRefused);
    EXPECT_EQ(whole.status, c.status);
    expect_same(whole, parse(c.head, [&] { return size(random); }));
    if (c.head.size() < mebi.size()) expect_same(whole, parse(c.head, [] { return 1; }));
  }
}

TEST(RequestParser, LargeHeadsShareABudget) {
  mem::Budget budget(1 << 20);
  constexpr std::size_t kEach = 62 << 10;
  const std::string part = "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(kEach, 'a');
  std::vector<std::unique_ptr<RequestParser>> parsers;
  State state = State::kNeedMore;
  while (state == State::kNeedMore && parsers.size() < 64) {
    parsers.push_back(std::make_unique<RequestParser>(&budget));
    state = feed_all(*parsers.back(), part);
  }
  EXPECT_EQ(state, State::kRefused);
  EXPECT_EQ(parsers.back()->error().status, 431);
  EXPECT_GE(parsers.size(), 7u) << "each costs its bytes twice";
  EXPECT_LE(parsers.size(), 9u);
  // What is no larger than the free part asks nothing of the budget.
  RequestParser small(&budget);
  const std::string usual =
      "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(8000, 'a') + "\r\n\r\n";
  EXPECT_EQ(feed_all(small, usual), State::kReady);
  parsers.clear();
  EXPECT_EQ(budget.current(), 0u);
}

TEST(RequestParser, ALargeHeadIsPaidForUntilItsRequestEnds) {
  mem::Budget budget(1 << 20);
  RequestParser parser(&budget);
  const std::string head =
      "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(60 << 10, 'a') + "\r\n\r\n";
  ASSERT_EQ(feed_all(parser, head), State::kReady) << "also in one piece";
  {
    const Request request = parser.take();
    parser.reset();
    EXPECT_GE(budget.current(), 2 * head.size());
  }
  EXPECT_EQ(budget.current(), 0u);
}

TEST(RequestParser, ManySmallFieldsOfALargeHeadCostTheirTable) {
  mem::Budget budget(1 << 20);
  RequestParser parser(&budget);
  std::string head = "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(9 << 10, 'a');
  for (int i = 0; i < 200; ++i) head += "\r\na: b";
  ASSERT_EQ(feed_all(parser, head), State::kNeedMore);
  EXPECT_GE(budget.current(), 2 * head.size() + 200 * 64);
}

TEST(RequestParser, NeverLooksPastOneHead) {
  const std::string first = get("/1"), second = get("/2", "Connection: close\r\n");
  const std::string both = first + second + "rest";
  RequestParser parser;
  std::string_view left = both;
  std::vector<std::string> targets;
  while (targets.size() < 2) {
    const RequestParser::Fed fed = parser.feed(left);
    left.remove_prefix(fed.consumed);
    ASSERT_NE(fed.state, State::kRefused);
    if (fed.state != State::kReady) continue;
    targets.push_back(parser.take().target);
    parser.reset();
  }
  EXPECT_EQ(targets, (std::vector<std::string>{"/1", "/2"}));
  EXPECT_EQ(left, "rest");
}

TEST(RequestParser, ResetForgetsARefusedHead) {
  RequestParser parser;
  EXPECT_EQ(parser.feed("\x16\x03").state, State::kRefused);
  parser.reset();
  EXPECT_FALSE(parser.started());
  ASSERT_EQ(feed_all(parser, "GET /fine HTTP/1.0\r\n\r\n"), State::kReady);
  EXPECT_EQ(parser.take().target, "/fine");
}

}  // namespace
}  // namespace imgring::http
