// Threads and sockets of the scripted source.
#include "source_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "imgring/base/text.h"

namespace imgring::test {

Gate::Gate() : event_(eventfd(0, EFD_CLOEXEC)) {}
void Gate::open() {
  const std::uint64_t one = 1;
  if (write(event_.get(), &one, sizeof one) != sizeof one) std::abort();
}

Visit::Visit(int fd, int number, std::string head)
    : fd_(fd), number_(number), head_(std::move(head)) {}

std::string Visit::header(std::string_view name) const {
  for (std::string_view line : split(head_, "\r\n")) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    if (equal_ignore_case(line.substr(0, colon), name)) {
      return std::string(trim(line.substr(colon + 1)));
    }
  }
  return {};
}

bool Visit::send(std::string_view bytes) {
  sent_ = true;
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) {
      going_on_ = false;
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool Visit::answer(int status, std::string_view fields, std::string_view body) {
  std::string text = "HTTP/1.1 " + std::to_string(status) + " Status\r\n";
  text.append(fields);
  if (status != 304) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  text.append("\r\n").append(body);
  return send(text);
}

Left Visit::wait(const Gate& gate, Milliseconds limit) {
  const auto until = Clock::now() + limit;
  for (;;) {
    pollfd ready[] = {{gate.fd(), POLLIN, 0}, {fd_, POLLIN | POLLRDHUP, 0}};
    if (poll(ready, 2, poll_time(until)) <= 0) return Left::kLate;
    if (ready[0].revents != 0) return Left::kOpened;
    if (ready[1].revents != 0) {
      going_on_ = false;
      return Left::kPeerLeft;
    }
  }
}

bool Visit::peer_leaves(Milliseconds limit) {
  const Gate never;
  return wait(never, limit) == Left::kPeerLeft;
}

Behaviour serve_picture(std::string body, std::string fields) {
  return [body = std::move(body), fields = std::move(fields)](Visit& visit) {
    visit.answer(200, fields, body);
  };
}

Behaviour say(std::string bytes) {
  return [bytes = std::move(bytes)](Visit& visit) {
    visit.send(bytes);
    visit.close_after();
  };
}

Behaviour redirect_to(std::string location, int status) {
  return [location = std::move(location), status](Visit& visit) {
    visit.answer(status, "Location: " + location + "\r\n", "moved");
  };
}

Behaviour held(const Gate& gate, std::string body) {
  return [&gate, body = std::move(body)](Visit& visit) {
    if (visit.wait(gate) == Left::kOpened) visit.picture(body);
  };
}

SourceServer::SourceServer() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);  // the guard's tests knock at many addresses
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  const bool bound = bind(listener_.get(), generic, size) == 0 &&
                     listen(listener_.get(), 512) == 0 &&
                     getsockname(listener_.get(), generic, &size) == 0;
  if (!bound) std::abort();
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { accept_all(); });
}

SourceServer::~SourceServer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (Connection& one : connections_) {
      if (!one.ended) shutdown(one.socket.get(), SHUT_RDWR);
    }
  }
  shutdown(listener_.get(), SHUT_RDWR);
  thread_.join();
  for (Connection& one : connections_) one.thread.join();
}

void SourceServer::on(const std::string& path, Behaviour behaviour) {
  const std::lock_guard lock(mutex_);
  behaviours_[path] = std::move(behaviour);
}

std::string SourceServer::url(std::string_view path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
}

std::vector<std::string> SourceServer::visits(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [at, head] : visits_) {
    if (path.empty() || at == path) out.push_back(head);
  }
  return out;
}

bool SourceServer::wait_for_visits(const std::string& path, std::size_t count,
                                   Milliseconds limit) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [&] {
    const auto here = std::count_if(visits_.begin(), visits_.end(),
                                    [&](const auto& visit) { return visit.first == path; });
    return static_cast<std::size_t>(here) >= count;
  });
}

bool SourceServer::wait_for_ends(const std::string& path, std::size_t count,
                                 Milliseconds limit) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [&] {
    const auto found = ends_.find(path);
    return found != ends_.end() && found->second >= count;
  });
}

int SourceServer::open_connections() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(std::count_if(connections_.begin(), connections_.end(),
                                        [](const Connection& one) { return !one.ended; }));
}

int SourceServer::connections_made() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(connections_.size());
}

void SourceServer::accept_all() {
  for (;;) {
    loop::Fd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const std::lock_guard lock(mutex_);
    if (!socket || stopping_) return;
    const int on = 1;
    setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Connection& made = connections_.emplace_back();
    made.socket = std::move(socket);
    made.thread = std::thread([this, &made] { serve(made); });
  }
}

void SourceServer::serve(Connection& connection) {
  std::string buffer;
  for (int number = 0; serve_one(connection, number, buffer); ++number) {
  }
  const std::lock_guard lock(mutex_);
  connection.ended = true;
  connection.socket.reset();
  changed_.notify_all();
}

Behaviour SourceServer::behaviour_of(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto found = behaviours_.find(path);
  if (found != behaviours_.end()) return found->second;
  return [](Visit& visit) { visit.answer(404, "Content-Type: text/plain\r\n", "no such path"); };
}

bool SourceServer::serve_one(Connection& connection, int number, std::string& buffer) {
  std::size_t end = 0;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
    char piece[4096];
    const ssize_t n = recv(connection.socket.get(), piece, sizeof piece, 0);
    if (n <= 0) return false;
    buffer.append(piece, static_cast<std::size_t>(n));
  }
  std::string head = buffer.substr(0, end + 2);
  buffer.erase(0, end + 4);
  const std::size_t target = head.find(' ') + 1;
  const std::string path = head.substr(target, head.find_first_of(" ?", target) - target);
  {
    const std::lock_guard lock(mutex_);
    visits_.emplace_back(path, head);
    changed_.notify_all();
  }
  Visit visit(connection.socket.get(), number, std::move(head));
  behaviour_of(path)(visit);
  const std::lock_guard lock(mutex_);
  ++ends_[path];
  changed_.notify_all();
  return visit.going_on() && !stopping_;
}

}  // namespace imgring::test
