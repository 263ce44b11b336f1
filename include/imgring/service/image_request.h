// One image request: its value, its stages, and what the stages give each other.
// Loop thread; the render stage's closure runs on a helper and owns what it touches.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "imgring/base/error.h"
#include "imgring/http/server.h"
#include "imgring/image/encoder.h"
#include "imgring/image/stop.h"
#include "imgring/mem/buffer_pool.h"
#include "imgring/pipeline/render.h"
#include "imgring/service/services.h"
#include "imgring/source/source.h"
#include "imgring/url/request.h"

namespace imgring::service {

// What is known of a request before any work.
struct ImageRequest {
  const http::Request* request = nullptr;
  SnapshotPtr snapshot;
  const http::Peer* peer = nullptr;
  std::string id;
  std::optional<url::ProcessingRequest> parsed;  // once the URL was accepted
  std::optional<loop::Lane> lane;                // as far as the URL tells it
  loop::Clock::time_point due{};                 // when its time is over
  bool start_logged = false;
  const config::Config& config() const noexcept { return snapshot->config; }
  // Who asks, for the log: looked up when the first line is due.
  const std::string& client();

 private:
  std::optional<std::string> client_;
};

// What a helper works on; shared by the job and the request, so that either may end first.
// Destroyed on the loop's thread (the lease goes back to its pool).
struct RenderState {
  SnapshotPtr snapshot;
  std::shared_ptr<const pipeline::AuxImage> fallback;  // its bytes are the source when set
  mem::Lease body;
  source::BodyGrant download;
  ImageType type = ImageType::kUnknown;
  url::RequestOptions options;
  image::StopFlag stop;
  ByteSpan source() const noexcept { return fallback ? as_bytes(fallback->bytes) : body.bytes(); }
};

// An answer: head and bytes. A result's bytes keep their grant until they are sent.
struct Answer {
  http::Response response;
  Bytes body;
  std::optional<Error> error;             // for the log and the counters
  bool source_shown = false;              // image_url and options go to the log
  mem::Part of_part = mem::Part::kPlans;  // whose bytes the body is
};

// Checks of the URL: secret, signature, options, source (server.md section 1.1, steps 1 to 4 and
// 6).
Result<void> check_request(ImageRequest& request, std::int64_t now_unix_s);
// Whether there is room for its job, and time: asked before its source is.
Result<void> check_room(Services& services, ImageRequest& request);
Answer error_answer(const ImageRequest& request, Error error);
// Of an answer that was not sent whole. `ended`: by us, for the others' sake.
Error untaken_error(bool ended);
// Headers that come with every answer of the image route.
void add_cors(http::Response& response, const config::Config& config);
void add_custom(http::Response& response, const config::Config& config);
source::SourceRequest source_request(const ImageRequest& request, bool raw);

// Fetch, render and describe what check_room() let pass: each error becomes an answer.
loop::Task<Answer> make_image(Services& services, loop::Scope& scope, ImageRequest& request);
// raw: sends by itself, for as long as the client takes: what is timed is the source
// (IMGPROXY_DOWNLOAD_TIMEOUT) and each write. The answer has what to log; unsent errors are in it.
loop::Task<Answer> stream_raw(Services& services, loop::Scope& scope, ImageRequest& request,
                              http::Responder& responder);

}  // namespace imgring::service
