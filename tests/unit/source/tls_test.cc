// https:// sources: trust, names, resumption, faults; and proxies for both schemes.
#include <gtest/gtest.h>

#include "../net/name_server.h"
#include "certificates.h"
#include "source_server.h"
#include "world.h"

namespace imgring {
namespace {

using test::answer;
using test::Authority;
using test::get;
using test::Outcome;
using test::Peer;
using test::raw;
using test::SourceServer;
using test::target_of;
using test::World;

constexpr const char* kNames = "DNS:localhost,IP:127.0.0.1";

bool hello(Peer& peer, const std::string&) { return peer.send(answer("200 OK", "", "hello")); }

class Tls : public testing::Test {
 protected:
  Tls() { world_.trust = *net::TrustStore::load(authority_.file()); }
  Authority authority_;
  World world_;
};

TEST_F(Tls, BodiesComeThrough) {
  const auto context = authority_.server(kNames);
  std::string body(2 << 20, 'x');
  for (std::size_t i = 0; i < body.size(); i += 37) body[i] = static_cast<char>(i);
  SourceServer server(
      [&body](Peer& peer, const std::string& head) {
        if (target_of(head) == "/close") {
          peer.send("HTTP/1.0 200 OK\r\n\r\n" + body);
          peer.close();
          return false;
        }
        return peer.send(answer("200 OK", "", body));
      },
      context.get());
  for (const Outcome& out : world_.run(
           {get(server.url()), get(server.url()), raw(server.url()), get(server.url("/close"))})) {
    EXPECT_TRUE(out.ok) << out.error.detail;
    EXPECT_TRUE(out.body == body);
  }
  EXPECT_EQ(server.connections(), 1);  // kept alive
  const std::string name = "https://localhost:" + std::to_string(server.port()) + "/";
  EXPECT_TRUE(world_.one(get(name)).ok);
}

TEST_F(Tls, BothVersionsResume) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto context = authority_.server(kNames);
    SSL_CTX_set_max_proto_version(context.get(), version);
    SourceServer server(
        [](Peer& peer, const std::string&) {
          peer.send(answer("200 OK", "Connection: close\r\n", "hello"));
          return false;
        },
        context.get());
    const auto outs = world_.run({get(server.url()), get(server.url()), get(server.url())});
    for (const Outcome& out : outs) EXPECT_TRUE(out.ok) << out.error.detail;
    EXPECT_EQ(server.connections(), 3);
    EXPECT_EQ(world_.stats.tls_resumed, 2u);
    EXPECT_EQ(world_.stats.tls_sessions, 1u);
  }
}

TEST_F(Tls, ServersThatAreNotTrusted) {
  Authority stranger;
  struct Case {
    const char* name;
    std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context;
    const char* detail;
  };
  Case cases[] = {
      {"wrong name", authority_.server("DNS:other.test,IP:127.0.0.9"), "IP address mismatch"},
      {"expired", authority_.server(kNames, -60), "expired"},
      {"unknown authority", stranger.server(kNames), "certificate refused"},
      {"old version", authority_.server(kNames), "version"},
  };
  SSL_CTX_set_security_level(cases[3].context.get(), 0);
  SSL_CTX_set_max_proto_version(cases[3].context.get(), TLS1_1_VERSION);
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    SourceServer server(hello, c.context.get());
    const Outcome out = world_.one(get(server.url()));
    EXPECT_EQ(out.error.code, ErrorCode::kSourceUnreachable);
    EXPECT_EQ(out.error.status(), 404);
    EXPECT_NE(out.error.detail.find(c.detail), std::string::npos) << out.error.detail;
    EXPECT_TRUE(server.seen().empty());
  }
  World trusting;
  trusting.config.source.ignore_ssl_verification = true;
  SourceServer server(hello, cases[2].context.get());
  EXPECT_TRUE(trusting.one(get(server.url())).ok);
}

TEST_F(Tls, NamesAreComparedWithTheCertificate) {
  const auto context = authority_.server("DNS:other.test");
  SourceServer server(hello, context.get());
  const Outcome out = world_.one(get("https://localhost:" + std::to_string(server.port()) + "/"));
  EXPECT_NE(out.error.detail.find("hostname mismatch"), std::string::npos) << out.error.detail;
}

int keep_server_name(SSL* ssl, int*, void* into) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  *static_cast<std::string*>(into) = name != nullptr ? name : "none";
  return SSL_TLSEXT_ERR_OK;
}

// The dot of the root is for lookups and the Host header, not for TLS (RFC 6066 3).
TEST_F(Tls, RootedNamesAreNamedWithoutTheirDot) {
  const auto context = authority_.server("DNS:localhost");
  std::string named;
  // What SSL_CTX_set_tlsext_servername_callback and …_arg are, which are macros with old casts.
  SSL_CTX_callback_ctrl(context.get(), SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                        reinterpret_cast<void (*)()>(keep_server_name));
  SSL_CTX_ctrl(context.get(), SSL_CTRL_SET_TLSEXT_SERVERNAME_ARG, 0, &named);
  {
    SourceServer server(hello, context.get());
    const std::string authority = "localhost.:" + std::to_string(server.port());
    const Outcome out = world_.one(get("https://" + authority + "/"));
    EXPECT_TRUE(out.ok) << out.error.detail;
    ASSERT_EQ(server.seen().size(), 1u);
    EXPECT_NE(server.seen()[0].find("Host: " + authority + "\r\n"), std::string::npos);
  }
  EXPECT_EQ(named, "localhost");
}

TEST_F(Tls, PeersThatDoNotSpeakIt) {
  SourceServer plain(hello);
  const std::string url = "https://127.0.0.1:" + std::to_string(plain.port()) + "/";
  World world;
  world.trust = world_.trust;
  world.config.source.download_timeout_s = 1;
  // A plain server waits for the end of a head that never comes.
  EXPECT_EQ(world.one(get(url)).error.code, ErrorCode::kSourceTimeout);
  const auto context = authority_.server(kNames);
  SourceServer tls(hello, context.get());
  const Outcome out = world.one(get("http://127.0.0.1:" + std::to_string(tls.port()) + "/"));
  EXPECT_EQ(out.error.code, ErrorCode::kSourceUnreachable) << out.error.detail;
}

TEST_F(Tls, TheSystemsStoreDoesNotBelieveUs) {
  const auto context = authority_.server(kNames);
  SourceServer server(hello, context.get());
  World world;
  world.trust = nullptr;  // read by the Sources
  const Outcome out = world.one(get(server.url()));
  EXPECT_NE(out.error.detail.find("certificate refused"), std::string::npos) << out.error.detail;
  EXPECT_TRUE(net::TrustStore::load().has_value());
  EXPECT_FALSE(net::TrustStore::load("/nowhere.pem").has_value());
}

TEST_F(Tls, CutInTheBody) {
  const auto context = authority_.server(kNames);
  SourceServer server(
      [](Peer& peer, const std::string&) {
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        return false;
      },
      context.get());
  EXPECT_EQ(world_.one(get(server.url())).error.code, ErrorCode::kSourceIncomplete);
}

// What was decrypted before a record that is broken counts; the error comes behind it.
TEST_F(Tls, ABrokenRecordBehindAGoodOne) {
  const auto context = authority_.server(kNames);
  const std::string broken = std::string("\x17\x03\x03\0\x20", 5) + std::string(32, 'x');
  for (const bool whole : {false, true}) {
    SCOPED_TRACE(whole);
    SourceServer server(
        [&](Peer& peer, const std::string&) {
          const std::string body(whole ? 20000 : 19000, 'b');  // two records
          peer.send_with("HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n" + body, broken);
          return false;
        },
        context.get());
    const Outcome out = world_.one(get(server.url()));
    EXPECT_EQ(out.ok, whole);
    if (whole) continue;
    EXPECT_NE(out.error.detail.find("TLS with"), std::string::npos) << out.error.detail;
    EXPECT_NE(out.error.detail.find("record"), std::string::npos) << out.error.detail;
  }
}

// A proxy that answers plain requests itself and pipes tunnels to where it is told.
TEST_F(Tls, PlainRequestsGoToTheProxyInAbsoluteForm) {
  SourceServer proxy(hello);
  world_.config.source.http_proxy = "http://us%40er:word@127.0.0.1:" + std::to_string(proxy.port());
  const auto outs = world_.run({get("http://192.0.2.1/a?b=c"), get("http://192.0.2.1/d")});
  EXPECT_TRUE(outs[0].ok) << outs[0].error.detail;
  EXPECT_TRUE(outs[1].ok);
  ASSERT_EQ(proxy.seen().size(), 2u);
  EXPECT_TRUE(
      proxy.seen()[0].starts_with("GET http://192.0.2.1/a?b=c HTTP/1.1\r\n"
                                  "Host: 192.0.2.1\r\n"
                                  "Proxy-Authorization: Basic dXNAZXI6d29yZA==\r\n"));
  EXPECT_EQ(proxy.connections(), 1);
}

TEST_F(Tls, TheTargetBehindAProxyIsGuarded) {
  SourceServer proxy(hello);
  world_.config.source.http_proxy = "127.0.0.1:" + std::to_string(proxy.port());
  world_.config.source.https_proxy = world_.config.source.http_proxy;
  for (const char* url : {"http://169.254.169.254/", "https://169.254.169.254/"}) {
    EXPECT_EQ(world_.one(get(url)).error.code, ErrorCode::kInvalidSourceUrl);
  }
  EXPECT_TRUE(proxy.seen().empty());
}

// The proxy looks the name up again and picks: no address of it may be a refused one.
TEST_F(Tls, EveryAddressOfATargetBehindAProxyIsGuarded) {
  SourceServer proxy(hello);
  test::NameServer names([](const std::string& name, int type) {
    test::NameAnswer answer;
    if (type == 1) answer.addresses = {"192.0.2.1"};
    if (type == 1 && name == "mixed.test") answer.addresses.push_back("169.254.169.254");
    return answer;
  });
  world_.name_servers = names.text();
  world_.config.source.http_proxy = "127.0.0.1:" + std::to_string(proxy.port());
  world_.config.source.https_proxy = world_.config.source.http_proxy;
  for (const char* url : {"http://mixed.test/", "https://mixed.test/"}) {
    EXPECT_EQ(world_.one(get(url)).error.code, ErrorCode::kInvalidSourceUrl);
  }
  EXPECT_TRUE(proxy.seen().empty());
  EXPECT_TRUE(world_.one(get("http://fine.test/")).ok);
}

TEST_F(Tls, RefusedTunnels) {
  SourceServer proxy([](Peer& peer, const std::string&) {
    return peer.send(answer("407 Who are you", "", "no"));
  });
  world_.config.source.https_proxy = "http://127.0.0.1:" + std::to_string(proxy.port());
  const Outcome out = world_.one(get("https://192.0.2.1/a"));
  EXPECT_EQ(out.error.code, ErrorCode::kSourceUnreachable);
  EXPECT_NE(out.error.detail.find("407"), std::string::npos) << out.error.detail;
  ASSERT_EQ(proxy.seen().size(), 1u);
  EXPECT_TRUE(proxy.seen()[0].starts_with("CONNECT 192.0.2.1:443 HTTP/1.1\r\n"));
}

// The "proxy" lets the tunnel end in itself: the answer to CONNECT is followed by TLS of its own.
class TunnelServer {
 public:
  TunnelServer(SSL_CTX* context) : context_(context) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&where), size) != 0) std::abort();
    if (listen(listener_, 4) != 0) std::abort();
    getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size);
    port_ = ntohs(where.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~TunnelServer() {
    thread_.join();
    close(listener_);
  }
  int port() const { return port_; }
  bool served = false;

 private:
  void run() {
    pollfd ready{listener_, POLLIN, 0};
    if (poll(&ready, 1, 3000) <= 0) return;
    const int fd = accept(listener_, nullptr, nullptr);
    const timeval limit{.tv_sec = 3, .tv_usec = 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    char bytes[1000];
    if (recv(fd, bytes, sizeof bytes, 0) > 0) {
      const std::string_view ok = "HTTP/1.1 200 Connected\r\n\r\n";
      send(fd, ok.data(), ok.size(), MSG_NOSIGNAL);
      SSL* ssl = SSL_new(context_);
      SSL_set_fd(ssl, fd);
      served = SSL_accept(ssl) == 1 && SSL_read(ssl, bytes, sizeof bytes) > 0;
      const std::string out = answer("200 OK", "", "tunnelled");
      if (served) SSL_write(ssl, out.data(), static_cast<int>(out.size()));
      SSL_free(ssl);
    }
    close(fd);
  }
  SSL_CTX* context_;
  int listener_ = -1, port_ = 0;
  std::thread thread_;
};

TEST_F(Tls, TunnelThroughAProxy) {
  const auto context = authority_.server("IP:192.0.2.1");
  TunnelServer proxy(context.get());
  world_.config.source.https_proxy = "127.0.0.1:" + std::to_string(proxy.port());
  const Outcome out = world_.one(get("https://192.0.2.1/a"));
  EXPECT_TRUE(out.ok) << out.error.detail;
  EXPECT_EQ(out.body, "tunnelled");
}

}  // namespace
}  // namespace imgring
