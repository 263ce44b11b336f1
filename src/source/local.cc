// Opening below the root, conditional answers, and reading through the loop.
#include "local.h"

#include <fcntl.h>
#include <linux/openat2.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "imgring/base/text.h"
#include "imgring/http/server.h"
#include "imgring/url/source_url.h"

namespace imgring::source {

using loop::Loop;
using loop::Scope;
using loop::Task;

namespace {

constexpr std::size_t kSniffBytes = 64;

// Without W/ and quotes, as imgproxy compares.
std::string_view bare_etag(std::string_view etag) noexcept {
  etag = trim(etag);
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  if (etag.starts_with('"')) etag.remove_prefix(1);
  if (etag.ends_with('"')) etag.remove_suffix(1);
  return etag;
}

// A part of an open file.
class FileStream final : public SourceStream {
 public:
  struct Part {
    std::int64_t at, left;
  };
  FileStream(Loop& loop, loop::Fd file, Part part) noexcept
      : loop_(loop), file_(std::move(file)), part_(part) {}
  Task<Result<std::size_t>> read(Scope& scope, std::span<std::uint8_t> into) override;

 private:
  Loop& loop_;
  loop::Fd file_;
  Part part_;
};

Error read_error(int negative_errno) {
  if (negative_errno == -ECANCELED) return Error(ErrorCode::kSourceCancelled, "cancelled");
  const bool shortage = is_shortage(-negative_errno);
  return Error(shortage ? ErrorCode::kOverloaded : ErrorCode::kSourceIncomplete,
               std::string("read of the file: ") + std::strerror(-negative_errno));
}

Task<Result<std::size_t>> FileStream::read(Scope& scope, std::span<std::uint8_t> into) {
  if (part_.left == 0) co_return std::size_t{0};
  if (static_cast<std::uint64_t>(part_.left) < into.size()) {
    into = into.first(static_cast<std::size_t>(part_.left));
  }
  for (;;) {
    const int got = co_await loop::read_at(loop_, scope, file_.get(), into, part_.at);
    if (got == -EINTR || got == -EAGAIN) continue;
    if (got < 0) co_return std::unexpected(read_error(got));
    if (got == 0) co_return fail(ErrorCode::kSourceIncomplete, "the file became shorter");
    part_.at += got;
    part_.left -= got;
    co_return static_cast<std::size_t>(got);
  }
}

// A short text as a body.
class TextStream final : public SourceStream {
 public:
  explicit TextStream(std::string text) : text_(std::move(text)) {}
  Task<Result<std::size_t>> read(Scope&, std::span<std::uint8_t> into) override {
    const std::size_t size = std::min(into.size(), text_.size() - given_);
    std::memcpy(into.data(), text_.data() + given_, size);
    given_ += size;
    co_return size;
  }

 private:
  std::string text_;
  std::size_t given_ = 0;
};

// Why there is no such file in the root. Anything else is a fault of the disk or of its rights.
struct NoFile {
  int positive_errno;
  const char* why;
};
constexpr NoFile kNoFile[] = {
    {ENOENT, "No such file or directory"}, {ENOTDIR, "Not a directory"},
    {ENAMETOOLONG, "File name too long"},  {ELOOP, "Too many levels of symbolic links"},
    {EXDEV, "leads out of the root"},      {ENXIO, "not a regular file"},
};
const char* why_no_file(int positive_errno) noexcept {
  const auto* const found = std::ranges::find(kNoFile, positive_errno, &NoFile::positive_errno);
  return found == std::end(kNoFile) ? nullptr : found->why;
}

// Raw requests get the storage's own 404, as imgproxy answers it.
OpenedSource not_found(std::string text) {
  OpenedSource out;
  out.head.status = 404;
  out.head.content_length = static_cast<std::int64_t>(text.size());
  out.head.headers.add("Content-Type", "text/plain");
  out.stream = std::make_unique<TextStream>(std::move(text));
  return out;
}

}  // namespace

struct LocalSource::File {
  loop::Fd fd;
  std::string path;  // with a leading slash
  std::int64_t size_bytes = 0, mtime_s = 0;
  bool is_directory = false;          // there is nothing else then
  const char* why_missing = nullptr;  // likewise
  SourceHead head;                    // validators
};

namespace {

// If-None-Match first; If-Modified-Since only without it.
bool is_unchanged(const SourceRequest& request, const SourceHead& head, std::int64_t mtime_s) {
  const std::string_view none_match = request.headers.get("If-None-Match");
  if (!none_match.empty()) return bare_etag(none_match) == bare_etag(head.headers.get("ETag"));
  const std::string_view since = request.headers.get("If-Modified-Since");
  if (since.empty()) return false;
  const auto time = http::parse_http_date(since);
  return time && mtime_s <= *time;
}

void make_not_modified(SourceHead& head) noexcept {
  head.status = 304;
  head.content_length = 0;
}

Task<Result<std::string>> sniff(Loop& loop, Scope& scope, int fd, const std::string& path) {
  std::vector<std::uint8_t> first(kSniffBytes);
  int got = -EINTR;
  while (got == -EINTR || got == -EAGAIN) {
    got = co_await loop::read_at(loop, scope, fd, first, 0);
  }
  if (got < 0) co_return std::unexpected(read_error(got));
  co_return content_type_of(ByteSpan(first).first(static_cast<std::size_t>(got)), path);
}

}  // namespace

LocalSource::LocalSource(const BodyParts& parts, std::string root, std::string query_separator)
    : parts_(parts), root_(std::move(root)), query_separator_(std::move(query_separator)),
      root_fd_(::open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {
  if (!root_fd_) root_error_ = errno;
}

Task<Result<LocalSource::File>> LocalSource::open_file(Scope& scope, const SourceRequest& request) {
  IMGRING_CO_TRY(url::StorageUrl parsed, url::parse_storage_url(request.url, query_separator_));
  while (parsed.key.ends_with('/')) parsed.key.pop_back();  // as imgproxy: "a.jpg/" is the file
  const std::string where = "local file /" + parsed.key + ": ";
  if (!root_fd_) {
    co_return fail(ErrorCode::kSourceUnreachable,
                   root_ + " (IMGPROXY_LOCAL_FILESYSTEM_ROOT): " + std::strerror(root_error_));
  }
  if (parsed.key.empty()) {
    co_return fail(ErrorCode::kSourceUnreachable, where + "the object name is empty");
  }
  File file;
  file.path = "/" + parsed.key;
  if (parsed.key.find('\0') != std::string::npos) {
    file.why_missing = "not a file name";
    co_return file;
  }
  open_how how{};
  how.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  int opened = -EAGAIN;
  // EAGAIN: a rename raced with the look at "..".
  for (int n = 0; n < 3 && (opened == -EAGAIN || opened == -EINTR); ++n) {
    opened = co_await loop::open_file(parts_.loop, scope, root_fd_.get(), parsed.key.c_str(), &how);
  }
  if (opened == -ECANCELED) co_return std::unexpected(read_error(opened));
  file.why_missing = opened < 0 ? why_no_file(-opened) : nullptr;
  if (file.why_missing != nullptr) co_return file;
  if (opened < 0) {
    const ErrorCode code =
        is_shortage(-opened) ? ErrorCode::kOverloaded : ErrorCode::kSourceUnreachable;
    co_return fail(code, where + std::strerror(-opened));
  }
  file.fd = loop::Fd(opened);
  struct stat facts{};
  if (fstat(opened, &facts) != 0) {
    co_return fail(ErrorCode::kSourceUnreachable, where + std::strerror(errno));
  }
  file.is_directory = S_ISDIR(facts.st_mode);
  if (file.is_directory) co_return file;
  if (!S_ISREG(facts.st_mode)) {
    file.why_missing = why_no_file(ENXIO);
    co_return file;
  }
  file.size_bytes = facts.st_size;
  const std::int64_t mtime_ns = facts.st_mtim.tv_sec * 1'000'000'000 + facts.st_mtim.tv_nsec;
  file.mtime_s = facts.st_mtim.tv_sec;
  file.head.content_length = file.size_bytes;
  file.head.headers.add("ETag", file_etag(file.path, file.size_bytes, mtime_ns));
  file.head.headers.add("Last-Modified", http::http_date(file.mtime_s));
  co_return file;
}

namespace {

// The file is there: its size may be believed. Gives whether the rest was left.
Task<Result<bool>> read_file(Scope& scope, FileStream& stream, Body& body,
                             const SourceRequest& request, std::size_t size) {
  while (body.size() < size) {
    const std::size_t wanted =
        request.enough ? std::min(size, body.size() + kHeadPieceBytes) : size;
    IMGRING_CO_TRY(std::span<std::uint8_t> room, co_await body.room(scope, wanted));
    if (request.enough) room = room.first(std::min(room.size(), kHeadPieceBytes));
    IMGRING_CO_TRY(const std::size_t got, co_await stream.read(scope, room));
    IMGRING_CO_TRY_VOID(body.filled(got));
    if (request.enough && request.enough(body.bytes())) co_return body.size() < size;
  }
  co_return false;
}

}  // namespace

Task<Result<SourceAnswer>> LocalSource::fetch(Scope& scope, const SourceRequest& request) {
  IMGRING_CO_TRY(File file, co_await open_file(scope, request));
  if (file.is_directory) file.why_missing = "is a directory";
  if (file.why_missing != nullptr) {
    co_return fail(ErrorCode::kSourceUnreachable,
                   "local file " + file.path + ": " + file.why_missing);
  }
  SourceAnswer answer;
  answer.head = std::move(file.head);
  if (is_unchanged(request, answer.head, file.mtime_s)) make_not_modified(answer.head);
  if (answer.head.status == 304 || file.size_bytes == 0) co_return answer;
  Body body(parts_, request.size_bytes_max);
  IMGRING_CO_TRY_VOID(body.accept_length(file.size_bytes));
  const std::int64_t expected = first_bytes(request, file.size_bytes);
  IMGRING_CO_TRY_VOID(co_await body.start(scope, expected));
  const auto size = static_cast<std::size_t>(file.size_bytes);
  FileStream stream(parts_.loop, std::move(file.fd), FileStream::Part(0, file.size_bytes));
  Result<bool> cut = co_await read_file(scope, stream, body, request, size);
  if (!cut) co_return std::unexpected(body.stopped_by(std::move(cut).error()));
  body.finish(answer);
  answer.cut = *cut;
  const ByteSpan got = answer.body.bytes();
  const std::string type = content_type_of(got.first(std::min(got.size(), kSniffBytes)), file.path);
  if (!type.empty()) answer.head.headers.add("Content-Type", type);
  co_return answer;
}

Task<Result<OpenedSource>> LocalSource::open(Scope& scope, const SourceRequest& request) {
  IMGRING_CO_TRY(url::StorageUrl parsed, url::parse_storage_url(request.url, query_separator_));
  if (std::ranges::all_of(parsed.key, [](char c) { return c == '/'; })) {
    co_return not_found("the object name of the local URL is empty");
  }
  IMGRING_CO_TRY(File file, co_await open_file(scope, request));
  if (file.is_directory) co_return not_found("/" + parsed.key + " is a directory");
  if (file.why_missing != nullptr) co_return not_found("/" + parsed.key + " doesn't exist");
  OpenedSource opened;
  opened.head = std::move(file.head);
  FileStream::Part part(0, file.size_bytes);
  const std::string_view wanted = request.headers.get("Range");
  // As imgproxy: a part is a part, whatever the conditions say, and a bad range is refused first.
  if (wanted.empty() && is_unchanged(request, opened.head, file.mtime_s)) {
    make_not_modified(opened.head);
    co_return opened;
  }
  IMGRING_CO_TRY(std::string type, co_await sniff(parts_.loop, scope, file.fd.get(), file.path));
  if (!wanted.empty()) {
    opened.head.headers.clear();  // as measured: no validators with a part
    const auto range = parse_range(wanted, file.size_bytes);
    opened.head.status = range ? 206 : 416;
    opened.head.content_length = 0;
    if (!range) co_return opened;
    part = FileStream::Part(range->first, range->last - range->first + 1);
    opened.head.content_length = part.left;
    opened.head.headers.add("Content-Range", "bytes " + std::to_string(range->first) + "-" +
                                                 std::to_string(range->last) + "/" +
                                                 std::to_string(file.size_bytes));
  }
  if (!type.empty()) opened.head.headers.add("Content-Type", std::move(type));
  opened.head.headers.add("Accept-Ranges", "bytes");
  if (part.left > 0) {
    opened.stream = std::make_unique<FileStream>(parts_.loop, std::move(file.fd), part);
  }
  co_return opened;
}

}  // namespace imgring::source
