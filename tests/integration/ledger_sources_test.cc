// The ledger's part of downloads driven to its end by sources: heads as long as allowed, and TLS,
// whose buffers nobody sees.
#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <mutex>
#include <set>
#include <thread>

#include "../unit/source/certificates.h"
#include "ledger_world.h"

namespace imgring::test {
namespace {

// A megabyte of head each, which would be there four times.
TEST_F(Ledger, LongHeadsOfSourcesAreBounded) {
  LedgerWorld world;
  Gate& gate = world.gate;
  const std::string half = "HTTP/1.1 200 OK\r\nX: " + std::string(1000 << 10, 'h');
  world.source.on("/head", [&gate, half](Visit& visit) {
    visit.send(half);
    visit.wait(gate);
    visit.close_after();
  });
  PeakMemory peak(world.server.pid());
  const std::string asks = get_text(world.target("w:4", "/head"));
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 120; ++i) {
    clients.push_back(std::make_unique<RawClient>(world.port()));
    clients.back()->send(asks);
  }
  EXPECT_TRUE(eventually([&] { return world.peak_of("downloads") > 40 * kMiB; }));
  EXPECT_TRUE(world.good_soon());
  EXPECT_LE(world.peak_of("downloads"), world.size_of("downloads"));
  gate.open();
  clients.clear();
  EXPECT_TRUE(world.downloads_end()) << world.server.metrics_text();
  expect_below_the_limit(peak);
}

// https: endless bodies, and a small picture.
class TlsSource {
 public:
  TlsSource() : context_(authority_.server("IP:127.0.0.1")) {
    listener_ = loop::Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof where;
    EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&where), size), 0);
    EXPECT_EQ(listen(listener_.get(), 1024), 0);
    getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&where), &size);
    port_ = ntohs(where.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~TlsSource() {
    shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : open_) shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
  }
  std::string url(const std::string& path) const {
    return "https://127.0.0.1:" + std::to_string(port_) + path;
  }

 private:
  void accept_all() {
    for (;;) {
      const int fd = accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const std::lock_guard lock(mutex_);
      open_.insert(fd);
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  }
  void serve(int fd) {
    SSL* ssl = SSL_new(context_.get());
    SSL_set_fd(ssl, fd);
    char head[4096];
    if (SSL_accept(ssl) == 1) {
      const int got = SSL_read(ssl, head, sizeof head);
      const std::string_view asked(head, static_cast<std::size_t>(std::max(got, 0)));
      if (asked.starts_with("GET /small")) {
        const std::string picture = png_picture({64, 48});
        const std::string answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
                                   std::to_string(picture.size()) + "\r\n\r\n" + picture;
        SSL_write(ssl, answer.data(), static_cast<int>(answer.size()));
        SSL_shutdown(ssl);
      } else if (got > 0) {
        const std::string start = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
        const std::string piece(64 << 10, 'x');
        int sent = SSL_write(ssl, start.data(), static_cast<int>(start.size()));
        while (sent > 0) sent = SSL_write(ssl, piece.data(), static_cast<int>(piece.size()));
      }
    }
    SSL_free(ssl);
    const std::lock_guard lock(mutex_);
    open_.erase(fd);
    close(fd);
  }

  Authority authority_;
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_;
  loop::Fd listener_;
  int port_ = 0;
  std::mutex mutex_;
  std::set<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

TEST_F(Ledger, DownloadsOverTlsAreBounded) {
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
  TlsSource source;
  LedgerWorld world(Environment{{"IMGPROXY_IGNORE_SSL_VERIFICATION", "true"}});
  PeakMemory peak(world.server.pid());
  const std::string endless = get_text(plain_target("w:4", source.url("/endless")));
  const std::string raw = get_text(plain_target("raw:1", source.url("/endless")));
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<RawClient>(world.port()));
    clients.back()->send(i % 2 == 0 ? endless : raw);
  }
  EXPECT_TRUE(eventually([&] { return world.peak_of("downloads") > 40 * kMiB; }));
  EXPECT_TRUE(world.good_soon());
  EXPECT_TRUE(eventually(
      [&] { return world.get(plain_target("w:32", source.url("/small"))).status == 200; }));
  EXPECT_LE(world.peak_of("downloads"), world.size_of("downloads"));
  clients.clear();
  EXPECT_TRUE(world.downloads_end()) << world.server.metrics_text();
  expect_below_the_limit(peak);
}

}  // namespace
}  // namespace imgring::test
