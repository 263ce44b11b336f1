// The head parser: llhttp in strict mode, fed with a copy in which target bytes >= 0x80 are a
// filler (decision 13), names and values taken by offset from the original bytes; then our own
// checks.
#include <llhttp.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "imgring/http/request.h"

namespace imgring::http {

namespace {

constexpr std::size_t kHeadKeepBytes = 8 << 10;  // capacity kept between heads
constexpr std::size_t kMethodBytesMax = 32;

// A head costs its bytes twice (as they came, and as the request's texts), and its table of fields.
constexpr std::size_t kCopies = 2;

// What llhttp may see as it is: its other methods bring rules of their own (CONNECT, SOURCE).
constexpr std::string_view kKnownMethods[] = {"GET", "HEAD",   "OPTIONS", "POST",
                                              "PUT", "DELETE", "PATCH"};

bool is_host(std::string_view host) noexcept {
  // Host characters, IPv6 brackets and a port (RFC 3986 3.2.2); no user information.
  return std::all_of(host.begin(), host.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return std::isalnum(u) || (c != 0 && std::strchr("-._~!$&'()*+,;=:[]%", c) != nullptr);
  });
}

// Where the digit of an HTTP/1 later than 1.1 stands in `line`, what comes of the request line
// after `head`; npos: nowhere. A target holds no space, so the first match is the version.
std::size_t later_minor(std::string_view head, std::string_view line) noexcept {
  constexpr std::string_view kVersion = " HTTP/1.";
  std::size_t digit = line.find(kVersion);
  if (digit != std::string_view::npos) digit += kVersion.size();
  for (std::size_t cut = 1; digit == std::string_view::npos && cut <= kVersion.size(); ++cut) {
    const bool across =
        head.ends_with(kVersion.substr(0, cut)) && line.starts_with(kVersion.substr(cut));
    if (across) digit = kVersion.size() - cut;
  }
  const bool later = digit < line.size() && line[digit] >= '2' && line[digit] <= '9';
  return later ? digit : std::string_view::npos;
}

// A token of a comma-separated list, in any case.
bool has_token(std::string_view list, std::string_view token) {
  for (std::string_view item : split(list, ",")) {
    if (equal_ignore_case(trim(item), token)) return true;
  }
  return false;
}

bool is_length(std::string_view value) noexcept {
  // At most 19 digits: what 64 bits hold.
  return !value.empty() && value.size() <= 19 &&
         std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

struct RequestParser::Impl {
  struct Piece {
    std::size_t begin = 0, size = 0;
    void extend(std::size_t at, std::size_t n) noexcept {
      if (size == 0) begin = at;
      size += n;
    }
  };
  struct Field {
    Piece name, value;
    bool value_started = false;
  };

  Impl() {
    llhttp_settings_init(&settings);
    settings.on_url = on_url;
    settings.on_header_field = on_field;
    settings.on_header_field_complete = on_field_complete;
    settings.on_header_value = on_value;
    settings.on_header_value_complete = on_value_complete;
    settings.on_headers_complete = on_head_complete;
    restart();
  }
  void restart() {
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = this;
    if (head.capacity() > kHeadKeepBytes) std::string().swap(head);
    head.clear();
    target = {};
    fields.clear();
    method_name.clear();
    method_done = line_done = complete = false;
    refused = {};
    grant.reset();
  }
  std::size_t cost() const noexcept {
    constexpr std::size_t kFieldBytes = sizeof(Field) + 2 * sizeof(std::string);
    return head.size() * kCopies + fields.size() * kFieldBytes;
  }
  bool charge() noexcept {
    constexpr std::size_t kStepBytes = 16 << 10;
    if (budget == nullptr || head.size() <= kHeadFreeBytes) return true;
    const std::size_t due = cost();
    if (due <= grant.bytes()) return true;
    const std::size_t wanted = (due / kStepBytes + 1) * kStepBytes;
    if (grant.bytes() > 0) return grant.add(wanted - grant.bytes());
    auto fresh = budget->try_grant(wanted);
    if (fresh) grant = std::move(*fresh);
    return fresh.has_value();
  }

  static Impl& self(llhttp_t* p) { return *static_cast<Impl*>(p->data); }
  std::size_t offset_of(const char* at) const noexcept {
    return chunk_offset + static_cast<std::size_t>(at - chunk.data());
  }
  static int on_url(llhttp_t* p, const char* at, std::size_t n) {
    self(p).target.extend(self(p).offset_of(at), n);
    return 0;
  }
  static int on_field(llhttp_t* p, const char* at, std::size_t n) {
    Impl& me = self(p);
    if (me.fields.empty() || me.fields.back().value_started) me.fields.emplace_back();
    me.fields.back().name.extend(me.offset_of(at), n);
    return 0;
  }
  // Not before: of a name that turns out to be none llhttp tells nothing where it came in one
  // piece, and its beginning where it came in several. Both are to be refused alike.
  static int on_field_complete(llhttp_t* p) {
    Impl& me = self(p);
    if (me.fields.size() > kHeaderCountMax) return me.refuse(431, "more than 256 headers");
    if (me.fields.back().name.size > kHeaderNameBytesMax)
      return me.refuse(431, "a header name over 1 KiB");
    return 0;
  }
  static int on_value(llhttp_t* p, const char* at, std::size_t n) {
    Field& field = self(p).fields.back();
    field.value_started = true;
    field.value.extend(self(p).offset_of(at), n);
    return 0;
  }
  static int on_value_complete(llhttp_t* p) {
    self(p).fields.back().value_started = true;
    return 0;
  }
  static int on_head_complete(llhttp_t* p) {
    self(p).complete = true;
    return HPE_PAUSED;
  }
  int refuse(int status, std::string reason) {
    refused = HeadError{status, std::move(reason)};
    return -1;
  }
  // Large heads are paid for, a step ahead: one that arrives byte by byte asks seldom.
  bool pay() {
    if (charge()) return true;
    refuse(431, "a head over 8 KiB while the memory for large heads is taken");
    return false;
  }
  std::string_view text(const Piece& piece) const noexcept {
    return std::string_view(head).substr(piece.begin, piece.size);
  }

  Fed feed_chunk(std::string_view bytes);
  std::string_view prepare(std::string_view bytes);
  Fed feed_method(std::string_view bytes);
  bool checks();
  bool check_lengths();
  bool check_host();
  bool check_expectation();
  bool wants_to_stay() const;

  llhttp_t parser{};
  llhttp_settings_t settings{};
  std::string head;  // the bytes as they came
  std::string copy;  // the same with fillers, while in the request line
  std::string_view chunk;
  std::size_t chunk_offset = 0;
  Piece target;
  std::vector<Field> fields;
  std::string method_name;
  bool method_done = false;
  bool line_done = false;
  bool complete = false;
  HeadError refused;
  mem::Budget* budget = nullptr;
  mem::Grant grant;
};

RequestParser::RequestParser(mem::Budget* budget) : impl_(std::make_unique<Impl>()) {
  impl_->budget = budget;
}
RequestParser::~RequestParser() = default;
void RequestParser::reset() { impl_->restart(); }
bool RequestParser::started() const noexcept { return !impl_->head.empty(); }
const HeadError& RequestParser::error() const noexcept { return impl_->refused; }

// The method first, up to its space: one that llhttp does not know is a 404 of ours and no syntax
// error, so llhttp gets a known one instead.
RequestParser::Fed RequestParser::Impl::feed_method(std::string_view bytes) {
  const std::size_t end = bytes.find_first_not_of(kTokenChars);
  const std::size_t size = std::min(end, bytes.size());
  method_name.append(bytes.substr(0, size));
  head.append(bytes.substr(0, size));
  if (method_name.size() > kMethodBytesMax) {
    refuse(400, "a method over 32 bytes");
    return {State::kRefused, size};
  }
  if (end == std::string_view::npos) return {State::kNeedMore, size};
  if (bytes[end] != ' ' || method_name.empty() || method_name == "PRI") {
    refuse(400, "a bad method");
    return {State::kRefused, size};
  }
  head.push_back(' ');
  method_done = true;
  const bool known = std::find(std::begin(kKnownMethods), std::end(kKnownMethods), method_name) !=
                     std::end(kKnownMethods);
  const std::string stand_in = (known ? method_name : std::string("POST")) + " ";
  chunk = {};
  llhttp_execute(&parser, stand_in.data(), stand_in.size());
  return {State::kNeedMore, size + 1};
}

// In the request line bytes >= 0x80 are served by imgproxy and refused by llhttp: it gets a filler.
// So is HTTP/1.2 and later, which are to be read as the HTTP/1 that we know (RFC 9110 2.5).
std::string_view RequestParser::Impl::prepare(std::string_view bytes) {
  if (line_done) return bytes;
  const std::size_t end = bytes.find('\n');
  const std::size_t line = end == std::string_view::npos ? bytes.size() : end;
  line_done = end != std::string_view::npos;
  const auto high = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
  const std::size_t digit = later_minor(head, bytes.substr(0, line));
  const auto end_of_line = static_cast<std::ptrdiff_t>(line);
  const bool plain = std::none_of(bytes.begin(), bytes.begin() + end_of_line, high);
  if (plain && digit == std::string_view::npos) return bytes;
  copy.assign(bytes);
  std::replace_if(copy.begin(), copy.begin() + end_of_line, high, 'x');
  if (digit != std::string_view::npos) copy[digit] = '1';
  return copy;
}

RequestParser::Fed RequestParser::feed(std::string_view bytes) {
  const Fed fed = impl_->feed_chunk(bytes);
  if (fed.state == State::kRefused) {  // its memory is for the others at once
    std::string().swap(impl_->head);
    std::vector<Impl::Field>().swap(impl_->fields);
    impl_->grant.reset();
  }
  return fed;
}

RequestParser::Fed RequestParser::Impl::feed_chunk(std::string_view bytes) {
  if (bytes.empty()) return {State::kNeedMore, 0};
  if (head.empty()) {  // empty lines before a request (RFC 9112 2.2)
    const std::size_t skip = std::min(bytes.find_first_not_of("\r\n"), bytes.size());
    if (skip > 0) return {State::kNeedMore, skip};
  }
  if (!method_done) return feed_method(bytes);
  const std::size_t room = kHeadBytesMax - head.size();
  chunk_offset = head.size();
  chunk = prepare(bytes.substr(0, room));
  const std::string_view fed = chunk;
  head.append(bytes.substr(0, fed.size()));
  const llhttp_errno_t error = llhttp_execute(&parser, fed.data(), fed.size());
  if (complete && error == HPE_PAUSED) {
    const char* stop = llhttp_get_error_pos(&parser);
    const auto used = static_cast<std::size_t>(stop - fed.data());
    head.resize(chunk_offset + used);
    return {pay() && checks() ? State::kReady : State::kRefused, used};
  }
  if (error != HPE_OK) {
    if (refused.reason.empty()) {
      const char* reason = llhttp_get_error_reason(&parser);
      const bool version = error == HPE_INVALID_VERSION && parser.http_major > 1;
      refused = HeadError{version ? 505 : 400, reason != nullptr ? reason : "bad request"};
    }
    return {State::kRefused, fed.size()};
  }
  if (head.size() >= kHeadBytesMax) {
    refuse(431, "a head over 1 MiB");
    return {State::kRefused, fed.size()};
  }
  return {pay() ? State::kNeedMore : State::kRefused, fed.size()};
}

bool RequestParser::Impl::check_lengths() {
  int lengths = 0, encodings = 0;
  for (const Field& field : fields) {
    const std::string_view name = text(field.name);
    const std::string_view value = trim(text(field.value));
    if (equal_ignore_case(name, "content-length")) {
      ++lengths;
      if (!is_length(value)) return refuse(400, "a bad Content-Length"), false;
    } else if (equal_ignore_case(name, "transfer-encoding")) {
      ++encodings;
      if (!equal_ignore_case(value, "chunked")) {
        return refuse(400, "a Transfer-Encoding that is not chunked"), false;
      }
    }
    if (name.empty() || name.find_first_not_of(kTokenChars) != std::string_view::npos) {
      return refuse(400, "a bad header name"), false;
    }
  }
  if (lengths > 1) return refuse(400, "more than one Content-Length"), false;
  if (encodings > 1 || (encodings > 0 && lengths > 0)) {
    return refuse(400, "Transfer-Encoding beside another length"), false;
  }
  if (encodings > 0 && parser.http_minor == 0) {
    return refuse(400, "Transfer-Encoding in HTTP/1.0"), false;
  }
  return true;
}

bool RequestParser::Impl::check_host() {
  int hosts = 0;
  for (const Field& field : fields) {
    if (!equal_ignore_case(text(field.name), "host")) continue;
    ++hosts;
    if (!is_host(trim(text(field.value)))) return refuse(400, "a bad Host"), false;
  }
  if (hosts > 1) return refuse(400, "more than one Host"), false;
  if (hosts == 0 && parser.http_minor == 1) return refuse(400, "no Host"), false;
  return true;
}

// An expectation that nobody here can meet (RFC 9110 10.1.1). 100-continue is met by the answer.
bool RequestParser::Impl::check_expectation() {
  for (const Field& field : fields) {
    if (!equal_ignore_case(text(field.name), "expect")) continue;
    const std::string_view value = trim(text(field.value));
    if (value.empty() || has_token(value, "100-continue")) continue;
    return refuse(417, "an Expect that is not 100-continue"), false;
  }
  return true;
}

bool RequestParser::Impl::checks() {
  const std::string_view raw = text(target);
  const auto bad = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; };
  if (raw.empty() || std::any_of(raw.begin(), raw.end(), bad)) {
    return refuse(400, "a bad request target"), false;
  }
  // llhttp also takes more spaces before the target, and RTSP for some methods.
  const std::string_view version = std::string_view(head).substr(target.begin + target.size);
  if (target.begin != method_name.size() + 1 || !version.starts_with(" HTTP/")) {
    return refuse(400, "a bad request line"), false;
  }
  if (parser.http_major != 1) {
    return refuse(505, "a version that is not HTTP/1"), false;
  }
  return check_lengths() && check_host() && check_expectation();
}

// Connection in the client's words; llhttp would listen to Proxy-Connection too.
bool RequestParser::Impl::wants_to_stay() const {
  bool close = false, keep = false;
  for (const Field& field : fields) {
    if (!equal_ignore_case(text(field.name), "connection")) continue;
    close = close || has_token(text(field.value), "close");
    keep = keep || has_token(text(field.value), "keep-alive");
  }
  return !close && (keep || parser.http_minor > 0);
}

Request RequestParser::take() {
  Impl& me = *impl_;
  Request request;
  request.memory = std::move(me.grant);
  request.method_name = me.method_name;
  request.method = me.method_name == "GET"       ? Method::kGet
                   : me.method_name == "HEAD"    ? Method::kHead
                   : me.method_name == "OPTIONS" ? Method::kOptions
                                                 : Method::kOther;
  std::string_view target = me.text(me.target);
  if (!target.starts_with('/')) {  // absolute form: the path after the authority
    const std::size_t scheme = target.find("://");
    if (scheme != std::string_view::npos && scheme < target.find_first_of("/?")) {
      const std::size_t path = target.find_first_of("/?", scheme + 3);
      target = path == std::string_view::npos ? std::string_view{} : target.substr(path);
      if (!target.starts_with('/')) request.target = "/";
    }
  }
  request.target += target;
  request.minor_version = me.parser.http_minor;
  for (const Impl::Field& field : me.fields) {
    request.headers.add(std::string(me.text(field.name)), std::string(trim(me.text(field.value))));
  }
  const std::string_view length = request.headers.get("content-length");
  request.has_body = request.headers.has("transfer-encoding") ||
                     length.find_first_not_of('0') != std::string_view::npos;
  request.keep_alive = me.wants_to_stay() && !request.has_body;
  return request;
}

}  // namespace imgring::http
