// The image source of the benchmarks: every file of a folder, from memory, over keep-alive.
//
//   source_server FOLDER PORT_FILE
//
// One thread, epoll, a free port of the loopback written to PORT_FILE. It knows GET and 404 and
// nothing else: what it costs must not show beside the server it feeds.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace {

constexpr size_t kHeadBytesMax = 16 * 1024;

struct Connection {
  std::string in;
  std::string_view out;  // what is still to be sent, inside an answer of the table
};

using Answers = std::map<std::string, std::string, std::less<>>;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

std::string answer(std::string_view status, std::string_view type, std::string_view body) {
  std::string out = "HTTP/1.1 ";
  out.append(status).append("\r\nContent-Type: ").append(type);
  out.append("\r\nContent-Length: ").append(std::to_string(body.size()));
  return out.append("\r\nConnection: keep-alive\r\n\r\n").append(body);
}

std::string type_of(const std::filesystem::path& path) {
  auto ending = path.extension().string();
  if (ending == ".png") return "image/png";
  if (ending == ".webp") return "image/webp";
  if (ending == ".gif") return "image/gif";
  if (ending == ".svg") return "image/svg+xml";
  if (ending == ".avif" || ending == ".heic") return "image/" + ending.substr(1);
  return "image/jpeg";
}

Answers load(const char* folder) {
  Answers answers;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    std::string body(std::istreambuf_iterator<char>(file), {});
    answers["/" + entry.path().filename().string()] = answer("200 OK", type_of(entry.path()), body);
  }
  return answers;
}

int listen_anywhere(const char* port_file) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (fd < 0 || bind(fd, generic, size) || listen(fd, SOMAXCONN)) fail("listen");
  if (getsockname(fd, generic, &size)) fail("getsockname");
  std::ofstream(port_file) << ntohs(address.sin_port) << "\n";
  return fd;
}

// The server itself; a connection lives in the table from accept to close.
class Server {
 public:
  Server(Answers answers, int listener)
      : answers_(std::move(answers)),
        missing_(answer("404 Not Found", "text/plain", "no such file\n")), listener_(listener),
        epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    watch(listener_, EPOLLIN, EPOLL_CTL_ADD);
  }

  [[noreturn]] void run() {
    epoll_event events[64];
    for (;;) {
      int count = epoll_wait(epoll_, events, 64, -1);
      for (int i = 0; i < count; i++) {
        int fd = events[i].data.fd;
        if (fd == listener_) {
          accept_all();
        } else if (!serve(fd, connections_[fd])) {
          connections_.erase(fd);
          close(fd);
        }
      }
    }
  }

 private:
  void watch(int fd, uint32_t what, int operation) const {
    epoll_event event{};
    event.events = what;
    event.data.fd = fd;
    if (epoll_ctl(epoll_, operation, fd, &event)) fail("epoll_ctl");
  }

  void accept_all() {
    for (;;) {
      int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      connections_[fd] = Connection();
      watch(fd, EPOLLIN, EPOLL_CTL_ADD);
    }
  }

  // Reads, answers and sends as far as it goes; false when the connection is over.
  bool serve(int fd, Connection& c) {
    char bytes[4096];
    for (;;) {
      if (!send_out(fd, c)) return false;
      if (!c.out.empty()) {
        watch(fd, EPOLLOUT, EPOLL_CTL_MOD);
        return true;
      }
      if (take_request(c)) continue;
      ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
      if (got == 0 || (got < 0 && errno != EAGAIN)) return false;
      if (got < 0) {
        watch(fd, EPOLLIN, EPOLL_CTL_MOD);
        return true;
      }
      c.in.append(bytes, static_cast<size_t>(got));
      if (c.in.size() > kHeadBytesMax) return false;
    }
  }

  static bool send_out(int fd, Connection& c) {
    while (!c.out.empty()) {
      ssize_t sent = send(fd, c.out.data(), c.out.size(), MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN;
      c.out.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  // Turns a whole request head into the answer to send.
  bool take_request(Connection& c) const {
    size_t end = c.in.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    size_t from = c.in.find(' ') + 1;
    size_t to = c.in.find_first_of(" ?\r", from);
    auto found = answers_.find(std::string_view(c.in).substr(from, to - from));
    c.out = found == answers_.end() ? missing_ : found->second;
    c.in.erase(0, end + 4);
    return true;
  }

  Answers answers_;
  std::string missing_;
  int listener_;
  int epoll_;
  std::unordered_map<int, Connection> connections_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: source_server FOLDER PORT_FILE\n", stderr);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  Answers answers = load(argv[1]);
  Server(std::move(answers), listen_anywhere(argv[2])).run();
}
