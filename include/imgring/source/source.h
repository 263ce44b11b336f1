// Sources behind one interface: a request for a source URL to an answer with its bytes in a pooled
// buffer, or to an open stream (raw). One Sources (sources.h) per core, its loop's thread only;
// http(s), local and the clouds implement `Source`, one file each.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "imgring/base/error.h"
#include "imgring/http/headers.h"
#include "imgring/loop/loop.h"
#include "imgring/mem/budget.h"
#include "imgring/mem/buffer_pool.h"

namespace imgring::source {

struct SourceRequest {
  std::string url;
  // Conditional headers, cookies, Range, Accept-Encoding and configured ones, as they go to the
  // source.
  http::Headers headers;
  // IMGPROXY_MAX_SRC_FILE_SIZE of this request; 0: what one download may take of the downloads'
  // part; negative: no byte.
  std::int64_t size_bytes_max = 0;
  // fetch(): asked after each piece whether what came so far (decoded) is enough; the rest is not
  // read then. Empty: all of it. On the loop: cheap, and no exception.
  std::function<bool(ByteSpan so_far)> enough{};
  // Bytes that stand for the connection, where there is one: a fetched body takes them over.
  mem::Grant* connection = nullptr;
};

// What is known once the source's head is there.
struct SourceHead {
  int status = 200;  // 200, 206 (complete) or 304; raw: whatever the source said
  http::Headers headers;
  std::int64_t content_length = -1;  // -1 = unknown; decoded bodies: unknown
};

// A body's bytes in the downloads' part, and the turn that large ones take.
struct BodyGrant {
  mem::Grant bytes, turn;
};

struct SourceAnswer {
  SourceHead head;
  mem::Lease body;   // whole, decoded; empty when there is no byte
  bool cut = false;  // the rest was not read: the beginning was enough
  BodyGrant grant;   // keep it as long as the body
};

// A body read piece by piece (raw). Destroying it before the end drops its connection.
class SourceStream {
 public:
  virtual ~SourceStream() = default;
  // Bytes read into `into` (not empty); 0 at the end. Errors: kSourceIncomplete, kSourceTimeout,
  // kSourceCancelled when the scope ended.
  virtual loop::Task<Result<std::size_t>> read(loop::Scope& scope,
                                               std::span<std::uint8_t> into) = 0;
  // What the kernel may hold of it unread, where there is a connection.
  virtual void set_unread(std::size_t) noexcept {}
  virtual std::size_t unread_bytes_max() const noexcept { return 0; }
  // Of the downloads' part, what it holds with everything around it.
  virtual std::uint64_t held_bytes() const noexcept { return 0; }
};
struct OpenedSource {
  SourceHead head;
  std::unique_ptr<SourceStream> stream;  // null: no body
};

class Source {
 public:
  virtual ~Source() = default;
  // Reads the whole body, decoding gzip. Statuses map to errors as server.md section 2 and
  // urls.md section 10 say. When `scope` ends first: kSourceCancelled, and the scope's reason says
  // why.
  virtual loop::Task<Result<SourceAnswer>> fetch(loop::Scope& scope,
                                                 const SourceRequest& request) = 0;
  // The source's own status and bytes, nothing decoded (urls.md section 6).
  virtual loop::Task<Result<OpenedSource>> open(loop::Scope& scope,
                                                const SourceRequest& request) = 0;
};

}  // namespace imgring::source
