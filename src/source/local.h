// local:// sources: files below IMGPROXY_LOCAL_FILESYSTEM_ROOT, read through the loop.
// Owns: the root's descriptor. One per core, loop thread.
// Promises: nothing outside the root is opened, whatever the path or the links in it say; regular
// files only; nothing blocks on a FIFO.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

#include "body.h"
#include "imgring/loop/io.h"
#include "imgring/source/source.h"

namespace imgring::source {

// First range of a Range header, in imgproxy's grammar: "bytes=START-[END]". nullopt: not to be had
// (416).
struct ByteRange {
  std::int64_t first = 0, last = 0;  // both inside the file
};
std::optional<ByteRange> parse_range(std::string_view header, std::int64_t size_bytes) noexcept;
// The content type of a file by its first bytes, else by its name; may be empty.
std::string content_type_of(ByteSpan first_bytes, std::string_view path);
// `"` + base64url of SHA-256 of PATH__SIZE__MTIME_NS + `"`.
std::string file_etag(std::string_view path, std::int64_t size_bytes, std::int64_t mtime_ns);

class LocalSource final : public Source {
 public:
  LocalSource(const BodyParts& parts, std::string root, std::string query_separator);
  loop::Task<Result<SourceAnswer>> fetch(loop::Scope& scope, const SourceRequest& request) override;
  loop::Task<Result<OpenedSource>> open(loop::Scope& scope, const SourceRequest& request) override;

 private:
  struct File;
  loop::Task<Result<File>> open_file(loop::Scope& scope, const SourceRequest& request);

  BodyParts parts_;
  std::string root_, query_separator_;
  loop::Fd root_fd_;
  int root_error_ = 0;  // why there is no root
};

}  // namespace imgring::source
