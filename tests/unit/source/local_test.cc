// local:// sources: what lies in the root and only that, conditions, ranges.
#include "../../../src/source/local.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "world.h"

namespace imgring {
namespace {

namespace fs = std::filesystem;
using test::get;
using test::Outcome;
using test::raw;
using test::Step;
using test::with;
using test::World;

class LocalFiles : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "imgring-local-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    base_ = name;
    root_ = base_ / "root";
    fs::create_directories(root_ / "folder/inner");
    write(root_ / "a.png", "\x89PNG\r\n\x1a\n-rest");
    write(root_ / "folder/b%20c?d.jpg", "not a jpeg by content");
    write(root_ / "empty.png", "");
    write(base_ / "outside.txt", "secret");
    fs::create_symlink("../a.png", root_ / "folder/inside");
    fs::create_symlink("../outside.txt", root_ / "escape");
    fs::create_symlink(base_ / "outside.txt", root_ / "absolute");
    fs::create_symlink("/proc/self/environ", root_ / "environ");
    ASSERT_EQ(mkfifo((root_ / "pipe").c_str(), 0600), 0);
    world_.config.source.local_filesystem_root = root_.string();
  }
  void TearDown() override { fs::remove_all(base_); }
  static void write(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  fs::path base_, root_;
  World world_;
};

TEST_F(LocalFiles, FileWithItsHeaders) {
  const timespec times[2] = {{1700000000, 5}, {1700000000, 123456789}};
  ASSERT_EQ(utimensat(AT_FDCWD, (root_ / "a.png").c_str(), times, 0), 0);
  for (const Outcome& out :
       {world_.one(get("local:///a.png")), world_.one(raw("local:///a.png")),
        world_.one(get("local://host/a.png")), world_.one(get("local:///folder/../a.png")),
        world_.one(get("local:///a.png/")), world_.one(get("local:///a.png?version"))}) {
    EXPECT_TRUE(out.ok) << out.error.detail;
    EXPECT_EQ(out.status, 200);
    EXPECT_EQ(out.body, "\x89PNG\r\n\x1a\n-rest");
    EXPECT_EQ(out.content_length, 13);
    EXPECT_EQ(out.headers.get("Content-Type"), "image/png");
    EXPECT_EQ(out.headers.get("Last-Modified"), "Tue, 14 Nov 2023 22:13:20 GMT");
  }
  const Outcome out = world_.one(get("local:///a.png"));
  EXPECT_EQ(out.headers.get("ETag"), source::file_etag("/a.png", 13, 1700000000123456789));
}

TEST_F(LocalFiles, FileIsReadUntilItIsEnough) {
  write(root_ / "large.png", "\x89PNG\r\n\x1a\n" + std::string(1 << 20, 'x'));
  test::Step step = get("local:///large.png");
  step.request.enough = [](ByteSpan so_far) { return so_far.size() >= 100; };
  const Outcome out = world_.one(step);
  EXPECT_TRUE(out.ok) << out.error.detail;
  EXPECT_TRUE(out.cut);
  EXPECT_EQ(out.body.size(), 64u << 10);
  EXPECT_EQ(out.content_length, (1 << 20) + 8);
  EXPECT_EQ(out.headers.get("Content-Type"), "image/png");
}

// As the reference computes it: SHA-256 of "/a.png__13__1700000000123456789".
TEST(LocalFacts, EtagIsTheReferencesOwn) {
  EXPECT_EQ(source::file_etag("/a.png", 13, 1700000000123456789),
            "\"pSmwDgXLp2vW-DX6_cxo_4i4BrYi4Y4P72c92TjoQ_Y\"");
}

TEST_F(LocalFiles, NamesAreTakenLiterally) {
  world_.config.source.query_separator = "";
  const Outcome out = world_.one(raw("local:///folder/b%20c?d.jpg"));
  EXPECT_TRUE(out.ok) << out.error.detail;
  EXPECT_EQ(out.headers.get("Content-Type"), "image/jpeg");  // by name
}

TEST_F(LocalFiles, LinksInsideTheRootWork) {
  EXPECT_TRUE(world_.one(get("local:///folder/inside")).ok);
}

TEST_F(LocalFiles, EmptyFile) {
  const Outcome out = world_.one(get("local:///empty.png"));
  EXPECT_TRUE(out.ok);
  EXPECT_EQ(out.body, "");
  EXPECT_TRUE(world_.one(raw("local:///empty.png")).ok);
}

TEST_F(LocalFiles, WhatIsNotToBeHad) {
  const char* directory = " is a directory";
  const char* nameless = "the object name of the local URL is empty";
  const char* missing = " doesn't exist";
  struct Case {
    const char* url;
    const char* text;
  };
  for (const auto& [url, text] :
       {Case{"local:///missing.png", "/missing.png doesn't exist"},
        Case{"local:///folder", "/folder is a directory"},
        Case{"local:///folder/", "/folder/ is a directory"},
        Case{"local:///folder/inner", directory}, Case{"local:///folder/..", directory},
        Case{"local:///", nameless}, Case{"local://", nameless}, Case{"local:////", nameless},
        Case{"local:///?version", nameless}, Case{"local:///../outside.txt", missing},
        Case{"local:///..", missing}, Case{"local:///folder/../../outside.txt", missing},
        Case{"local:////etc/passwd", missing}, Case{"local:///escape", missing},
        Case{"local:///absolute", missing}, Case{"local:///environ", missing},
        Case{"local:///pipe", missing}, Case{"local:///a.png/b", missing},
        Case{"local:///%2e%2e/outside.txt", missing}}) {
    SCOPED_TRACE(url);
    const Outcome out = world_.one(get(url));
    EXPECT_FALSE(out.ok);
    EXPECT_EQ(out.error.code, ErrorCode::kSourceUnreachable);
    EXPECT_EQ(out.error.status(), 404);
    EXPECT_FALSE(out.error.detail.empty());
    // Raw requests get the storage's own answer.
    const Outcome streamed = world_.one(raw(url));
    EXPECT_TRUE(streamed.ok);
    EXPECT_EQ(streamed.status, 404);
    EXPECT_EQ(streamed.headers.get("Content-Type"), "text/plain");
    EXPECT_TRUE(streamed.body.ends_with(text)) << streamed.body;
    EXPECT_EQ(streamed.content_length, static_cast<std::int64_t>(streamed.body.size()));
  }
  EXPECT_NE(world_.one(get("local:///folder")).error.detail.find("/folder: is a directory"),
            std::string::npos);
  EXPECT_NE(world_.one(get("local:///")).error.detail.find("name is empty"), std::string::npos);
  const std::string nul = std::string("local:///a.png") + '\0' + ".jpg";
  EXPECT_EQ(world_.one(get(nul)).error.status(), 404);
}

TEST_F(LocalFiles, ConditionsAreJudgedHere) {
  const timespec times[2] = {{1700000000, 0}, {1700000000, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, (root_ / "a.png").c_str(), times, 0), 0);
  const std::string etag = source::file_etag("/a.png", 13, 1700000000000000000);
  const std::string same = "Tue, 14 Nov 2023 22:13:20 GMT";
  struct Case {
    std::string none_match, since;
    int status;
  };
  for (const Case& c : {Case{etag, "", 304}, Case{"W/" + etag, "", 304},
                        Case{etag.substr(1, etag.size() - 2), "", 304}, Case{"\"zzz\"", "", 200},
                        Case{"\"zzz\"", same, 200}, Case{"", same, 304},
                        Case{"", "Tue, 14 Nov 2023 22:13:19 GMT", 200},
                        Case{"", "Wed, 15 Nov 2023 22:13:19 GMT", 304}, Case{"", "junk", 200}}) {
    SCOPED_TRACE(c.none_match + " " + c.since);
    for (auto step : {get("local:///a.png"), raw("local:///a.png")}) {
      if (!c.none_match.empty()) step = with(std::move(step), "If-None-Match", c.none_match);
      if (!c.since.empty()) step = with(std::move(step), "If-Modified-Since", c.since);
      const Outcome out = world_.one(step);
      EXPECT_TRUE(out.ok);
      EXPECT_EQ(out.status, c.status);
      EXPECT_EQ(out.headers.get("ETag"), etag);
      EXPECT_EQ(out.headers.get("Last-Modified"), same);
      EXPECT_EQ(out.body.empty(), c.status == 304);
    }
  }
}

TEST_F(LocalFiles, RangesOfRaw) {
  write(root_ / "digits", "0123456789");
  struct Case {
    const char* range;
    int status;
    const char* body;
    const char* content_range;
  };
  for (const Case& c :
       {Case{"bytes=0-3", 206, "0123", "bytes 0-3/10"}, Case{"bytes=8-", 206, "89", "bytes 8-9/10"},
        Case{"bytes=0-99", 206, "0123456789", "bytes 0-9/10"},
        Case{"bytes=0-1,5-6", 206, "01", "bytes 0-1/10"}, Case{"bytes=5-2", 416, "", ""},
        Case{"bytes=10-", 416, "", ""}, Case{"bytes=-3", 416, "", ""},
        Case{"lines=1-2", 416, "", ""}, Case{"bytes=x-3", 416, "", ""}}) {
    SCOPED_TRACE(c.range);
    const Outcome out = world_.one(with(raw("local:///digits"), "Range", c.range));
    EXPECT_TRUE(out.ok);
    EXPECT_EQ(out.status, c.status);
    EXPECT_EQ(out.body, c.body);
    EXPECT_EQ(out.headers.get("Content-Range"), c.content_range);
    EXPECT_EQ(out.headers.get("Accept-Ranges"), c.status == 206 ? "bytes" : "");
    EXPECT_EQ(out.headers.has("ETag"), false);
  }
}

// As imgproxy, and other than RFC 9110 has it: the range is looked at first, the conditions not at
// all then.
TEST_F(LocalFiles, RangesOfRawComeBeforeConditions) {
  const timespec times[2] = {{1700000000, 0}, {1700000000, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, (root_ / "a.png").c_str(), times, 0), 0);
  const std::string etag = source::file_etag("/a.png", 13, 1700000000000000000);
  const std::string same = "Tue, 14 Nov 2023 22:13:20 GMT";
  struct Case {
    const char* range;
    int status;
    const char* body;
  };
  for (const Case& c : {Case{"bytes=1-3", 206, "PNG"}, Case{"bytes=3-1", 416, ""},
                        Case{"lines=1-3", 416, ""}, Case{"", 304, ""}}) {
    for (const auto& [name, value] :
         {std::pair<std::string, std::string>("If-None-Match", etag),
          std::pair<std::string, std::string>("If-Modified-Since", same)}) {
      SCOPED_TRACE(c.range + (" " + name));
      test::Step step = with(raw("local:///a.png"), name, value);
      const Outcome out = world_.one(with(std::move(step), "Range", c.range));
      EXPECT_TRUE(out.ok) << out.error.detail;
      EXPECT_EQ(out.status, c.status);
      EXPECT_EQ(out.body, c.body);
      EXPECT_EQ(out.headers.has("ETag"), c.status == 304);
    }
  }
  // Whole images know no ranges.
  auto whole = with(get("local:///a.png"), "If-None-Match", etag);
  EXPECT_EQ(world_.one(with(std::move(whole), "Range", "bytes=1-3")).status, 304);
}

TEST_F(LocalFiles, SizeLimit) {
  auto step = get("local:///a.png");
  step.request.size_bytes_max = 13;
  EXPECT_TRUE(world_.one(step).ok);
  step.request.size_bytes_max = 12;
  EXPECT_EQ(world_.one(step).error.code, ErrorCode::kSourceTooLarge);
}

TEST_F(LocalFiles, LargeFile) {
  std::string body(5 << 20, 'x');
  for (std::size_t i = 0; i < body.size(); i += 101) body[i] = static_cast<char>(i);
  write(root_ / "large", body);
  EXPECT_TRUE(world_.one(get("local:///large")).body == body);
  EXPECT_TRUE(world_.one(raw("local:///large")).body == body);
}

// Each opening and reading of a file fails once: an error that tells what the disk said, nothing
// left (World looks), and the next request is as good as ever.
TEST_F(LocalFiles, EveryFaultOfTheDiskIsTold) {
  struct Fault {
    int error;
    ErrorCode opening, reading;
  };
  const std::string body(8 << 10, 'x');
  write(root_ / "large", body);
  for (const Step& step : {get("local:///large"), raw("local:///large")}) {
    test::FaultPlan none;
    world_.faults = &none;
    EXPECT_EQ(world_.one(step).body, body);
    EXPECT_GE(none.seen, 2);
    for (const Fault& fault :
         {Fault(EIO, ErrorCode::kSourceUnreachable, ErrorCode::kSourceIncomplete),
          Fault(ESTALE, ErrorCode::kSourceUnreachable, ErrorCode::kSourceIncomplete),
          Fault(EACCES, ErrorCode::kSourceUnreachable, ErrorCode::kSourceIncomplete),
          Fault(ENOMEM, ErrorCode::kOverloaded, ErrorCode::kOverloaded),
          Fault(EMFILE, ErrorCode::kOverloaded, ErrorCode::kOverloaded)}) {
      for (int at = 0; at < none.seen; ++at) {
        SCOPED_TRACE(testing::Message()
                     << std::strerror(fault.error) << " at " << at << (step.raw ? ", raw" : ""));
        test::FaultPlan plan{.at = at, .result = -fault.error};
        world_.faults = &plan;
        const std::vector<Outcome> outcomes = world_.run({step, step});
        EXPECT_EQ(plan.met, 1);
        const Error& error = outcomes[0].error;
        EXPECT_FALSE(outcomes[0].ok);
        EXPECT_EQ(error.code, at == 0 ? fault.opening : fault.reading);
        EXPECT_NE(error.detail.find(std::strerror(fault.error)), std::string::npos) << error.detail;
        EXPECT_TRUE(outcomes[1].ok);
        EXPECT_TRUE(outcomes[1].body == body);
      }
    }
  }
}

TEST_F(LocalFiles, ADiskThatGivesLittleOrIsInterruptedIsAskedAgain) {
  const std::string body(30 << 10, 'x');
  write(root_ / "large", body);
  for (const Step& step : {get("local:///large"), raw("local:///large")}) {
    test::FaultPlan little{.read_bytes_max = 1000};
    world_.faults = &little;
    EXPECT_EQ(world_.one(step).body, body);
    EXPECT_GE(little.seen, 30);
    for (const int error : {EINTR, EAGAIN}) {
      for (int at = 0; at < 3; ++at) {
        test::FaultPlan once{.at = at, .result = -error};
        world_.faults = &once;
        EXPECT_EQ(world_.one(step).body, body) << std::strerror(error) << " at " << at;
      }
    }
  }
}

TEST_F(LocalFiles, AFileThatBecameShorterIsIncomplete) {
  const std::string body(30 << 10, 'x');
  write(root_ / "large", body);
  test::FaultPlan end{.at = 1, .read_bytes_max = 1000};
  world_.faults = &end;
  const Outcome out = world_.one(get("local:///large"));
  EXPECT_EQ(out.error.code, ErrorCode::kSourceIncomplete);
  EXPECT_NE(out.error.detail.find("became shorter"), std::string::npos);
}

TEST_F(LocalFiles, RootThatIsNotThere) {
  world_.config.source.local_filesystem_root = (base_ / "nowhere").string();
  const Outcome out = world_.one(get("local:///a.png"));
  EXPECT_EQ(out.error.status(), 404);
  EXPECT_NE(out.error.detail.find("IMGPROXY_LOCAL_FILESYSTEM_ROOT"), std::string::npos);
}

}  // namespace
}  // namespace imgring
