// What one integration test lives in: a scripted source, a folder of local files, and the program.
// At its end the program must hold what it held at the start, and must end when it is asked to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pictures.h"
#include "raw_client.h"
#include "server_process.h"
#include "source_server.h"

namespace imgring::test {

class World {
 public:
  // `environment` wins over what all tests have: loopback sources, local root, two loops and
  // two helpers.
  explicit World(const Environment& environment = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  int port() const noexcept { return server.port(); }
  Answer get(std::string_view target, std::string_view fields = "") const {
    return test::get(port(), target, fields);
  }
  // The picture at a path of the source, or an answer of any kind.
  Answer image(std::string_view options, std::string_view path) const {
    return get(target(options, path));
  }
  // "/unsafe/OPTIONS/plain/http://127.0.0.1:PORT/PATH".
  std::string target(std::string_view options, std::string_view path) const;

  // Connections to that source may be kept, too.
  void also(const SourceServer& other) { others_.push_back(&other); }

  Gate gate;          // for held sources
  TempFolder folder;  // of the local sources
  SourceServer source;
  ServerProcess server;

 private:
  int own_descriptors();
  void expect_nothing_left();
  int descriptors_at_start_ = 0;
  std::vector<const SourceServer*> others_;
};

// "/unsafe/OPTIONS/plain/URL", without an empty options part.
std::string plain_target(std::string_view options, std::string_view source_url);
// "/unsafe/OPTIONS/BASE64": any bytes may be in the URL.
std::string encoded_target(std::string_view options, std::string_view source_url);

}  // namespace imgring::test
