// Tests of src/base/log.cc: the four shapes of a record.
#include "imgring/base/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <regex>
#include <string>

namespace imgring {
namespace {

LogGroup sample() {
  return {{"error", "bad \"thing\""},
          {"status", std::int64_t{404}},
          {"path", "/a b"},
          {"processing_options", LogGroup{{"width", std::int64_t{50}}, {"dpr", 1.5}}},
          {"ok", true}};
}

TEST(Log, StructuredQuotesTextAndFlattensGroups) {
  const Logger log(LogFormat::kStructured, LogLevel::kDebug);
  const std::string line = log.line(LogLevel::kWarning, "Done\n", sample());
  const std::regex shape(
      R"(time="\d{4}-\d\d-\d\d \d\d:\d\d:\d\d" level="WARNING" msg="Done\\n" status=404 )"
      R"(path="/a b" processing_options.width=50 processing_options.dpr=1.5 ok=true )"
      R"(error="bad \\"thing\\"")");
  EXPECT_TRUE(std::regex_match(line, shape)) << line;
}

TEST(Log, JsonNestsGroupsAndEndsWithTheError) {
  const Logger log(LogFormat::kJson, LogLevel::kDebug);
  const std::string line = log.line(LogLevel::kCritical, "x", sample());
  const std::regex shape(
      R"re(\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)",)re"
      R"re("level":"CRITICAL","msg":"x",)re"
      R"re("status":404,"path":"/a b","processing_options":\{"width":50,"dpr":1.5\},"ok":true,)re"
      R"re("error":"bad \\"thing\\""\})re");
  EXPECT_TRUE(std::regex_match(line, shape)) << line;
}

TEST(Log, GcpNamesSeverityAndMessage) {
  const Logger log(LogFormat::kGcp, LogLevel::kDebug);
  const std::string line = log.line(LogLevel::kInfo, "m", {});
  EXPECT_NE(line.find(R"("severity":"INFO","message":"m"})"), std::string::npos) << line;
}

TEST(Log, PrettyQuotesOnlyWhatNeedsIt) {
  const Logger log(LogFormat::kPretty, LogLevel::kDebug);
  std::string line = log.line(LogLevel::kError, "Started /x \"y\"", sample());
  line = std::regex_replace(line, std::regex("\x1b\\[[0-9;]*m"), "");
  const std::regex shape(
      R"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[ERR\] Started /x "y" status=404 path="/a b" )"
      R"(processing_options=\{ width=50 dpr=1.5 \} ok=true error="bad \\"thing\\"")");
  EXPECT_TRUE(std::regex_match(line, shape)) << line;
}

TEST(Log, PrettyPutsTheStackOnItsOwnLines) {
  const Logger log(LogFormat::kPretty, LogLevel::kDebug);
  std::string line = log.line(LogLevel::kError, "m", {{"stack", "one\ntwo"}, {"a", "b"}});
  line = std::regex_replace(line, std::regex("\x1b\\[[0-9;]*m"), "");
  EXPECT_TRUE(line.ends_with("[ERR] m a=b\none\ntwo")) << line;
}

TEST(Log, ControlBytesOfInputNeverReachTheTerminal) {
  const std::string evil = "a\x1b[31m\r\n\x9b\xc2\x9b" "b\x7f";
  for (const LogFormat format :
       {LogFormat::kPretty, LogFormat::kStructured, LogFormat::kJson, LogFormat::kGcp}) {
    const Logger log(format, LogLevel::kDebug);
    std::string line = log.line(LogLevel::kInfo, evil, {{"path", evil}, {"stack", evil}});
    line = std::regex_replace(line, std::regex("\x1b\\[[0-9;]*m|\n"), "");
    for (const char c : line) {
      EXPECT_GE(static_cast<unsigned char>(c), 0x20) << line;
      EXPECT_NE(c, 0x7f);
    }
    EXPECT_EQ(line.find("\x9b"), format == LogFormat::kPretty || format == LogFormat::kStructured
                                     ? std::string::npos
                                     : line.find("\xc2\x9b") + 1);
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
