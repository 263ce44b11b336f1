// Where a source may live, and where it may send us: addresses, redirects, the allowed list.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "world.h"

namespace imgring::test {
namespace {

// The source listens on all addresses of this machine; none of these spellings may reach it.
TEST(Guard, NoSpellingOfAForbiddenAddressIsConnectedTo) {
  World world(Environment{{"IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES", "false"}});
  const std::string_view hosts[] = {
      "127.0.0.1",
      "127.1",
      "127.255.255.254",
      "2130706433",
      "0x7f000001",
      "0177.0.0.1",
      "0.0.0.0",
      "0",
      "localhost",
      "[::1]",
      "[::]",
      "[::ffff:127.0.0.1]",
      "[::127.0.0.1]",
      "[2002:7f00:1::]",
      "[64:ff9b::7f00:1]",
      "[2001:0:1:2:3:4:80ff:fffe]",
      "[fd00::5efe:7f00:1]",
      "169.254.169.254",
      "[::ffff:169.254.169.254]",
      "[fe80::1]",
      "[ff02::1]",
      "224.0.0.1",
      "240.0.0.1",
      "255.255.255.255",
      "127.0.0.1.",
      "LOCALHOST.",
  };
  const std::string port = std::to_string(world.source.port());
  for (std::string_view host : hosts) {
    SCOPED_TRACE(host);
    const std::string url = "http://" + std::string(host) + ":" + port + "/p.png";
    const Answer answer = world.get(encoded_target("w:10", url));
    EXPECT_EQ(answer.status, 404);
    EXPECT_EQ(answer.body, "Invalid source URL");
  }
  EXPECT_EQ(world.source.connections_made(), 0);
  world.folder.write("p.png", png_picture({40, 30}));
  EXPECT_EQ(world.get("/unsafe/w:10/plain/local:///p.png").status, 200);
}

TEST(Guard, UrlsThatAreNone) {
  World world;
  const std::string own = "127.0.0.1:" + std::to_string(world.source.port());
  const std::string urls[] = {
      "http://",
      "http:///p.png",
      "http://:80/p.png",
      "http://" + own + "0000/p.png",
      "http://127.0.0.1:99999/p.png",
      "http://127.0.0.1:-1/",
      "http://127.0.0.1:x/",
      "http://a b/p.png",
      "http://[::1/p.png",
      "http://h\r\nHost: evil/p.png",
      "http://" + own + "/a\r\nX-Evil: 1",
      "gopher://" + own + "/",
      "file:///etc/passwd",
      "data:image/png;base64,AAAA",
      "//" + own + "/p.png",
      own + "/p.png",
      "s3://bucket/key",
      "http://no-such-host.invalid/p.png",
  };
  for (const std::string& url : urls) {
    SCOPED_TRACE(url);
    const Answer answer = world.get(encoded_target("w:10", url));
    EXPECT_EQ(answer.status, 404);
  }
  for (const std::string& head : world.source.visits()) {
    EXPECT_EQ(head.find("\nX-Evil"), std::string::npos) << head;
  }
}

void add_chain(SourceServer& source, int length) {
  for (int i = 0; i < length; ++i) {
    source.on("/hop" + std::to_string(i), redirect_to("/hop" + std::to_string(i + 1)));
  }
  source.on("/hop" + std::to_string(length), serve_picture(png_picture({40, 30})));
}

TEST(Redirects, AsManyAsSaid) {
  World world(Environment{{"IMGPROXY_MAX_REDIRECTS", "3"}});
  add_chain(world.source, 4);
  EXPECT_EQ(world.image("w:10", "/hop1").status, 200);  // three redirects
  const Answer fourth = world.image("w:10", "/hop0");
  EXPECT_EQ(fourth.status, 404);
  EXPECT_EQ(fourth.body, "Source is unreachable");
  world.source.on("/loop", redirect_to("/loop"));
  EXPECT_EQ(world.image("w:10", "/loop").status, 404);
  EXPECT_EQ(world.source.visits("/loop").size(), 4u);
}

TEST(Redirects, NoneWhenZero) {
  World world(Environment{{"IMGPROXY_MAX_REDIRECTS", "0"}});
  add_chain(world.source, 1);
  EXPECT_EQ(world.image("w:10", "/hop0").status, 404);
  EXPECT_EQ(world.image("w:10", "/hop1").status, 200);
}

TEST(Redirects, AllKindsAndForms) {
  World world;
  world.source.on("/dir/p.png", serve_picture(png_picture({40, 30})));
  for (int status : {301, 302, 303, 307, 308}) {
    const std::string path = "/r" + std::to_string(status);
    world.source.on(path, redirect_to("/dir/p.png", status));
    EXPECT_EQ(world.image("w:10", path).status, 200) << status;
  }
  const std::string own = "127.0.0.1:" + std::to_string(world.source.port());
  world.source.on("/dir/relative", redirect_to("p.png"));
  world.source.on("/dir/dots", redirect_to("../dir/./p.png"));
  world.source.on("/absolute", redirect_to(world.source.url("/dir/p.png")));
  world.source.on("/no-scheme", redirect_to("//" + own + "/dir/p.png"));
  world.source.on("/fragment", redirect_to("/dir/p.png#part"));
  for (std::string_view path :
       {"/dir/relative", "/dir/dots", "/absolute", "/no-scheme", "/fragment"}) {
    EXPECT_EQ(world.image("w:10", path).status, 200) << path;
  }
}

// An open redirect on an allowed host must not read local files or leave the allowed list.
TEST(Redirects, AreTrustedNoMoreThanTheFirstUrl) {
  World world;
  world.folder.write("p.png", png_picture({40, 30}));
  const std::string targets[] = {"local:///p.png", "file:///etc/passwd",
                                 "ftp://h/p.png",  "data:image/png;base64,AAAA",
                                 "javascript:1",   "",
                                 "http://",        "gopher://127.0.0.1:1/"};
  int number = 0;
  for (const std::string& location : targets) {
    SCOPED_TRACE(location);
    const std::string path = "/to" + std::to_string(number++);
    world.source.on(path, redirect_to(location));
    EXPECT_EQ(world.image("w:10", path).status, 404);
  }
}

TEST(Redirects, StayInTheAllowedList) {
  SourceServer other;
  other.on("/p.png", serve_picture(png_picture({40, 30})));
  World world(Environment{{"IMGPROXY_ALLOWED_SOURCES", "http://127.0.0.1:*/"}});
  world.also(other);
  const std::string away = "http://127.0.0.9:" + std::to_string(other.port()) + "/p.png";
  world.source.on("/out", redirect_to(away));
  world.source.on("/in", redirect_to(other.url("/p.png")));
  EXPECT_EQ(world.image("w:10", "/in").status, 200);
  const Answer out = world.image("w:10", "/out");
  EXPECT_EQ(out.status, 404);
  EXPECT_EQ(out.body, "Invalid source URL");
  EXPECT_EQ(other.visits().size(), 1u);
}

// Whole, raw and by a redirect: what the list's text seems to allow is asked of nobody.
TEST(AllowList, IsNotPassedByDelimitersOrDots) {
  SourceServer other;
  World world(Environment{
      {"IMGPROXY_ALLOWED_SOURCES", "http://*.example.com/,local:///public/,http://127.0.0.9:*/"}});
  world.also(other);
  world.folder.write("secret.png", png_picture({40, 30}));
  ASSERT_EQ(mkdir((world.folder.path() + "/public").c_str(), 0700), 0);
  ASSERT_EQ(symlink("../secret.png", (world.folder.path() + "/public/p.png").c_str()), 0);
  const std::string port = std::to_string(other.port());
  const std::string here = "http://127.0.0.1:" + port;
  other.on("/p.png", serve_picture(png_picture({40, 30})));
  const std::string urls[] = {
      here + "?.example.com/p.png",
      here + "#.example.com/p.png",
      here + "\\.example.com/p.png",
      "http://a.example.com@127.0.0.1:" + port + "/p.png",
      here + "%2f.example.com/p.png",
      "local:///public/../secret.png",
      "local:///public/./p.png",
      "local://public/../secret.png",
      "http://127.0.0.9:" + port + "/x/%2e%2e/p.png",
      "http://127.0.0.9:" + port + "/x\\..\\p.png",
  };
  int number = 0;
  for (const std::string& url : urls) {
    SCOPED_TRACE(url);
    const std::string path = "/to" + std::to_string(number++);
    other.on(path, redirect_to(url));
    for (const std::string& target : {encoded_target("w:10", url), encoded_target("raw:1", url),
                                      encoded_target("w:10", "http://127.0.0.9:" + port + path)}) {
      const Answer answer = world.get(target);
      EXPECT_EQ(answer.status, 404) << target;
      EXPECT_EQ(answer.body.find("PNG"), std::string::npos) << target;
    }
  }
  EXPECT_EQ(world.get(encoded_target("w:10", "local:///public/p.png")).status, 200);
  EXPECT_EQ(world.get(encoded_target("w:10", "http://127.0.0.9:" + port + "/p.png")).status, 200);
  // The pages that redirected, and the good one.
  EXPECT_EQ(other.visits().size(), std::size(urls) + 1);
}

TEST(Redirects, CannotLeadToAForbiddenAddress) {
  World world;
  world.source.on("/link-local", redirect_to("http://169.254.169.254/latest/meta-data"));
  const Answer answer = world.image("w:10", "/link-local");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.body, "Invalid source URL");
}

TEST(Redirects, CookiesAndConditionsDoNotCrossHosts) {
  SourceServer other;
  World world(Environment{{"IMGPROXY_COOKIE_PASSTHROUGH", "true"},
                          {"IMGPROXY_COOKIE_PASSTHROUGH_ALL", "true"}});
  world.also(other);
  other.on("/p.png", serve_picture(png_picture({40, 30})));
  const std::string away = "http://127.0.0.9:" + std::to_string(other.port()) + "/p.png";
  world.source.on("/away", redirect_to(away));
  const Answer answer = world.get(world.target("w:10", "/away"),
                                  "Cookie: session=secret\r\nIf-None-Match: \"e\"\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(world.source.visits("/away").at(0).find("session=secret"), std::string::npos);
  EXPECT_NE(world.source.visits("/away").at(0).find("If-None-Match"), std::string::npos);
  ASSERT_EQ(other.visits().size(), 1u);
  EXPECT_EQ(other.visits()[0].find("session=secret"), std::string::npos);
  EXPECT_EQ(other.visits()[0].find("If-None-Match"), std::string::npos);
}

TEST(LocalFiles, StayInsideTheirRoot) {
  World world;
  TempFolder outside;
  const std::string secret = outside.write("secret.png", png_picture({40, 30}));
  world.folder.write("p.png", png_picture({40, 30}));
  const std::string root = world.folder.path();
  ASSERT_EQ(symlink("p.png", (root + "/inner.png").c_str()), 0);
  ASSERT_EQ(symlink(secret.c_str(), (root + "/outer.png").c_str()), 0);
  ASSERT_EQ(mkdir((root + "/dir").c_str(), 0700), 0);
  ASSERT_EQ(mkfifo((root + "/fifo").c_str(), 0600), 0);
  const std::string up = "/.." + outside.path().substr(outside.path().rfind('/'));
  const std::pair<std::string, int> cases[] = {
      {"/p.png", 200},
      {"/inner.png", 200},
      {"/dir/../p.png", 200},
      {"/outer.png", 404},
      {up + "/secret.png", 404},
      {"/dir", 404},
      {"/fifo", 404},
      {"/p.png/x", 404},
      {"/%2e%2e/p.png", 404},
      {std::string("/p.png\0.jpg", 11), 404},
      {"/" + std::string(300, 'n'), 404},
      {"/" + std::string(5000, 'n'), 404},
  };
  for (const auto& [path, status] : cases) {
    SCOPED_TRACE(path);
    EXPECT_EQ(world.get(encoded_target("w:10", "local://" + path)).status, status);
  }
}

}  // namespace
}  // namespace imgring::test
