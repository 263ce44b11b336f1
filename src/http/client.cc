// Requests out, heads and bodies in, connections kept for the next.
#include "imgring/http/client.h"

#include <algorithm>
#include <cstring>

#include "imgring/base/check.h"
#include "imgring/base/shortage.h"
#include "imgring/base/text.h"
#include "imgring/mem/ledger.h"

namespace imgring::http {

using loop::Scope;
using loop::Task;

namespace {

constexpr std::size_t kHeadReadBytes = 4096;  // body bytes that come with the head are copied once

constexpr auto kDrainTime = std::chrono::milliseconds(50);

constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";

bool is_token(std::string_view name) noexcept {
  if (name.empty()) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || kTokenMarks.find(c) != std::string_view::npos;
  });
}

// These are the client's own business.
bool is_framing(std::string_view name) noexcept {
  for (const std::string_view own :
       {"Host", "Connection", "Content-Length", "Transfer-Encoding", "Keep-Alive", "Upgrade", "TE",
        "Trailer", "Proxy-Authorization", "Proxy-Connection"}) {
    if (equal_ignore_case(name, own)) return true;
  }
  return false;
}

// A connection that breaks inside an answer leaves it incomplete.
Error broken_off(const Error& error) {
  if (error.code != ErrorCode::kSourceUnreachable) return error;
  return Error(ErrorCode::kSourceIncomplete, error.detail);
}

std::string key_of(const ClientRequest& request) {
  // A guarded and an unguarded connection are never taken for each other.
  std::string key = request.tls ? "https://" : "http://";
  key += to_lower(request.host);
  key += '|';
  key += std::to_string(request.port);
  if (request.trusted) key += "|trusted";
  return key;
}

}  // namespace

Exchange::Exchange(Client& client, std::string key, net::TransportPtr transport) noexcept
    : client_(client), key_(std::move(key)), transport_(std::move(transport)),
      peer_(transport_->peer()) {}

Exchange::~Exchange() = default;

void Exchange::finish() noexcept {
  if (!transport_) return;
  if (parser_.keeps_alive() && !extra_bytes_) {
    client_.give_back(std::move(key_), std::move(transport_));
  }
  transport_.reset();
}

Result<std::size_t> Exchange::unwrap(std::span<std::uint8_t> received) {
  IMGRING_TRY(const ResponseParser::Fed fed, parser_.feed(received));
  if (fed.consumed_bytes < received.size()) extra_bytes_ = true;
  if (parser_.done()) finish();
  return fed.body_bytes;
}

Task<Result<void>> Exchange::read_head(Scope& scope) {
  const auto room = [this]() -> Result<void> {
    early_.resize(kHeadReadBytes);
    return {};
  };
  IMGRING_CO_TRY_VOID(or_shortage(room));
  std::size_t body_bytes = 0;
  while (!parser_.head_done()) {
    IMGRING_CO_TRY(const std::size_t got, co_await transport_->read(scope, early_));
    if (got == 0) {
      IMGRING_CO_TRY_VOID(parser_.end_of_stream());
      break;
    }
    IMGRING_CO_TRY(body_bytes, unwrap(std::span(early_).first(got)));
  }
  early_.resize(body_bytes);
  if (body_bytes == 0) early_ = {};
  co_return Result<void>();
}

Task<Result<std::size_t>> Exchange::read(Scope& scope, std::span<std::uint8_t> into) {
  IMGRING_CHECK(!into.empty());
  if (early_at_ < early_.size()) {
    const std::size_t size = std::min(into.size(), early_.size() - early_at_);
    std::memcpy(into.data(), early_.data() + early_at_, size);
    early_at_ += size;
    if (early_at_ == early_.size()) {
      early_ = {};
      early_at_ = 0;
    }
    co_return size;
  }
  while (!parser_.done()) {
    const Result<std::size_t> arrived = co_await transport_->read(scope, into);
    if (!arrived) co_return std::unexpected(broken_off(arrived.error()));
    const std::size_t got = *arrived;
    if (got == 0) {
      IMGRING_CO_TRY_VOID(parser_.end_of_stream());
      finish();
      break;
    }
    IMGRING_CO_TRY(const std::size_t body_bytes, unwrap(into.first(got)));
    if (body_bytes > 0) co_return body_bytes;
  }
  co_return std::size_t{0};
}

Task<void> Exchange::drain(Scope& scope, std::size_t bytes_max) {
  constexpr std::size_t kPieceBytes = 2048;
  const std::int64_t length = head().content_length;
  if (length > static_cast<std::int64_t>(bytes_max)) co_return;
  std::vector<std::uint8_t> piece(kPieceBytes);
  std::size_t left = bytes_max;
  // A connection is not worth a wait.
  Scope brief(&scope);
  loop::Deadline deadline(client_.loop_, brief, kDrainTime);
  while (left > 0) {
    const Result<std::size_t> got = co_await read(brief, piece);
    if (!got || *got == 0) co_return;
    left -= std::min(left, *got);
  }
}

Client::~Client() = default;

net::TransportPtr Client::take_idle(const std::string& key, mem::Grant* paid) noexcept {
  tick();
  // The newest first: the others may idle out.
  for (std::size_t i = idle_.size(); i-- > 0;) {
    if (idle_[i].key != key) continue;
    net::TransportPtr transport = std::move(idle_[i].transport);
    idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
    const std::size_t unread = transport->unread_bytes_max();
    const std::size_t more = unread - std::min<std::size_t>(unread, mem::kSourceUnreadBytes);
    if (!transport->quiet() || (more > 0 && (paid == nullptr || !paid->add(more)))) continue;
    transport->set_unread(unread);
    return transport;
  }
  return nullptr;
}

void Client::give_back(std::string key, net::TransportPtr transport) {
  if (options_.idle_time.count() == 0 || options_.idle_max == 0) return;
  if (idle_.size() >= options_.idle_max) idle_.erase(idle_.begin());
  transport->rest();
  idle_.push_back(Idle{std::move(key), std::move(transport), loop_.now()});
}

void Client::tick() noexcept {
  const auto oldest = loop_.now() - options_.idle_time;
  std::erase_if(idle_, [oldest](const Idle& one) { return one.since <= oldest; });
}

void Client::close_idle() noexcept { idle_.clear(); }

std::string Client::head_text(const ClientRequest& request) const {
  // A proxy gets the absolute form, unless it is asked for a tunnel.
  const net::Proxy* proxy = request.tls ? nullptr : proxy_of(request);
  std::string text = "GET ";
  if (proxy != nullptr) text += "http://" + request.host_header;
  text += request.target + " HTTP/1.1\r\nHost: " + request.host_header + "\r\n";
  if (proxy != nullptr && !proxy->authorization.empty()) {
    text += "Proxy-Authorization: " + proxy->authorization + "\r\n";
  }
  if (!request.headers.has("User-Agent") && !options_.user_agent.empty()) {
    text += "User-Agent: " + options_.user_agent + "\r\n";
  }
  for (const auto& [name, value] : request.headers.fields()) {
    if (is_framing(name) || !is_token(name) || !safe_value(value)) continue;
    text += name;
    text += ": ";
    text += value;
    text += "\r\n";
  }
  if (options_.idle_time.count() == 0) text += "Connection: close\r\n";
  text += "\r\n";
  return text;
}

Task<Result<ExchangePtr>> Client::start(Scope& scope, const ClientRequest& request) {
  const std::string text = head_text(request);
  const std::string key = key_of(request);
  for (bool may_reuse = true;; may_reuse = false) {
    net::TransportPtr transport;
    if (may_reuse) transport = take_idle(key, request.paid);
    const bool reused = transport != nullptr;
    if (!reused) {
      IMGRING_CO_TRY(transport, co_await connect(scope, request));
    }
    net::Transport& wire = *transport;
    ExchangePtr exchange(new Exchange(*this, key, std::move(transport)));
    exchange->parser_.set_paid(request.paid);
    Result<void> answered = co_await wire.write(scope, as_bytes(text));
    // A peer that closes early may have answered first; the write's error is the less telling one.
    Result<void> head = std::unexpected(Error());
    const bool cancelled = !answered && answered.error().code == ErrorCode::kSourceCancelled;
    if (!cancelled) head = co_await exchange->read_head(scope);
    if (cancelled) head = std::unexpected(answered.error());
    exchange->parser_.set_paid(nullptr);  // the head is whole, or nobody needs it
    if (head) co_return exchange;
    const bool gone = !exchange->parser_.started() && !scope.cancelled();
    if (!reused || !gone) {
      if (!answered) co_return std::unexpected(answered.error());
      co_return std::unexpected(head.error());
    }
  }
}

}  // namespace imgring::http
