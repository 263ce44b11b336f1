// Start and end of an integration test's world.
#include "world.h"

#include <gtest/gtest.h>

#include "imgring/base/text.h"

namespace imgring::test {

namespace {

Environment with_defaults(const Environment& environment, const TempFolder& folder) {
  Environment all = environment;
  all.emplace("IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES", "true");
  all.emplace("IMGPROXY_LOCAL_FILESYSTEM_ROOT", folder.path());
  all.emplace("IMGRING_LOOPS", "2");
  all.emplace("IMGPROXY_WORKERS", "2");
  return all;
}

}  // namespace

World::World(const Environment& environment) : server(with_defaults(environment, folder)) {
  EXPECT_TRUE(server.wait_until_ready()) << server.log();
  descriptors_at_start_ = own_descriptors();
}

World::~World() {
  if (server.wait_for_exit(Milliseconds(0))) return;  // the test ended it
  expect_nothing_left();
  server.stop();
}

// Without those that are kept for what comes next, which are no leak: connections to sources, and
// the socket and the pipe of an idle child.
int World::own_descriptors() {
  constexpr int kOfAChild = 2;
  const int all = server.descriptors();  // before there are connections that ask for metrics
  int kept = server.connections_to(source.port());
  for (const SourceServer* other : others_) kept += server.connections_to(other->port());
  for (const char* kind : {"svg_children", "imgring_picture_children"}) {
    kept += kOfAChild * static_cast<int>(server.metric(kind).value_or(0));
  }
  return all - kept;
}

void World::expect_nothing_left() {
  const auto idle = [this] {
    return server.metric("requests_in_progress") == 0 && server.metric("images_in_progress") == 0 &&
           server.metric("connections") == 0 && server.metric_sum("buffer_pool_in_use_bytes") == 0;
  };
  EXPECT_TRUE(eventually(idle)) << server.metrics_text();
  const auto closed = [this] { return own_descriptors() == descriptors_at_start_; };
  EXPECT_TRUE(eventually(closed)) << own_descriptors() << " descriptors now, "
                                  << descriptors_at_start_ << " at the start";
}

std::string World::target(std::string_view options, std::string_view path) const {
  return plain_target(options, source.url(path));
}

namespace {

std::string start_of(std::string_view options) {
  std::string out = "/unsafe/";
  if (!options.empty()) out.append(options).append("/");
  return out;
}

}  // namespace

std::string plain_target(std::string_view options, std::string_view source_url) {
  return start_of(options) + "plain/" + std::string(source_url);
}

std::string encoded_target(std::string_view options, std::string_view source_url) {
  return start_of(options) + base64url_encode(as_bytes(source_url));
}

}  // namespace imgring::test
