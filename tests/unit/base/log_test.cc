// Tests of src/base/log.cc and log_line.cc: the four shapes of a record, and its bounds.
#include "imgring/base/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <string>

#include "../posix_regex.h"
#include "imgring/base/text.h"

namespace imgring {
namespace {

LogGroup sample() {
  return {{"error", "bad \"thing\""},
          {"status", std::int64_t{404}},
          {"path", "/a b"},
          {"processing_options", LogGroup{{"width", std::int64_t{50}}, {"dpr", 1.5}}},
          {"ok", true}};
}

bool is_all(const std::string& line, const std::string& expression) {
  const auto match = first_match(line, replace_all(expression, "\\d", "[0-9]"));
  return match && match->front().size() == line.size();
}

std::string without_colours(std::string line) {
  while (const auto code = first_match(line, "\x1b\\[[0-9;]*m")) {
    line.erase(line.find(code->front()), code->front().size());
  }
  return line;
}

TEST(Log, StructuredQuotesTextAndFlattensGroups) {
  const Logger log(LogFormat::kStructured, LogLevel::kDebug);
  const std::string line = log.line(LogLevel::kWarning, "Done\n", sample());
  const std::string shape(
      R"(time="\d{4}-\d\d-\d\d \d\d:\d\d:\d\d" level="WARNING" msg="Done\\n" status=404 )"
      R"(path="/a b" processing_options.width=50 processing_options.dpr=1.5 ok=true )"
      R"(error="bad \\"thing\\"")");
  EXPECT_TRUE(is_all(line, shape)) << line;
}

TEST(Log, JsonNestsGroupsAndEndsWithTheError) {
  const Logger log(LogFormat::kJson, LogLevel::kDebug);
  const std::string line = log.line(LogLevel::kCritical, "x", sample());
  const std::string shape(
      R"re(\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)",)re"
      R"re("level":"CRITICAL","msg":"x",)re"
      R"re("status":404,"path":"/a b","processing_options":\{"width":50,"dpr":1.5\},"ok":true,)re"
      R"re("error":"bad \\"thing\\""\})re");
  EXPECT_TRUE(is_all(line, shape)) << line;
}

TEST(Log, GcpNamesSeverityAndMessage) {
  const Logger log(LogFormat::kGcp, LogLevel::kDebug);
  const std::string line = log.line(LogLevel::kInfo, "m", {});
  EXPECT_NE(line.find(R"("severity":"INFO","message":"m"})"), std::string::npos) << line;
}

TEST(Log, PrettyQuotesOnlyWhatNeedsIt) {
  const Logger log(LogFormat::kPretty, LogLevel::kDebug);
  std::string line = log.line(LogLevel::kError, "Started /x \"y\"", sample());
  line = without_colours(line);
  const std::string shape(
      R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[ERR\] Started /x "y" status=404 path="/a b" )"
      R"(processing_options=\{ width=50 dpr=1.5 \} ok=true error="bad \\"thing\\"")");
  EXPECT_TRUE(is_all(line, shape)) << line;
}

TEST(Log, PrettyPutsTheStackOnItsOwnLines) {
  const Logger log(LogFormat::kPretty, LogLevel::kDebug);
  std::string line = log.line(LogLevel::kError, "m", {{"stack", "one\ntwo"}, {"a", "b"}});
  line = without_colours(line);
  EXPECT_TRUE(line.ends_with("[ERR] m a=b\none\ntwo")) << line;
}

TEST(Log, ControlBytesOfInputNeverReachTheTerminal) {
  const std::string evil =
      "a\x1b[31m\r\n\x9b\xc2\x9b"
      "b\x7f";
  for (const LogFormat format :
       {LogFormat::kPretty, LogFormat::kStructured, LogFormat::kJson, LogFormat::kGcp}) {
    const Logger log(format, LogLevel::kDebug);
    std::string line = log.line(LogLevel::kInfo, evil, {{"path", evil}, {"stack", evil}});
    line = without_colours(line);
    std::erase(line, '\n');
    for (const char c : line) {
      EXPECT_GE(static_cast<unsigned char>(c), 0x20) << line;
      EXPECT_NE(c, 0x7f);
    }
    EXPECT_EQ(line.find("\x9b"), format == LogFormat::kPretty || format == LogFormat::kStructured
                                     ? std::string::npos
                                     : line.find("\xc2\x9b") + 1);
  }
}

constexpr LogFormat kFormats[] = {LogFormat::kPretty, LogFormat::kStructured, LogFormat::kJson,
                                  LogFormat::kGcp};

// Quotes and braces are closed, and nothing follows the last.
bool is_closed(std::string_view json) {
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (quoted && json[i] == '\\') {
      ++i;
    } else if (json[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && json[i] == '{') {
      ++depth;
    } else if (!quoted && json[i] == '}') {
      if (--depth == 0) return i + 1 == json.size();
    }
  }
  return false;
}

// One target of a megabyte made 12 MB of log: each of its bytes is six in JSON, and it is in a
// line twice.
TEST(Log, LinesHaveABoundWhateverIsInThem) {
  constexpr std::size_t kMegabyte = 1 << 20;
  const std::string texts[] = {std::string(kMegabyte, '\xff'), std::string(kMegabyte, '"'),
                               std::string(kMegabyte, 'a'), std::string(kMegabyte, '\n')};
  for (const LogFormat format : kFormats) {
    const Logger log(format, LogLevel::kDebug);
    for (const std::string& text : texts) {
      LogGroup options;
      for (int i = 0; i < 1000; ++i) {
        options.push_back({"option" + std::to_string(i), text.substr(0, 8000)});
      }
      const std::string line = log.line(LogLevel::kError, text,
                                        {{"request_id", text},
                                         {"processing_options", options},
                                         {"url", text},
                                         {"late", LogGroup{{"a", std::int64_t{1}}}},
                                         {"error", "what it was"},
                                         {"stack", text}});
      EXPECT_LT(line.size(), kLogLineBytesMax);
      EXPECT_GT(line.size(), kLogLineBytesMax / 2);
      EXPECT_NE(line.find("what it was"), std::string::npos);  // it is the last field
      EXPECT_NE(line.find(" bytes]"), std::string::npos);
      const bool json = format == LogFormat::kJson || format == LogFormat::kGcp;
      EXPECT_TRUE(!json || is_closed(line)) << line;
    }
  }
}

TEST(Log, ATextIsCutBetweenCharactersAndSaysSo) {
  for (const LogFormat format : kFormats) {
    const Logger log(format, LogLevel::kDebug);
    for (const std::string_view before : {"", "a", "ab", "abc"}) {
      std::string text(before);
      while (text.size() < 20000) text += "\U0001F600";  // four bytes
      const std::string line = log.line(LogLevel::kInfo, text, {});
      const std::size_t mark = line.find("…[+");
      ASSERT_NE(mark, std::string::npos) << line;
      const std::size_t left_out = std::stoul(line.substr(mark + 5));
      EXPECT_NE(line.find(text.substr(0, text.size() - left_out) + "…[+" +
                          std::to_string(left_out) + " bytes]"),
                std::string::npos);
      EXPECT_EQ(left_out % 4, 0u);
      EXPECT_LE(text.size() - left_out, kLogTextBytesMax);
      EXPECT_GT(text.size() - left_out + 4, kLogTextBytesMax);
    }
  }
}

TEST(Log, ATextThatJustFitsIsWhole) {
  for (const LogFormat format : kFormats) {
    const Logger log(format, LogLevel::kDebug);
    const std::string text(kLogTextBytesMax, 'x');
    const std::string whole = log.line(LogLevel::kInfo, text, {{"value", text}});
    EXPECT_EQ(whole.find("bytes]"), std::string::npos);
    const std::string cut = log.line(LogLevel::kInfo, text + "y", {});
    EXPECT_NE(cut.find("x…[+1 bytes]"), std::string::npos);
  }
}

TEST(Log, TimesAreThoseOfTheZone) {
  const char* const before = std::getenv("TZ");
  const std::string kept = before == nullptr ? "" : before;
  struct Case {
    const char* zone;
    const char* offset;
    int seconds;
  };
  for (const Case& c : {Case{"UTC0", "Z", 0},
                        {"<+0530>-5:30", "+05:30", 19800},
                        {"<-0330>3:30", "-03:30", -12600}}) {
    setenv("TZ", c.zone, 1);
    tzset();
    const Logger log(LogFormat::kJson, LogLevel::kDebug);
    std::string line;
    std::time_t now = 0;
    do {  // of one second
      now = std::time(nullptr);
      line = log.line(LogLevel::kInfo, "m", {});
    } while (now != std::time(nullptr));
    now += c.seconds;
    std::tm parts{};
    gmtime_r(&now, &parts);
    char text[64];
    const std::size_t size =
        std::strftime(text, sizeof text, "{\"time\":\"%Y-%m-%dT%H:%M:%S", &parts);
    EXPECT_TRUE(line.starts_with(std::string(text, size) + c.offset + "\"")) << line << c.zone;
  }
  if (before == nullptr) {
    unsetenv("TZ");
  } else {
    setenv("TZ", kept.c_str(), 1);
  }
  tzset();
}

TEST(Log, ViewsMakeTheSameLineAsFields) {
  for (const LogFormat format : kFormats) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const Logger log(format, LogLevel::kDebug, ends[1]);
    const LogGroup options{{"width", std::int64_t{50}}};
    const LogView views[] = {{"error", "e"}, {"id", "a b"}, {"n", std::int64_t{4}},
                             {"x", 1.5},     {"ok", true},  {"processing_options", &options}};
    const LogGroup fields{{"error", "e"}, {"id", "a b"}, {"n", std::int64_t{4}},
                          {"x", 1.5},     {"ok", true},  {"processing_options", options}};
    std::string wanted, got;
    do {
      wanted = log.line(LogLevel::kInfo, "m", fields) + "\n";
      log.write_views(LogLevel::kInfo, "m", views);
      char text[512];
      const ssize_t size = read(ends[0], text, sizeof text);
      ASSERT_GT(size, 0);
      got.assign(text, static_cast<std::size_t>(size));
    } while (got != wanted && log.line(LogLevel::kInfo, "m", fields) + "\n" != wanted);
    EXPECT_EQ(got, wanted);
    close(ends[0]);
    close(ends[1]);
  }
}

TEST(Log, LevelBelowTheWantedOneWritesNothing) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const Logger log(LogFormat::kJson, LogLevel::kWarning, ends[1]);
  log.info("hidden");
  log.warning("shown");
  close(ends[1]);
  char text[512];
  const ssize_t size = read(ends[0], text, sizeof text);
  close(ends[0]);
  ASSERT_GT(size, 0);
  const std::string got(text, static_cast<std::size_t>(size));
  EXPECT_EQ(got.find("hidden"), std::string::npos);
  EXPECT_NE(got.find("shown"), std::string::npos);
  EXPECT_EQ(got.back(), '\n');
}

}  // namespace
}  // namespace imgring
