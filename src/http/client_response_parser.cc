// llhttp callbacks into a ResponseHead, and the body moved to the front of its own buffer.
#include "imgring/http/client_response_parser.h"

#include <cstring>

#include "imgring/base/check.h"
#include "imgring/base/text.h"

namespace imgring::http {

namespace {

bool has_no_body(int status) noexcept {
  return (status >= 100 && status < 200) || status == 204 || status == 304;
}

}  // namespace

struct ResponseParser::Callbacks {
  static ResponseParser& self(llhttp_t* parser) noexcept {
    return *static_cast<ResponseParser*>(parser->data);
  }
  static int refuse(llhttp_t* parser, const char* reason) noexcept {
    self(parser).refusal_ = reason;  // llhttp puts its own in place of a callback's
    return HPE_USER;
  }
  // Trailers are read and dropped, piece by piece: one without an end takes no memory.
  static int drop_trailer(llhttp_t* parser, std::size_t size) noexcept {
    ResponseParser& me = self(parser);
    me.trailer_bytes_ += size;
    if (me.trailer_bytes_ <= kResponseTrailerBytesMax) return 0;
    return refuse(parser, "the trailers are longer than 64 KiB");
  }
  static int on_field(llhttp_t* parser, const char* at, std::size_t size) {
    ResponseParser& me = self(parser);
    if (me.head_done_) return drop_trailer(parser, size);
    me.name_.append(at, size);
    return 0;
  }
  static int on_value(llhttp_t* parser, const char* at, std::size_t size) {
    ResponseParser& me = self(parser);
    if (me.head_done_) return drop_trailer(parser, size);
    me.value_.append(at, size);
    return 0;
  }
  static int on_value_complete(llhttp_t* parser) {
    ResponseParser& me = self(parser);
    if (me.head_done_) {
      if (++me.trailers_ > kResponseHeadersMax) return refuse(parser, "too many trailers");
      return 0;
    }
    if (me.head_.headers.fields().size() >= kResponseHeadersMax) {
      return refuse(parser, "more than 1000 headers");
    }
    std::string value(trim(me.value_));
    me.value_.clear();
    me.head_.headers.add(std::move(me.name_), std::move(value));
    me.name_.clear();
    return 0;
  }
  static int on_headers_complete(llhttp_t* parser) {
    ResponseParser& me = self(parser);
    me.head_.status = parser->status_code;
    // 101 would switch to a protocol that nobody asked for; it and what is no status at all must
    // not reach a client of ours.
    if (me.head_.status < 100 || me.head_.status == 101) {
      return refuse(parser, "its status is 101 or below 100");
    }
    const bool length_known = (parser->flags & F_CONTENT_LENGTH) != 0;
    const bool none = has_no_body(me.head_.status);
    if (length_known && parser->content_length > INT64_MAX) return refuse(parser, "bad length");
    me.head_.content_length = -1;
    if (length_known && (parser->flags & F_CHUNKED) == 0) {
      me.head_.content_length = static_cast<std::int64_t>(parser->content_length);
    }
    if (none) me.head_.content_length = 0;
    const bool interim = me.head_.status < 200;
    if (!interim) me.head_done_ = true;
    return none ? 1 : 0;
  }
  static int on_body(llhttp_t* parser, const char* at, std::size_t size) {
    ResponseParser& me = self(parser);
    // Forward in the same buffer, over bytes that have been parsed.
    if (reinterpret_cast<const std::uint8_t*>(at) != me.body_at_) {
      std::memmove(me.body_at_, at, size);
    }
    me.body_at_ += size;
    return 0;
  }
  static int on_message_complete(llhttp_t* parser) {
    ResponseParser& me = self(parser);
    // A length beside chunks is not believed, and nothing after it either (RFC 9112 6.3).
    constexpr unsigned kBoth = F_CONTENT_LENGTH | F_CHUNKED;
    const bool two_framings = (parser->flags & kBoth) == kBoth;
    me.keeps_alive_ = !two_framings && llhttp_should_keep_alive(parser) != 0;
    if (me.head_done_) me.done_ = true;
    return HPE_PAUSED;  // what follows belongs to no response of ours
  }
  static const llhttp_settings_t& settings() noexcept {
    static const llhttp_settings_t table = [] {
      llhttp_settings_t s;
      llhttp_settings_init(&s);
      s.on_header_field = on_field;
      s.on_header_value = on_value;
      s.on_header_value_complete = on_value_complete;
      s.on_headers_complete = on_headers_complete;
      s.on_body = on_body;
      s.on_message_complete = on_message_complete;
      return s;
    }();
    return table;
  }
};

ResponseParser::ResponseParser() noexcept {
  llhttp_init(&parser_, HTTP_RESPONSE, &Callbacks::settings());
  // What imgproxy takes from a source: lines that end in LF alone, and a length beside chunks.
  // There is nobody behind us who could read such an answer in another way.
  llhttp_set_lenient_optional_cr_before_lf(&parser_, 1);
  llhttp_set_lenient_chunked_length(&parser_, 1);
  parser_.data = this;
}

Error ResponseParser::failure(const char* reason) const {
  if (refusal_ != nullptr) reason = refusal_;
  const std::string why = reason != nullptr && *reason != '\0' ? reason : "not HTTP";
  if (head_done_) return Error(ErrorCode::kSourceIncomplete, "malformed response body: " + why);
  return Error(ErrorCode::kSourceUnreachable, "malformed response head: " + why);
}

Error ResponseParser::version_error() const {
  return Error(ErrorCode::kSourceUnreachable,
               "the source speaks HTTP/" + std::to_string(parser_.http_major) + "." +
                   std::to_string(parser_.http_minor));
}

// What llhttp lets through and we do not.
Result<void> ResponseParser::check_head() {
  head_checked_ = true;
  if (parser_.http_major != 1) return std::unexpected(version_error());
  const std::size_t codings = head_.headers.count("Transfer-Encoding");
  const bool chunked = equal_ignore_case(head_.headers.get("Transfer-Encoding"), "chunked");
  if (codings == 0 || has_no_body(head_.status)) return {};
  if (codings == 1 && chunked && parser_.http_major == 1 && parser_.http_minor == 1) return {};
  return fail(ErrorCode::kSourceUnreachable, "unsupported Transfer-Encoding of the response");
}

Result<ResponseParser::Fed> ResponseParser::feed(std::span<std::uint8_t> data) {
  IMGRING_CHECK(!done_);
  body_at_ = data.data();
  std::size_t used = 0;
  while (used < data.size() && !done_) {
    const bool in_head = !head_done_;
    const char* from = reinterpret_cast<const char*>(data.data() + used);
    const std::size_t size = data.size() - used;
    const llhttp_errno_t rc = llhttp_execute(&parser_, from, size);
    std::size_t step = size;
    if (rc != HPE_OK) step = static_cast<std::size_t>(llhttp_get_error_pos(&parser_) - from);
    used += step;
    if (in_head) {
      // Body bytes of the same piece count too: a piece is small against the limit.
      head_bytes_ += step;
      const bool too_long = !head_done_ && head_bytes_ > kResponseHeadBytesMax;
      if (too_long) return std::unexpected(failure("the head is longer than 1 MiB"));
    }
    if (rc == HPE_OK) break;
    if (rc == HPE_PAUSED && !done_) {
      // An interim answer: the next one starts clean.
      if (++interim_ > kInterimResponsesMax) {
        return std::unexpected(failure("more than 8 interim responses"));
      }
      head_ = {};
      llhttp_reset(&parser_);
      continue;
    }
    if (rc != HPE_PAUSED) return std::unexpected(failure(llhttp_get_error_reason(&parser_)));
  }
  if (head_done_ && !head_checked_) IMGRING_TRY_VOID(check_head());
  return Fed{used, static_cast<std::size_t>(body_at_ - data.data())};
}

Result<void> ResponseParser::end_of_stream() {
  if (done_) return {};
  if (!started()) {
    return fail(ErrorCode::kSourceUnreachable, "the connection was closed without a response");
  }
  std::uint8_t nowhere = 0;
  body_at_ = &nowhere;
  const llhttp_errno_t rc = head_done_ ? llhttp_finish(&parser_) : HPE_INVALID_EOF_STATE;
  if (rc == HPE_OK || (rc == HPE_PAUSED && done_)) {
    done_ = true;
    keeps_alive_ = false;
    return {};
  }
  if (!head_done_) return fail(ErrorCode::kSourceUnreachable, "the response head was cut off");
  return fail(ErrorCode::kSourceIncomplete, "the response body was cut off");
}

}  // namespace imgring::http
