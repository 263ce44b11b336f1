// Sockets and the answer parser of the test client.
#include "raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <utility>

#include "imgring/base/text.h"

namespace imgring::test {

RawClient::RawClient(int port, std::uint32_t host)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(host);
  if (connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return;
  connect_error_ = errno;
  socket_.reset();
}

bool RawClient::send(std::string_view bytes) {
  const auto until = Clock::now() + patience();
  while (!bytes.empty()) {
    pollfd ready{socket_.get(), POLLOUT, 0};
    if (poll(&ready, 1, poll_time(until)) <= 0) return false;
    const ssize_t n =
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool RawClient::fill(Clock::time_point until) {
  if (ended_ || !socket_) return false;
  pollfd ready{socket_.get(), POLLIN, 0};
  if (poll(&ready, 1, poll_time(until)) <= 0) return false;
  char piece[64 << 10];
  const ssize_t n = recv(socket_.get(), piece, sizeof piece, MSG_DONTWAIT);
  if (n <= 0) {
    ended_ = n == 0 || errno != EAGAIN;
    return !ended_;
  }
  buffer_.append(piece, static_cast<std::size_t>(n));
  return true;
}

bool RawClient::fill_until(std::size_t bytes, Clock::time_point until) {
  while (buffer_.size() < bytes) {
    if (!fill(until)) return false;
  }
  return true;
}

bool RawClient::read_head(Answer& answer, Clock::time_point until) {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill(until)) return false;
  }
  const std::string head = buffer_.substr(0, end);
  buffer_.erase(0, end + 4);
  const auto lines = split(head, "\r\n");
  if (!lines[0].starts_with("HTTP/1.") || lines[0].size() < 12) return false;
  answer.minor_version = lines[0][7] - '0';
  answer.status = static_cast<int>(parse_int(lines[0].substr(9, 3)).value_or(0));
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::size_t colon = lines[i].find(':');
    if (colon == std::string_view::npos) return false;
    answer.headers.add(std::string(lines[i].substr(0, colon)),
                       std::string(trim(lines[i].substr(colon + 1))));
  }
  return answer.status > 0;
}

bool RawClient::read_chunks(Answer& answer, Clock::time_point until) {
  for (;;) {
    std::size_t line = 0;
    while ((line = buffer_.find("\r\n")) == std::string::npos) {
      if (!fill(until)) return false;
    }
    std::size_t size = 0;
    const auto parsed = std::from_chars(buffer_.data(), buffer_.data() + line, size, 16);
    if (parsed.ec != std::errc()) return false;
    if (!fill_until(line + 2 + size + 2, until)) return false;
    answer.body.append(buffer_, line + 2, size);
    const bool framed = buffer_.compare(line + 2 + size, 2, "\r\n") == 0;
    buffer_.erase(0, line + 2 + size + 2);
    if (!framed || size == 0) return framed;
  }
}

void RawClient::read_body(Answer& answer, Clock::time_point until) {
  if (equal_ignore_case(answer.header("transfer-encoding"), "chunked")) {
    answer.complete = read_chunks(answer, until);
    return;
  }
  const auto length = parse_int(answer.header("content-length"));
  if (!length) {  // until the end of the stream
    while (fill(until)) {
    }
    answer.complete = ended_;
    answer.body = std::exchange(buffer_, {});
    return;
  }
  const auto size = static_cast<std::size_t>(*length);
  answer.complete = fill_until(size, until);
  answer.body = buffer_.substr(0, size);
  buffer_.erase(0, std::min(size, buffer_.size()));
}

Answer RawClient::read(Milliseconds limit, bool to_head) {
  Answer answer;
  const auto until = Clock::now() + limit;
  if (!read_head(answer, until)) return Answer{};
  const bool bodiless = to_head || answer.status == 304 || answer.status == 204;
  if (bodiless) {
    answer.complete = true;
  } else {
    read_body(answer, until);
  }
  return answer;
}

bool RawClient::closed(Milliseconds limit) {
  const auto until = Clock::now() + limit;
  while (fill(until)) {
  }
  return ended_;
}

bool RawClient::stirs(Milliseconds limit) {
  if (!buffer_.empty() || ended_) return true;
  pollfd ready{socket_.get(), POLLIN, 0};
  return poll(&ready, 1, static_cast<int>(limit.count())) > 0;
}

void RawClient::half_close() { shutdown(socket_.get(), SHUT_WR); }

void RawClient::cork() {
  const int on = 1;
  setsockopt(socket_.get(), IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

void RawClient::reset() {
  const linger hard{1, 0};
  setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  socket_.reset();
}

std::string get_text(std::string_view target, std::string_view fields) {
  std::string text = "GET ";
  text.append(target).append(" HTTP/1.1\r\nHost: imgring.test\r\n");
  return text.append(fields).append("\r\n");
}

Answer get(int port, std::string_view target, std::string_view fields) {
  RawClient client(port);
  if (!client.send(get_text(target, fields))) return {};
  return client.read(patience(15000));
}

std::vector<Answer> get_all(int port, const std::vector<std::string>& targets) {
  std::vector<RawClient> clients;
  for (const std::string& target : targets) clients.emplace_back(port).send(get_text(target));
  std::vector<Answer> answers;
  for (RawClient& client : clients) answers.push_back(client.read(patience(30000)));
  return answers;
}

}  // namespace imgring::test
