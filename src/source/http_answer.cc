// From an exchange's head and body to an answer: status rules, size limit, gzip.
#include <algorithm>

#include "http_source.h"
#include "imgring/base/text.h"
#include "imgring/loop/io.h"
#include "imgring/mem/gzip.h"

namespace imgring::source {

using loop::Scope;
using loop::Task;

namespace {

constexpr std::size_t kErrorTextBytesMax = 1024;
constexpr std::size_t kPackedPieceBytes = 16 << 10;

class ExchangeStream final : public SourceStream {
 public:
  explicit ExchangeStream(http::ExchangePtr exchange) noexcept : exchange_(std::move(exchange)) {}
  Task<Result<std::size_t>> read(Scope& scope, std::span<std::uint8_t> into) override {
    return exchange_->read(scope, into);
  }
  void set_unread(std::size_t bytes_max) noexcept override { exchange_->set_unread(bytes_max); }
  std::size_t unread_bytes_max() const noexcept override { return exchange_->unread_bytes_max(); }

 private:
  http::ExchangePtr exchange_;
};

// Control characters do not reach the log.
std::string printable(ByteSpan bytes) {
  std::string text(as_text(bytes));
  for (char& c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (u < 0x20 || u == 0x7f) c = ' ';
  }
  return std::string(trim(text));
}

// Storages answer errors in XML.
bool is_readable(std::string_view content_type) noexcept {
  return content_type.starts_with("text/") || content_type.starts_with("application/xml");
}

Error status_error(int status, const std::string& body_text) {
  std::string detail = "the source answered with status " + std::to_string(status);
  if (!body_text.empty()) detail += ": " + body_text;
  int shown = 0;
  if (status >= 400 && status < 500) shown = status;
  if (status >= 500) shown = 502;
  return Error(ErrorCode::kSourceUnreachable, std::move(detail), shown);
}

bool is_enough(const SourceRequest& request, const Body& body) {
  return request.enough && request.enough(body.bytes());
}

// Gives whether the rest was left.
Task<Result<bool>> read_plain(Scope& scope, http::Exchange& exchange, Body& body,
                              const SourceRequest& request) {
  while (!exchange.at_end()) {
    IMGRING_CO_TRY(const std::span<std::uint8_t> room, co_await body.room(scope));
    IMGRING_CO_TRY(const std::size_t got, co_await exchange.read(scope, room));
    IMGRING_CO_TRY_VOID(body.filled(got));
    if (is_enough(request, body)) co_return !exchange.at_end();
  }
  co_return false;
}

Task<Result<bool>> read_gzip(Scope& scope, loop::Loop& loop, http::Exchange& exchange, Body& body,
                             const SourceRequest& request) {
  std::vector<std::uint8_t> packed(kPackedPieceBytes);
  mem::Gunzip gunzip;
  while (!exchange.at_end()) {
    IMGRING_CO_TRY(const std::size_t got, co_await exchange.read(scope, packed));
    ByteSpan input = ByteSpan(packed).first(got);
    bool more = !input.empty();
    while (more) {
      IMGRING_CO_TRY(const std::span<std::uint8_t> room, co_await body.room(scope));
      IMGRING_CO_TRY(const mem::Gunzip::Step step, gunzip.step(input, room));
      input = input.subspan(step.consumed_bytes);
      IMGRING_CO_TRY_VOID(body.filled(step.produced_bytes));
      if (is_enough(request, body)) co_return true;
      more = !step.needs_input;
      // One step a turn: others get theirs (decision 11).
      if (more) co_await loop::nop(loop, scope);
      if (scope.cancelled()) {
        co_return fail(ErrorCode::kSourceCancelled, "cancelled in a gzip body");
      }
    }
  }
  IMGRING_CO_TRY_VOID(gunzip.finish());
  co_return false;
}

}  // namespace

OpenedSource open_exchange(http::ExchangePtr exchange) {
  OpenedSource opened;
  opened.head.status = exchange->head().status;
  opened.head.content_length = exchange->head().content_length;
  opened.head.headers = std::move(exchange->head().headers);
  if (!exchange->at_end()) opened.stream = std::make_unique<ExchangeStream>(std::move(exchange));
  return opened;
}

bool is_gzip(const http::Headers& headers) noexcept {
  // As imgproxy compares: "GZIP" and "x-gzip" are other codings, whose bytes stay as they are.
  return headers.get("Content-Encoding") == "gzip";
}

bool is_complete_range(std::string_view content_range, std::int64_t content_length) noexcept {
  constexpr std::string_view kStart = "bytes 0-";
  if (!content_range.starts_with(kStart)) return false;
  content_range.remove_prefix(kStart.size());
  const std::size_t slash = content_range.find('/');
  if (slash == std::string_view::npos) return false;
  const auto number = [](std::string_view text) -> std::optional<std::int64_t> {
    if (text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    return parse_int(text);
  };
  const auto end = number(content_range.substr(0, slash));
  const std::string_view total_text = content_range.substr(slash + 1);
  auto total = number(total_text);
  if (total_text == "*") total = content_length;
  return end && total && *total > 0 && *end == *total - 1;
}

Task<Result<void>> check_status(Scope& scope, http::Exchange& exchange) {
  http::ResponseHead& head = exchange.head();
  if (head.status == 200 || head.status == 304) co_return Result<void>();
  if (head.status == 206) {
    const std::string_view range = head.headers.get("Content-Range");
    if (is_complete_range(range, head.content_length)) co_return Result<void>();
    co_return fail(ErrorCode::kSourceUnreachable,
                   "the source answered with a part of the file (status 206, Content-Range \"" +
                       std::string(range) + "\")");
  }
  std::vector<std::uint8_t> text;
  if (is_readable(head.headers.get("Content-Type"))) text.resize(kErrorTextBytesMax);
  std::size_t size = 0;
  while (size < text.size() && !exchange.at_end()) {
    const std::span<std::uint8_t> rest = std::span(text).subspan(size);
    const Result<std::size_t> got = co_await exchange.read(scope, rest);
    if (!got || *got == 0) break;
    size += *got;
  }
  co_return std::unexpected(status_error(head.status, printable(ByteSpan(text).first(size))));
}

Task<Result<SourceAnswer>> read_answer(Scope& scope, const BodyParts& parts,
                                       http::Exchange& exchange, const SourceRequest& request) {
  SourceAnswer answer;
  http::ResponseHead& head = exchange.head();
  answer.head.status = head.status;
  answer.head.content_length = head.content_length;
  answer.head.headers = std::move(head.headers);
  if (head.status == 304 || head.content_length == 0) co_return answer;
  mem::Grant connection;
  if (request.connection != nullptr) connection = std::move(*request.connection);
  Body body(parts, request.size_bytes_max, std::move(connection));
  IMGRING_CO_TRY_VOID(body.accept_length(head.content_length));
  const std::size_t unread = body.take_unread(head.content_length, exchange.unread_bytes_max());
  if (unread > 0) exchange.set_unread(unread);
  Result<bool> cut = false;
  if (is_gzip(answer.head.headers)) {
    answer.head.content_length = -1;
    IMGRING_CO_TRY_VOID(co_await body.start(scope, -1));
    cut = co_await read_gzip(scope, parts.loop, exchange, body, request);
  } else {
    const std::int64_t expected = first_bytes(request, head.content_length);
    IMGRING_CO_TRY_VOID(co_await body.start(scope, expected));
    cut = co_await read_plain(scope, exchange, body, request);
  }
  if (!cut) co_return std::unexpected(body.stopped_by(std::move(cut).error()));
  answer.cut = *cut;
  body.finish(answer);
  co_return answer;
}

}  // namespace imgring::source
