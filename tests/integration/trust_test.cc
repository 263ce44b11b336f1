// What one party may learn of another's secrets, and whose fault a shortage is.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "imgring/base/text.h"
#include "imgring/url/source_url.h"
#include "world.h"

namespace imgring::test {
namespace {

// A program that may open nothing more, until the end of it.
class NoDescriptors {
 public:
  explicit NoDescriptors(pid_t pid) : pid_(pid) {
    std::set<int> open;
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
      open.insert(std::stoi(entry.path().filename().string()));
    }
    rlim_t lowest_free = 0;
    while (open.contains(static_cast<int>(lowest_free))) ++lowest_free;
    EXPECT_EQ(prlimit(pid_, RLIMIT_NOFILE, nullptr, &before_), 0);
    const rlimit none{lowest_free, before_.rlim_max};
    EXPECT_EQ(prlimit(pid_, RLIMIT_NOFILE, &none, nullptr), 0);
  }
  ~NoDescriptors() { EXPECT_EQ(prlimit(pid_, RLIMIT_NOFILE, &before_, nullptr), 0); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  pid_t pid_;
  rlimit before_{};
};

// They were 404 "Source is unreachable", or the fallback image in their place, to be cached.
TEST(Shortages, OfDescriptorsAreOurOwnFault) {
  if (slow_build()) GTEST_SKIP() << "the sanitizer needs descriptors of its own";
  TempFolder pictures;
  const std::string fallback = pictures.write("fallback.png", png_picture({8, 8}));
  World world(Environment{{"IMGPROXY_FALLBACK_IMAGE_PATH", fallback}, {"IMGRING_LOOPS", "1"}});
  world.folder.write("p.png", png_picture({40, 30}));
  world.source.on("/p.png", serve_picture(png_picture({40, 30})));
  const std::string targets[] = {
      world.target("w:10", "/p.png"),
      "/unsafe/w:10/plain/local:///p.png",
      world.target("raw:1", "/p.png"),
      "/unsafe/raw:1/plain/local:///p.png",
      "/unsafe/w:10/plain/http://a.name.invalid/p.png",
  };
  RawClient client(world.port());
  client.send(get_text("/health"));
  EXPECT_EQ(client.read().status, 200);
  {
    const NoDescriptors none(world.server.pid());
    for (const std::string& target : targets) {
      SCOPED_TRACE(target);
      client.send(get_text(target));
      const Answer answer = client.read();
      EXPECT_EQ(answer.status, 503) << world.server.log();
      EXPECT_EQ(answer.body, "Server is overloaded");
      EXPECT_EQ(answer.header("retry-after"), "1");
      EXPECT_FALSE(answer.headers.has("cache-control"));
    }
  }
  for (const std::string& target : targets) {
    client.send(get_text(target));
    EXPECT_EQ(client.read().status, 200) << target;
  }
}

TEST(Credentials, OfUrlsReachNeitherClientsNorTheLog) {
  SourceServer other;
  World world(Environment{{"IMGPROXY_SET_CANONICAL_HEADER", "true"},
                          {"IMGPROXY_DEVELOPMENT_ERRORS_MODE", "true"},
                          {"IMGPROXY_LOG_LEVEL", "debug"}});
  world.also(other);
  world.source.on("/p.png", serve_picture(png_picture({40, 30})));
  world.source.on("/signed.png?token=5ec2e7", serve_picture(png_picture({40, 30})));
  world.source.on("/p.png?X-Amz-Signature=5ec2e7", serve_picture(png_picture({40, 30})));
  world.source.on("/", serve_picture(png_picture({40, 30})));
  const std::string port = std::to_string(world.source.port());
  world.source.on("/away", redirect_to("http://them:5ec2e7@127.0.0.1:1/x?sig=5ec2e7"));
  const std::string own = "http://me:5ec2e7@127.0.0.1:" + port;
  const std::string urls[] = {
      own + "/p.png",
      own + "/gone.png",
      own + "/away",
      own,
      own + "/p.png?X-Amz-Signature=5ec2e7",
      "http://127.0.0.1:" + port + "/signed.png?token=5ec2e7",
      "http://me:5ec2e7@127.0.0.1:1/x",
      "http://me:5ec2e7@nowhere.invalid/",
      "http://me:5ec2e7@h:x/",
      "s3://5ec2e7@b/k",
      "ftp://me:5ec2e7@h/",
  };
  std::set<int> statuses;
  for (const std::string& url : urls) {
    for (const std::string_view options : {"w:10", "raw:1", "w:x"}) {
      SCOPED_TRACE(url);
      const Answer answer = world.get(encoded_target(options, url));
      statuses.insert(answer.status);
      EXPECT_EQ(answer.body.find("5ec2e7"), std::string::npos) << answer.body;
      for (const auto& [name, value] : answer.headers.fields()) {
        EXPECT_EQ(value.find("5ec2e7"), std::string::npos) << name << ": " << value;
      }
    }
    world.get(plain_target("w:10", replace_all(url, "@", "%40")));
  }
  EXPECT_EQ(statuses, (std::set<int>{200, 404}));
  EXPECT_EQ(world.server.log().find("5ec2e7"), std::string::npos) << world.server.log();
  EXPECT_EQ(world.server.metrics_text().find("5ec2e7"), std::string::npos);
}

TEST(Credentials, OfTheBaseUrlStayWithItsSource) {
  SourceServer base;
  World world(Environment{
      {"IMGPROXY_SET_CANONICAL_HEADER", "true"},
      {"IMGPROXY_DEVELOPMENT_ERRORS_MODE", "true"},
      {"IMGPROXY_BASE_URL", "http://base:5ec2e7@127.0.0.1:" + std::to_string(base.port()) + "/"}});
  world.also(base);
  base.on("/p.png", serve_picture(png_picture({40, 30})));
  for (const std::string_view path : {"p.png", "gone.png"}) {
    const Answer answer = world.get(plain_target("w:10", path));
    EXPECT_EQ(answer.status, path == "p.png" ? 200 : 404) << world.server.log();
    EXPECT_EQ(answer.body.find("5ec2e7"), std::string::npos) << answer.body;
    if (answer.status == 200) {
      EXPECT_EQ(answer.header("link"), "<" + base.url("/p.png") + ">; rel=\"canonical\"");
    }
  }
  ASSERT_EQ(base.visits().size(), 2u);
  EXPECT_NE(base.visits()[0].find("Authorization: Basic"), std::string::npos);
  EXPECT_EQ(world.server.log().find("5ec2e7"), std::string::npos) << world.server.log();
}

TEST(Headers, NoNameOfASourceWritesHeadersOfOurs) {
  World world(Environment{{"IMGPROXY_SET_CANONICAL_HEADER", "true"}});
  const std::string base = world.source.url("/a.png");
  const std::string urls[] = {
      base + ">; rel=\"preload\"; as=\"script\", <http://other/",
      base + "\\",
      base + "\"; x=\"y",
      base + "\xff\xc3\xbc`{|}^",
      base + ".x\"; filename=\"evil.html",
  };
  for (const std::string& url : urls) {
    world.source.on(url::parse_http_url(url)->target, serve_picture(png_picture({40, 30})));
    for (const std::string_view options : {"w:10", "raw:1"}) {
      SCOPED_TRACE(url);
      const Answer answer = world.get(encoded_target(options, url));
      ASSERT_EQ(answer.status, 200);
      const std::string_view link = answer.header("link");
      EXPECT_TRUE(link.starts_with("<" + base)) << link;
      EXPECT_TRUE(link.ends_with(">; rel=\"canonical\"")) << link;
      EXPECT_EQ(std::count(link.begin(), link.end(), '>'), 1) << link;
      EXPECT_EQ(std::count(link.begin(), link.end(), '"'), 2) << link;
      const std::string_view name = answer.header("content-disposition");
      EXPECT_EQ(std::count(name.begin(), name.end(), '"'), 2) << name;
      EXPECT_EQ(name.find('\\'), std::string_view::npos) << name;
    }
  }
}

TEST(Headers, AnEncryptedSourceHasNoCanonicalLink) {
  const std::string key = "1eb5b0e971ad7f45324c1bb15c947cb207c43152fa5c6c7f35c4f36e0c18e0f1";
  World world(Environment{{"IMGPROXY_SET_CANONICAL_HEADER", "true"},
                          {"IMGPROXY_SOURCE_URL_ENCRYPTION_KEY", key},
                          {"IMGPROXY_URL_REPLACEMENTS", "http://example.com/=local:///"}});
  ASSERT_EQ(mkdir((world.folder.path() + "/images").c_str(), 0700), 0);
  world.folder.write("images/curiosity.jpg", png_picture({40, 30}));
  const Answer answer = world.get(
      "/unsafe/w:10/enc/p5VjorNdhs7mRRw8gA9TWoRlGci3l1kuzqN43UQlRaRIQ0qtBKW3qFABIsx-ZRz_cVc8iVTY"
      "bhsNsxNBL1BHaQ");
  EXPECT_EQ(answer.status, 200) << world.server.log();
  EXPECT_FALSE(answer.headers.has("link"));
  EXPECT_TRUE(world.server.wait_for_log("padding oracle"));
}

// Whatever the numbers, the answer is a picture or says whose fault it is: never 500.
TEST(Numbers, WithoutEndAreAnsweredLikeOthers) {
  TempFolder pictures;
  const std::string mark = pictures.write("mark.png", png_picture({8, 8}));
  World world(Environment{{"IMGPROXY_WATERMARK_PATH", mark}});
  world.folder.write("p.png", png_picture({40, 30}));
  world.folder.write("dot.png", png_picture({2, 2}));
  world.folder.write("line.png", png_picture({70000, 3}));
  struct Case {
    std::string_view options;
    int status;
    std::string_view file = "p.png";
  };
  const Case cases[] = {
      {"wm:0.5:re:1e300:10", 200},
      {"wm:0.5:re:-1e300:-1e300", 200},
      {"wm:0.5:re:5:-1e300", 200},
      {"wm:0.5:ce:1e300:1e300", 200},
      {"wm:0.5:soea:-1e300:1e300", 200},
      {"wm:0.5:re:1e300:1e300/dpr:1e300", 200},
      {"wm:0.5:re:0:0:1e-300", 200},
      {"w:10/h:10/rt:fill/g:no:1e300:-1e300", 200},
      {"c:10:10:ea:1e300:1e300", 200},
      {"rs:fit:60:60:0:1:so:1e300:1e300", 200},
      {"dpr:1e300", 200},
      {"dpr:1e-300", 200},
      {"z:1e-300", 200},
      {"z:1e300", 200},
      {"bl:1e300", 200},
      {"sh:1e300", 200},
      {"pix:2147483648", 200},
      {"t:1e300", 200},
      {"t:-1e300", 200},
      {"mw:0", 200},
      {"t:10", 200, "dot.png"},
      {"t:10:fff:1:1/w:1", 200, "dot.png"},
      {"f:gif", 200, "line.png"},
      {"f:webp", 200, "line.png"},
      {"f:ico", 200, "line.png"},
      {"f:jpg", 422, "line.png"},
      {"f:png", 200, "line.png"},
      {"f:bmp", 200, "line.png"},
      {"c:99999999999:1", 404},
      {"wm:0.5:re:inf", 404},
      {"q:999999999999", 404},
      {"rot:9223372036854775807", 404},
      {"exp:99999999999999999999", 404},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.options);
    const std::string url = "local:///" + std::string(c.file);
    EXPECT_EQ(world.get(plain_target(c.options, url)).status, c.status);
  }
  EXPECT_EQ(world.server.log().find("GLib"), std::string::npos) << world.server.log();
}

TEST(Numbers, OfSizesWithoutEndAreAnsweredSomehow) {
  TempFolder pictures;
  const std::string mark = pictures.write("mark.png", png_picture({8, 8}));
  World world(Environment{{"IMGPROXY_WATERMARK_PATH", mark}});
  world.folder.write("p.png", png_picture({40, 30}));
  for (const std::string_view options :
       {"pd:100000000", "pd:2147483647:2147483647:1:1/dpr:1e300", "mw:2147483647/mh:1",
        "rs:force:2147483647:1:1", "el:1/z:1e300", "el:1/dpr:1e300/w:2147483647",
        "wm:0.5:ce:0:0:1e300", "pd:0:600000:0:600000", "ex:1/w:2147483647/h:2147483647",
        "exar:1/w:2147483647/h:1"}) {
    SCOPED_TRACE(options);
    const int status = world.get(plain_target(options, "local:///p.png")).status;
    EXPECT_TRUE(status == 200 || status == 422 || status == 503) << status;
  }
  EXPECT_EQ(world.server.log().find("GLib"), std::string::npos) << world.server.log();
}

}  // namespace
}  // namespace imgring::test
