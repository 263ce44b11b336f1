// Tests of src/image/library_words.cc: what GLib's users say is a log line, not too often.
#include "imgring/image/library_words.h"

#include <fcntl.h>
#include <glib.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "imgring/base/text.h"

namespace imgring::image {
namespace {

TEST(LibraryWords, AreLogLinesWithTheirDomainAndNotTooMany) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
  const Logger log(LogFormat::kStructured, LogLevel::kDebug, ends[1]);
  {
    const LibraryWords words(log);
    g_log("Drawing", G_LOG_LEVEL_CRITICAL, "number %d is bad", 7);
    g_log("Drawing", G_LOG_LEVEL_DEBUG, "fine");
    for (int i = 0; i < 500; ++i) g_log(nullptr, G_LOG_LEVEL_WARNING, "again");
  }
  close(ends[1]);
  std::string text;
  char piece[4096];
  ssize_t n = 0;
  while ((n = read(ends[0], piece, sizeof piece)) > 0) {
    text.append(piece, static_cast<std::size_t>(n));
  }
  close(ends[0]);
  EXPECT_NE(text.find("level=\"ERROR\" msg=\"number 7 is bad\" source=\"Drawing\"\n"),
            std::string::npos);
  EXPECT_NE(text.find("level=\"DEBUG\" msg=\"fine\" source=\"Drawing\"\n"), std::string::npos);
  EXPECT_NE(text.find("level=\"WARNING\" msg=\"again\" source=\"GLib\"\n"), std::string::npos);
  EXPECT_LE(split(text, "\n").size(), 2 * LibraryWords::kLinesMax + 1);  // it may see two seconds
}

}  // namespace
}  // namespace imgring::image
