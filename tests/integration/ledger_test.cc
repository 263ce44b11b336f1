// Each part of the ledger driven to its end by strangers, under a memory limit of 256 MiB: what the
// process and its children hold stays below it, the part says no in its own way, and a good request
// is served meanwhile.
#include "imgring/mem/ledger.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <mutex>
#include <set>
#include <thread>

#include "ledger_world.h"

namespace imgring::test {
namespace {

TEST_F(Ledger, HalfHeadsOfManyClientsAreBounded) {
  raise_descriptor_limit();
  LedgerWorld world;
  PeakMemory peak(world.server.pid());
  constexpr int kClients = 1900;
  const std::string half = "GET /x HTTP/1.1\r\nHost: h\r\nX: " + std::string(62 << 10, 'a');
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.push_back(std::make_unique<RawClient>(world.port()));
    clients.back()->send(half);
  }
  EXPECT_TRUE(world.good_soon());
  EXPECT_EQ(world.get("/health").status, 200);
  int refused = 0;
  for (const auto& client : clients) {
    if (client->stirs(Milliseconds(0)) && client->read().status == 431) ++refused;
  }
  EXPECT_GT(refused, 0) << "heads above 8 KiB wait for no memory";
  EXPECT_LE(world.peak_of("heads"), world.size_of("heads"));
  clients.clear();
  EXPECT_TRUE(
      eventually([&] { return world.server.metric(part("memory_part_bytes", "heads")) == 0; }));
  expect_below_the_limit(peak);
}

TEST_F(Ledger, PipelinedRequestsAreBounded) {
  raise_descriptor_limit();
  LedgerWorld world;
  world.source.on("/held", held(world.gate, png_picture({8, 8})));
  PeakMemory peak(world.server.pid());
  const std::string first = get_text(world.target("w:4", "/held"));
  std::string many;
  while (many.size() < 60 << 10) many += get_text("/unsafe/w:4/plain/local:///small.png");
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 400; ++i) {
    clients.push_back(std::make_unique<RawClient>(world.port()));
    clients.back()->cork();
    clients.back()->send(first + many);
  }
  EXPECT_TRUE(world.good_soon());
  EXPECT_EQ(world.peak_of("heads"), 0) << "what nobody reads yet is the kernel's";
  clients.clear();
  world.gate.open();
  expect_below_the_limit(peak);
}

TEST_F(Ledger, ResultsThatNobodyReadsEndTheSlowestReaders) {
  LedgerWorld world(Environment{{"IMGPROXY_WORKERS", "2"}});
  PeakMemory peak(world.server.pid());
  const std::string large =
      get_text(plain_target("rs:force:3000:3000:1", "local:///small.png@bmp"));  // 27 MB
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 24; ++i) {
    clients.push_back(std::make_unique<RawClient>(world.port()));
    clients.back()->send(large);
  }
  EXPECT_TRUE(eventually(
      [&] { return world.server.metric("memory_result_bytes").value_or(0) > 50 * kMiB; }));
  EXPECT_EQ(world.get("/health").status, 200);
  EXPECT_TRUE(world.good_soon());
  EXPECT_TRUE(eventually([&] {
    return world.server.metric("refused_total{reason=\"slow_reader\"}").value_or(0) > 0;
  })) << world.server.metrics_text();
  EXPECT_LE(world.peak_of("plans"), world.size_of("plans"));
  clients.clear();
  EXPECT_TRUE(eventually([&] {
    return world.server.metric("memory_result_bytes") == 0 &&
           world.server.metric(part("memory_part_bytes", "plans")) == 0;
  })) << world.server.metrics_text();
  expect_below_the_limit(peak);
}

// Sources of a few bytes, results and ways to them of gigabytes.
TEST_F(Ledger, OneRequestThatTakesAllMemoryIsRefusedBeforeAnyWork) {
  LedgerWorld world;
  world.folder.write("tall.png", png_picture({1, 1000}));
  PeakMemory peak(world.server.pid());
  for (const char* target :
       {"rs:force:20000:20000:1/plain/local:///small.png@bmp",
        "rs:force:20000:20000:1/plain/local:///small.png@tiff",
        "rs:force:20000:20000:1/plain/local:///small.png@gif",
        "rs:force:16384:16384:1/plain/local:///small.png@avif",
        "rs:force:16000:16000:1/plain/local:///small.png@heic",
        "rs:force:16383:16383:1/plain/local:///small.png@webp",
        "rs:force:20000:20000:1/plain/local:///small.png@jpg",
        "rs:force:30000:30000:1/rot:90/plain/local:///small.png@png",
        "rs:force:20000:20000:1/bl:2/plain/local:///small.png@png",
        "rs:force:20000:20000:1/g:sm/c:10:10/plain/local:///small.png@bmp",
        "w:10/pd:20000/plain/local:///small.png@bmp",
        "rs:fit:100:100/ex:1/dpr:8/el:1/w:9000/h:9000/plain/local:///small.png@bmp"}) {
    SCOPED_TRACE(target);
    const Answer answer = world.get(std::string("/unsafe/") + target);
    EXPECT_EQ(answer.status, 422) << answer.body;
  }
  // The cut leaves 2000 x 4 of 2000 x 2 000 000.
  EXPECT_EQ(world.get("/unsafe/rs:fill:2000:4:1/rot:180/plain/local:///tall.png@png").status, 200);
  EXPECT_EQ(world.good(), 200);
  expect_below_the_limit(peak);
}

// A sheet, in the file or of the URL, makes 49 megapixels of 4096.
TEST_F(Ledger, APictureLargerThanItsHeaderSaysIsPaidOrRefused) {
  LedgerWorld world;
  PeakMemory peak(world.server.pid());
  const std::string sheet = "svg{width:7000px;height:7000px}";
  constexpr std::string_view kHead =
      "<svg xmlns='http://www.w3.org/2000/svg' width='64' height='64'>";
  const std::string rest = "<rect width='9' height='9' fill='#123'/></svg>";
  world.folder.write("own.svg", std::string(kHead) + "<style>" + sheet + "</style>" + rest);
  world.folder.write("plain.svg", std::string(kHead) + rest);
  const std::string style = "style:" + base64url_encode(as_bytes(sheet));
  for (const char* format : {"gif", "webp", "bmp"}) {
    SCOPED_TRACE(format);
    const std::string own = plain_target("", "local:///own.svg@") + format;
    EXPECT_EQ(world.get(own).status, 422);
    const std::string styled = plain_target(style, "local:///plain.svg@") + format;
    EXPECT_EQ(world.get(styled).status, 422);
  }
  EXPECT_EQ(world.get(plain_target("w:60", "local:///own.svg@png")).status, 200);
  EXPECT_EQ(world.good(), 200);
  expect_below_the_limit(peak);
}

TEST_F(Ledger, TheRefusalNamesTheNumbers) {
  LedgerWorld world(Environment{{"IMGPROXY_DEVELOPMENT_ERRORS_MODE", "true"}});
  const Answer answer = world.get("/unsafe/rs:force:20000:20000:1/plain/local:///small.png@bmp");
  EXPECT_EQ(answer.status, 422);
  EXPECT_NE(answer.body.find("IMGRING_MEMORY_LIMIT"), std::string::npos) << answer.body;
  EXPECT_NE(answer.body.find("MiB"), std::string::npos);
}

TEST_F(Ledger, AWatermarkIsMadeInsideTheFrame) {
  LedgerWorld bare;
  const std::string mark = bare.folder.write("mark.png", png_picture({200, 200}));
  LedgerWorld world(
      Environment{{"IMGPROXY_WATERMARK_PATH", mark}, {"IMGPROXY_WATERMARK_OPACITY", "1"}});
  PeakMemory peak(world.server.pid());
  for (const char* mark_options :
       {"wm:1:ce:0:0:20", "wm:0.5:re:0:0:50", "wm:0.5:re:20000:20000", "wm:1:soea:5:5:100"}) {
    SCOPED_TRACE(mark_options);
    const std::string options = std::string("rs:force:2000:1500:1/") + mark_options;
    EXPECT_EQ(world.get(plain_target(options, "local:///small.png@png")).status, 200);
  }
  expect_below_the_limit(peak);
}

TEST_F(Ledger, EndlessBodiesLeaveAQuarterToTheOthers) {
  LedgerWorld world;
  world.source.on("/endless", [](Visit& visit) {
    const std::string piece(64 << 10, 'x');
    bool taken = visit.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    while (taken) taken = visit.send(piece);
    visit.close_after();
  });
  PeakMemory peak(world.server.pid());
  const std::string endless = get_text(world.target("w:4", "/endless"));
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(std::make_unique<RawClient>(world.port()));
    clients.back()->send(endless);
  }
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(world.good_soon());
  for (const auto& client : clients) {
    const int status = client->read().status;
    EXPECT_TRUE(status == 422 || status == 503 || status == 504) << status;
  }
  EXPECT_LE(world.peak_of("downloads"), world.size_of("downloads"));
  expect_below_the_limit(peak);
}

TEST_F(Ledger, RawStreamsAreBounded) {
  raise_descriptor_limit();
  LedgerWorld world;
  world.folder.write("large.bin", std::string(3 << 20, 'r'));
  PeakMemory peak(world.server.pid());
  std::vector<std::unique_ptr<RawClient>> clients;
  const std::string raw = get_text(plain_target("raw:1", "local:///large.bin"));
  for (int i = 0; i < 1000; ++i) {
    clients.push_back(std::make_unique<RawClient>(world.port()));
    clients.back()->send(raw);
  }
  EXPECT_TRUE(eventually([&] { return world.peak_of("downloads") > 5 * kMiB; }));
  EXPECT_EQ(world.get("/health").status, 200);
  EXPECT_LE(world.peak_of("downloads"), world.size_of("downloads"));
  clients.clear();
  EXPECT_TRUE(world.good_soon());
  expect_below_the_limit(peak);
}

// As it came, whatever it holds: skp.
std::string padded_picture(std::size_t bytes) {
  std::string picture = png_picture({8, 8});
  picture.resize(bytes, 'p');
  return picture;
}

TEST_F(Ledger, BodiesThatNobodyReadsEndTheSlowestReaders) {
  LedgerWorld world;
  world.folder.write("large.png", padded_picture(4 << 20));
  PeakMemory peak(world.server.pid());
  const std::string large = get_text(plain_target("skp:png", "local:///large.png"));
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 24; ++i) {
    clients.push_back(std::make_unique<RawClient>(world.port()));
    clients.back()->send(large);
  }
  EXPECT_TRUE(eventually([&] { return world.peak_of("downloads") > 30 * kMiB; }));
  EXPECT_EQ(world.get("/health").status, 200);
  EXPECT_TRUE(world.good_soon());
  // One that reads comes later, and has to wait for the memory of those who do not.
  EXPECT_TRUE(eventually([&] {
    return world.get(plain_target("skp:png", "local:///large.png")).body.size() == 4u << 20;
  })) << world.server.metrics_text();
  EXPECT_GT(world.server.metric("refused_total{reason=\"slow_reader\"}").value_or(0), 0);
  EXPECT_LE(world.peak_of("downloads"), world.size_of("downloads"));
  clients.clear();
  EXPECT_TRUE(world.downloads_end()) << world.server.metrics_text();
  expect_below_the_limit(peak);
}

void send_without_end(Visit& visit) {
  const std::string piece(256 << 10, 'x');
  bool taken = visit.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  while (taken) taken = visit.send(piece);
  visit.close_after();
}

TEST_F(Ledger, RawStreamsThatNobodyReadsEndTheSlowestReaders) {
  LedgerWorld world;
  world.source.on("/endless", send_without_end);
  world.source.on("/small", serve_picture(png_picture({64, 48})));
  PeakMemory peak(world.server.pid());
  const std::string raw = get_text(world.target("raw:1", "/endless"));
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 60; ++i) {
    clients.push_back(std::make_unique<RawClient>(world.port()));
    clients.back()->send(raw);
  }
  EXPECT_TRUE(eventually([&] { return world.peak_of("downloads") > 30 * kMiB; }));
  // Those that come have to wait; what is left may do for a small one.
  EXPECT_TRUE(eventually([&] {
    if (clients.size() < 120) {
      clients.push_back(std::make_unique<RawClient>(world.port()));
      clients.back()->send(raw);
    }
    return world.server.metric("refused_total{reason=\"slow_reader\"}").value_or(0) > 0;
  })) << world.server.metrics_text();
  EXPECT_TRUE(eventually([&] { return world.image("w:32", "/small").status == 200; }));
  EXPECT_LE(world.peak_of("downloads"), world.size_of("downloads"));
  clients.clear();
  expect_below_the_limit(peak);
}

// Reads so much, and then no more.
void read_some(const RawClient& client, std::size_t bytes) {
  std::string piece(1 << 20, '\0');
  const auto until = Clock::now() + patience();
  for (std::size_t got = 0; got < bytes && Clock::now() < until;) {
    const ssize_t n = recv(client.fd(), piece.data(), std::min(piece.size(), bytes - got), 0);
    if (n <= 0) break;
    got += static_cast<std::size_t>(n);
  }
}

// Bytes in the kernel are in no process' memory, but in that of the machine, and in a cgroup's.
// They were 4.2 MB for a client and 31 MB for a source that were fast and stopped.
TEST_F(Ledger, TheKernelHoldsLittleForClientsThatStopReading) {
  LedgerWorld world;
  const std::string large =
      get_text(plain_target("rs:force:3000:3000:1", "local:///small.png@bmp"));
  RawClient reader(world.port()), sender(world.port());
  reader.send(large);
  read_some(reader, 8 << 20);
  std::string many;
  while (many.size() < 3 << 20) many += large;
  sender.cork();
  std::thread sends([&] { sender.send(many); });
  std::uint64_t most_unread = 0, untaken = 0;
  // By then all there is to come is there, and nobody is closed for taking nothing.
  const auto until = Clock::now() + std::chrono::seconds(1);
  for (bool late = false; !late;) {
    usleep(5000);
    late = Clock::now() >= until;
    const ServerProcess::Queued now = world.server.most_queued_of_clients();
    most_unread = std::max(most_unread, now.unread);
    untaken = now.untaken;
  }
  EXPECT_LE(most_unread, mem::kClientUnreadBytes);
  EXPECT_LE(untaken, 512u << 10);
  EXPECT_GT(untaken, 0u);
  shutdown(sender.fd(), SHUT_RDWR);
  sends.join();
}

TEST_F(Ledger, TheKernelHoldsNoMoreOfASourceThanIsPaid) {
  LedgerWorld world;
  world.source.on("/endless", send_without_end);
  const std::string raw = get_text(world.target("raw:1", "/endless"));
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<RawClient>(world.port()));
    clients.back()->send(raw);
    read_some(*clients.back(), 40 << 20);
  }
  usleep(200'000);
  const auto most = world.server.most_queued_of_source(world.source.port());
  EXPECT_LE(most.unread, mem::kSocketBytesMax);
  EXPECT_GT(most.unread, 0u);
}

// What has left us is not gone: the client that asks and does not read would come back for more.
TEST_F(Ledger, AResultIsPaidForUntilItIsTaken) {
  LedgerWorld world;
  RawClient client(world.port());
  client.send(get_text(plain_target("rs:force:300:240:1", "local:///small.png@bmp")));  // 216 KB
  const auto held = [&] { return world.server.metric("memory_result_bytes").value_or(-1); };
  EXPECT_TRUE(eventually([&] { return held() > 400e3; })) << held();
  usleep(200'000);  // all of it fits into both sockets
  EXPECT_EQ(client.read().status, 200);
  EXPECT_TRUE(eventually([&] { return held() == 0; })) << held();
}

// Trees of hundreds of megabytes: each child may map what its job was granted.
TEST_F(Ledger, ChildrenThatDrawStayInsideTheirGrants) {
  LedgerWorld world(Environment{{"IMGPROXY_WORKERS", "4"}});
  std::string wide = "<svg xmlns='http://www.w3.org/2000/svg' width='64' height='64'>";
  for (int i = 0; i < 60000; ++i) wide += "<rect x='1' y='2' width='3' height='4' class='a b c'/>";
  world.folder.write("wide.svg", wide + "</svg>");
  std::string filtered =
      "<svg xmlns='http://www.w3.org/2000/svg' width='3000' height='3000'>"
      "<filter id='f' x='0' y='0' width='1' height='1'>";
  for (int i = 0; i < 20; ++i) {
    filtered += "<feOffset dx='1' result='r" + std::to_string(i) + "'/>";
  }
  filtered += "<feMerge>";
  for (int i = 0; i < 20; ++i) filtered += "<feMergeNode in='r" + std::to_string(i) + "'/>";
  filtered += "</feMerge></filter><rect width='3000' height='3000' filter='url(#f)'/></svg>";
  world.folder.write("filtered.svg", filtered);
  PeakMemory peak(world.server.pid());
  std::vector<std::string> targets;
  for (int i = 0; i < 12; ++i) {
    targets.push_back(i % 2 == 0 ? plain_target("w:64", "local:///wide.svg@png")
                                 : plain_target("w:3000", "local:///filtered.svg@png"));
  }
  std::thread strangers([&] {
    for (const Answer& answer : get_all(world.port(), targets)) {
      EXPECT_TRUE(answer.status == 200 || answer.status == 422 || answer.status == 503)
          << answer.status;
    }
  });
  EXPECT_TRUE(world.good_soon());
  strangers.join();
  expect_below_the_limit(peak);
}

}  // namespace
}  // namespace imgring::test
