// A picture request: what is known of it before any work, and its time. Each stage reads it; what a
// stage makes is a value of its own.
// Made for each request by the handler; loop thread only.
#pragma once

#include <optional>
#include <string>

#include "imgring/http/server.h"
#include "imgring/loop/offload.h"
#include "imgring/service/snapshot.h"
#include "imgring/service/timeline.h"
#include "imgring/url/request.h"

namespace imgring::service {

struct ImageRequest {
  const http::Request* request = nullptr;
  SnapshotPtr snapshot;
  const http::Peer* peer = nullptr;
  std::string id;
  Timeline time;
  std::optional<url::ProcessingRequest> parsed;  // once the URL was accepted
  std::optional<loop::Lane> lane;                // as far as the URL tells it
  bool start_logged = false;
  bool source_shown = false;  // its source was asked: the log names it
  const config::Config& config() const noexcept { return snapshot->config; }
  // Who asks, for the log: looked up when the first line is due.
  const std::string& client();

 private:
  std::optional<std::string> client_;
};

}  // namespace imgring::service
