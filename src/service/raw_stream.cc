// Opened, described, and passed on in pieces.
#include "imgring/service/raw_stream.h"

#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>

#include "imgring/format/format.h"
#include "imgring/service/answers.h"
#include "imgring/service/image_answer.h"
#include "imgring/service/refusals.h"
#include "imgring/service/source_image.h"
#include "imgring/service/source_request.h"
#include "imgring/source/sources.h"

namespace imgring::service {

namespace {

http::Response raw_response(const ImageRequest& request, const source::SourceHead& head,
                            std::int64_t now_unix_s) {
  const config::Config& config = request.config();
  http::Response response = base_response(head.status, request.id);
  add_cors(response, config);
  for (std::string_view name : {"Content-Type", "Content-Encoding", "Content-Range",
                                "Accept-Ranges", "Last-Modified", "Etag"}) {
    if (head.status == 304 && name == "Content-Type") continue;  // there is no content
    const std::string_view value = head.headers.get(name);
    if (!value.empty()) response.headers.add(std::string(name), std::string(value));
  }
  if (head.status >= 200 && head.status < 300) {
    const std::string path = raw_path(request.parsed->source_url);
    const std::string extension = raw_extension(path, head.headers.get("content-type"));
    response.headers.add(
        "Content-Disposition",
        content_disposition({.filename = request.parsed->options.filename,
                             .source_url = path,
                             .extension = extension,
                             .attachment = request.parsed->options.return_attachment}));
  }
  Freshness f;
  f.status = head.status;
  f.now_unix_s = now_unix_s;
  f.expires_unix_s = request.parsed->options.expires_unix_s;
  f.source = &head.headers;
  if (auto value = cache_control(f, config)) response.headers.add("Cache-Control", *value);
  add_canonical(response, request);
  add_ignored(response, request);
  const bool good = head.status == 304 || (head.status >= 200 && head.status < 300);
  if (good) add_cache_tags(response, request);
  add_custom(response, config);
  return response;
}

// The source does not say what it sends; in clear bytes the content itself does.
bool untyped(const http::Response& response, const source::OpenedSource& opened) {
  return opened.stream != nullptr && response.status != 304 &&
         !response.headers.has("content-type") && !response.headers.has("content-encoding");
}

std::string sniffed_type(ByteSpan piece, const ImageRequest& request) {
  const ImageType type = type_of_source(piece, request.parsed->source_url, {});
  return type == ImageType::kUnknown ? "application/octet-stream"
                                     : std::string(facts_of(type).mime);
}

// Until its head is there the time of a raw request is that of all others.
loop::Task<Result<source::OpenedSource>> open_raw(Services& services, loop::Scope& scope,
                                                  const ImageRequest& request) {
  loop::Scope timed(&scope);
  loop::Deadline due(services.loop, timed, request.time.due() - services.loop.now());
  const source::SourceRequest wanted = source_request(request, true);
  Result<source::OpenedSource> opened = co_await services.sources.open(timed, wanted);
  if (!opened && timed.cancelled()) {
    co_return std::unexpected(cancelled_error(timed, "the source is opened"));
  }
  co_return opened;
}

struct Room {  // of one piece; null: no memory
  std::unique_ptr<std::uint8_t[]> bytes{new (std::nothrow) std::uint8_t[source::kStreamPieceBytes]};
  std::span<std::uint8_t> span() const noexcept { return {bytes.get(), source::kStreamPieceBytes}; }
};

// Head, `first`, and the rest as it comes. The error: the source broke off.
loop::Task<Result<void>> pass_on(loop::Scope& scope, http::Responder& responder,
                                 const http::Response& head, source::OpenedSource& opened,
                                 const Room& room, ByteSpan first) {
  const std::int64_t length = opened.stream ? opened.head.content_length : 0;
  bool going_on = co_await responder.begin(head, length);
  if (going_on && !first.empty()) going_on = co_await responder.write(first);
  while (going_on && opened.stream != nullptr) {
    Result<std::size_t> got = co_await opened.stream->read(scope, room.span());
    if (!got) {
      responder.abort();  // the client must see a short body
      co_return std::unexpected(std::move(got).error());
    }
    if (*got == 0) break;
    going_on = co_await responder.write(room.span().first(*got));
  }
  if (going_on) co_await responder.finish();
  co_return Result<void>();
}

// While it is sent: what was granted for it, and its place among the slow readers.
loop::Task<void> send_stream(Services& services, loop::Scope& scope, http::Responder& responder,
                             Answer& answer, source::OpenedSource& opened, const Room& room,
                             ByteSpan first) {
  const std::int64_t length = opened.stream ? opened.head.content_length : 0;
  const std::uint64_t held = opened.stream ? opened.stream->held_bytes() : 0;
  const auto counted = services.shared.ledger.sent_downloads().try_grant(held);
  const std::size_t unsent = length < 0 ? SIZE_MAX : static_cast<std::size_t>(length);
  const SlowReaders::Sending sending(services.readers, responder, {mem::Part::kDownloads, unsent});
  // The rest of the connection's life has to do with that.
  if (opened.stream) {
    responder.limit_untaken(
        mem::raw_untaken_bytes_max(services.shared.ledger.part(mem::Part::kDownloads).max()));
  }
  Result<void> sent = co_await pass_on(scope, responder, answer.response, opened, room, first);
  if (!sent) {
    answer.error = std::move(sent).error();
    co_return;
  }
  if (!sending.ended()) co_return;
  services.metrics.count_refusal(observe::Refusal::kSlowReader);
  answer.error = untaken_error(true);
}

loop::Task<Answer> stream_source(Services& services, loop::Scope& scope, ImageRequest& request,
                                 http::Responder& responder) {
  const Room room;
  if (room.bytes == nullptr) {
    co_return error_answer(request, Error(ErrorCode::kOverloaded, "no memory for a piece"));
  }
  Result<source::OpenedSource> opened = co_await open_raw(services, scope, request);
  if (!opened) co_return error_answer(request, opened.error());
  request.source_shown = true;
  Answer answer;
  answer.response = raw_response(request, opened->head, services.loop.unix_s());
  ByteSpan first;  // read before the head is written, when it has to tell the type
  if (untyped(answer.response, *opened)) {
    const Result<std::size_t> got = co_await opened->stream->read(scope, room.span());
    if (!got) {
      Error error = got.error();
      if (scope.cancelled()) error = cancelled_error(scope, "the source is read");
      co_return error_answer(request, error);
    }
    first = room.span().first(*got);
    if (!first.empty()) answer.response.headers.add("Content-Type", sniffed_type(first, request));
  }
  co_await send_stream(services, scope, responder, answer, *opened, room, first);
  co_return answer;
}

}  // namespace

loop::Task<Answer> stream_raw(Services& services, loop::Scope& scope, ImageRequest& request,
                              http::Responder& responder) {
  const auto begin = services.loop.now();
  Answer answer = co_await stream_source(services, scope, request, responder);
  if (responder.started()) {
    request.time.add({.phase = Phase::kStreaming, .begin = begin, .end = services.loop.now()});
  }
  co_return answer;
}

}  // namespace imgring::service
