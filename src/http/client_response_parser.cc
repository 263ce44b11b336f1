// Lines to llhttp, its callbacks into a ResponseHead, and the body moved to the front of its own
// buffer.
#include "imgring/http/client_response_parser.h"

#include <algorithm>
#include <cstring>

#include "imgring/base/check.h"
#include "imgring/base/text.h"

namespace imgring::http {

namespace {

constexpr std::string_view kBlankLine = "\r\n";
constexpr std::string_view kNeverInLines("\0\r", 2);

// A fold is told by its first byte (RFC 9112 5.2).
bool starts_fold(std::uint8_t c) noexcept { return c == ' ' || c == '\t'; }

// So much of what came may be the start of an HTTP answer, or of empty lines before it.
bool may_be_http(std::string_view raw) noexcept {
  if (raw.starts_with('\r') || raw.starts_with('\n')) return true;
  for (const std::string_view start : {std::string_view("HTTP"), std::string_view("ICY")}) {
    const std::size_t size = std::min(raw.size(), start.size());
    if (equal_ignore_case(raw.substr(0, size), start.substr(0, size))) return true;
  }
  return false;
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
  static int on_field(llhttp_t* parser, const char* at, std::size_t size) {
    self(parser).name_.append(at, size);
    return 0;
  }
  static int on_value(llhttp_t* parser, const char* at, std::size_t size) {
    self(parser).value_.append(at, size);
    return 0;
  }
  static int on_value_complete(llhttp_t* parser) {
    ResponseParser& me = self(parser);
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
    const bool chunked = (parser->flags & F_CHUNKED) != 0;
    if (me.head_done_) me.part_ = chunked ? Part::kChunkSize : Part::kBody;
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
  // The line of the next chunk's size comes by itself; behind the last one stand trailers.
  static int on_chunk_complete(llhttp_t* parser) {
    if ((parser->flags & F_TRAILING) != 0) return 0;
    self(parser).part_ = Part::kChunkSize;
    return HPE_PAUSED;
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
      s.on_chunk_complete = on_chunk_complete;
      s.on_message_complete = on_message_complete;
      return s;
    }();
    return table;
  }
};

ResponseParser::ResponseParser() noexcept {
  llhttp_init(&parser_, HTTP_RESPONSE, &Callbacks::settings());
  // Chunks that end in LF alone, and a length beside chunks; the lines have been put right before.
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

Result<void> ResponseParser::parse(std::string_view text) {
  if (text.empty()) return {};
  const llhttp_errno_t rc = llhttp_execute(&parser_, text.data(), text.size());
  if (rc == HPE_OK || rc == HPE_PAUSED) return {};
  return std::unexpected(failure(llhttp_get_error_reason(&parser_)));
}

// Bytes up to the end of the line.
std::size_t ResponseParser::collect(std::span<std::uint8_t> rest) {
  const std::string_view text = as_text(rest);
  const std::size_t end = text.find('\n');
  const std::size_t size = end == std::string_view::npos ? text.size() : end + 1;
  raw_.append(text.substr(0, size));
  return size;
}

// The line that came, without its end: CR LF, else an oddity.
std::string_view ResponseParser::raw_text() noexcept {
  std::string_view text = raw_;
  text.remove_suffix(1);
  const std::size_t whole = text.size();
  while (text.ends_with('\r')) text.remove_suffix(1);
  if (whole != text.size() + 1) lines_.found_odd();
  return text;
}

// A line of the head is whole when the next one does not begin with white space.
Result<std::size_t> ResponseParser::feed_head(std::span<std::uint8_t> rest) {
  if (raw_.empty() && has_line_ && !starts_fold(rest[0])) IMGRING_TRY_VOID(end_line());
  const std::size_t size = collect(rest);
  head_bytes_ += size;
  if (!has_status_ && !has_line_ && !may_be_http(raw_)) {
    return std::unexpected(failure("it does not begin with HTTP/"));
  }
  if (head_bytes_ > kResponseHeadBytesMax) {
    return std::unexpected(failure("the head is longer than 1 MiB"));
  }
  IMGRING_TRY_VOID(pay_for_head());
  if (line_ended()) IMGRING_TRY_VOID(end_raw_line());
  return size;
}

Result<void> ResponseParser::pay_for_head() {
  while (paid_ != nullptr && head_bytes_ > paid_head_bytes_) {
    if (!paid_->add(kPaidPerHeadByte * kResponseHeadFreeBytes)) {
      return fail(ErrorCode::kOverloaded, "no memory for a source's head of over " +
                                              std::to_string(paid_head_bytes_) + " bytes");
    }
    paid_head_bytes_ += kResponseHeadFreeBytes;
  }
  return {};
}

Result<void> ResponseParser::end_raw_line() {
  const std::string_view text = raw_text();
  // Others may take a CR for the end of the line.
  if (text.find_first_of(kNeverInLines) != std::string_view::npos) {
    return std::unexpected(failure("a NUL or a lone CR in the head"));
  }
  if (starts_fold(static_cast<std::uint8_t>(raw_[0]))) {
    // Behind the status line, or behind one without a colon, it belongs to nothing.
    lines_.found_odd();
    const std::string_view more = trim(text);
    if (has_name_ && !more.empty()) {
      line_.erase(line_.find_last_not_of(" \t\r") + 1);
      line_.append(" ").append(more);
    }
  } else if (!text.empty()) {
    line_ = text;
    has_line_ = true;
    has_name_ = has_status_ && line_.find(':') != std::string::npos;
  } else if (has_status_) {
    return end_head();
  } else {
    lines_.found_odd();  // empty lines before the answer
  }
  raw_.clear();
  return {};
}

Result<void> ResponseParser::end_line() {
  has_line_ = has_name_ = false;
  if (has_status_) {
    if (++fields_ > kResponseHeadersMax) return std::unexpected(failure("more than 1000 headers"));
    IMGRING_TRY(const std::string_view text, lines_.field(line_));
    return parse(text);
  }
  has_status_ = true;
  IMGRING_TRY(const std::string_view text, lines_.status(line_));
  return parse(text);
}

Result<void> ResponseParser::end_head() {
  IMGRING_TRY_VOID(parse(kBlankLine));
  raw_ = {};
  line_ = {};
  if (head_done_) return {};
  // An interim answer: the next one starts clean.
  if (++interim_ > kInterimResponsesMax) {
    return std::unexpected(failure("more than 8 interim responses"));
  }
  head_ = {};
  fields_ = 0;
  has_status_ = false;
  lines_.next_response();
  llhttp_reset(&parser_);
  return {};
}

Result<std::size_t> ResponseParser::feed_body(std::span<std::uint8_t> rest) {
  const char* from = reinterpret_cast<const char*>(rest.data());
  const llhttp_errno_t rc = llhttp_execute(&parser_, from, rest.size());
  if (rc != HPE_OK && rc != HPE_PAUSED) {
    return std::unexpected(failure(llhttp_get_error_reason(&parser_)));
  }
  std::size_t size = rest.size();
  if (rc == HPE_PAUSED) size = static_cast<std::size_t>(llhttp_get_error_pos(&parser_) - from);
  if (part_ == Part::kChunkSize) {
    // The chunk is over, and its last byte was LF.
    const std::uint8_t before = size >= 2 ? rest[size - 2] : last_byte_;
    if (before != '\r') lines_.found_odd();
    llhttp_resume(&parser_);
  }
  if (size > 0) last_byte_ = rest[size - 1];
  return size;
}

Result<std::size_t> ResponseParser::feed_chunk_size(std::span<std::uint8_t> rest) {
  const std::size_t size = collect(rest);
  if (raw_.size() > kChunkLineBytesMax) {
    return std::unexpected(failure("the line of a chunk's size is longer than 16 KiB"));
  }
  if (!line_ended()) return size;
  part_ = Part::kBody;
  IMGRING_TRY_VOID(parse(lines_.chunk_size(raw_text())));
  if ((parser_.flags & F_TRAILING) != 0) part_ = Part::kTrailers;
  raw_.clear();
  return size;
}

// Trailers are looked at and dropped, line by line.
Result<std::size_t> ResponseParser::feed_trailers(std::span<std::uint8_t> rest) {
  const std::size_t size = collect(rest);
  trailer_bytes_ += size;
  if (trailer_bytes_ > kResponseTrailerBytesMax) {
    return std::unexpected(failure("the trailers are longer than 64 KiB"));
  }
  if (!line_ended()) return size;
  const std::string_view text = raw_text();
  if (text.empty()) {
    IMGRING_TRY_VOID(parse(kBlankLine));
  } else if (++trailers_ > kResponseHeadersMax) {
    return std::unexpected(failure("more than 1000 trailers"));
  } else {
    lines_.trailer(text);
  }
  raw_.clear();
  return size;
}

Result<std::size_t> ResponseParser::feed_part(std::span<std::uint8_t> rest) {
  switch (part_) {
    case Part::kHead: return feed_head(rest);
    case Part::kChunkSize: return feed_chunk_size(rest);
    case Part::kTrailers: return feed_trailers(rest);
    case Part::kBody: break;
  }
  return feed_body(rest);
}

Result<ResponseParser::Fed> ResponseParser::feed(std::span<std::uint8_t> data) {
  IMGRING_CHECK(!done_);
  body_at_ = data.data();
  std::size_t used = 0;
  while (used < data.size() && !done_) {
    IMGRING_TRY(const std::size_t step, feed_part(data.subspan(used)));
    used += step;
  }
  return Fed{used, static_cast<std::size_t>(body_at_ - data.data())};
}

Result<void> ResponseParser::end_of_stream() {
  if (done_) return {};
  if (part_ == Part::kTrailers) {
    // The last chunk came: the body is whole.
    done_ = true;
    return {};
  }
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
