// Drives a server with requests that do not wait for answers, or with connections that do.
//
//   load_driver PORT FILE_OF_PATHS [key=value]...
//
//   rate=R      requests a second, at times fixed beforehand (0: closed loop, each of the sockets
//               asks again as soon as it was answered)
//   burst=N     so many requests at once at the start: fills the server's queue
//   sockets=N   open at most; a request that finds none free is held, counted and never sent
//   fresh=1     a connection for each request; else kept connections, the last used first
//   warm=S seconds=S   what is counted begins after warm and takes so long; then all is dropped
//   count=N     requests at most
//
// One thread, epoll, the loopback. Prints "begin" and "end" where the counted time begins and ends,
// then one JSON line. Latencies are from the time a request was due; "all" holds the age of those
// that were still waiting, too. It must cost little beside the server: bodies are not copied.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

constexpr size_t kHeadBytesMax = 16 * 1024;
constexpr uint64_t kBodyStepBytes = 1 << 20;  // nothing is copied: only a bound of one call
constexpr int64_t kShortestWaitNs = 200'000;  // 5000 wake-ups a second at most, for the CPU's sake
constexpr uint32_t kSourceAddresses = 200;    // 127.0.0.2 and on: no shortage of ports in TIME_WAIT

struct Settings {
  uint16_t port = 0;
  double rate = 0, warm = 1, seconds = 5;
  size_t sockets = 64, burst = 0, count = 10'000'000;
  bool fresh = false;
};

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "load_driver: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

double own_cpu_s() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  auto seconds = [](timeval t) { return double(t.tv_sec) + double(t.tv_usec) * 1e-6; };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

// ---------------------------------------------------------------- what comes back

// As much of a response's head as its end depends on.
struct Head {
  int status = 0;
  uint64_t body_bytes = 0;
  bool sized = false, closes = false;
};

bool same_letters(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

// Reads a whole head; status 0 when it is none.
Head parse_head(std::string_view text) {
  Head head;
  if (text.size() < 12 || !text.starts_with("HTTP/1.")) return head;
  std::from_chars(text.data() + 9, text.data() + 12, head.status);
  for (size_t at = text.find("\r\n"); at + 4 < text.size(); at = text.find("\r\n", at + 2)) {
    std::string_view line = text.substr(at + 2, text.find("\r\n", at + 2) - at - 2);
    size_t colon = std::min(line.find(':'), line.size());
    size_t from = std::min(line.find_first_not_of(" \t", colon + 1), line.size());
    std::string_view name = line.substr(0, colon), value = line.substr(from);
    if (same_letters(name, "content-length")) {
      std::from_chars(value.data(), value.data() + value.size(), head.body_bytes);
      head.sized = true;
    } else if (same_letters(name, "connection")) {
      head.closes = same_letters(value, "close");
    }
  }
  return head;
}

// Milliseconds of answers; gives percentiles when all is over.
class Latencies {
 public:
  void add(int64_t ns) { values_.push_back(static_cast<float>(double(ns) * 1e-6)); }
  void print(const char* name) {
    std::sort(values_.begin(), values_.end());
    std::printf(", \"%s\": {\"count\": %zu, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}",
                name, values_.size(), at(0.5), at(0.99), at(1));
  }

 private:
  double at(double part) const {
    if (values_.empty()) return 0;
    auto rank = static_cast<size_t>(std::ceil(part * double(values_.size())));
    return double(values_[std::max<size_t>(rank, 1) - 1]);
  }
  std::vector<float> values_;
};

// What happened in the counted time.
struct Score {
  uint64_t offered = 0, held = 0, broken = 0;
  std::map<int, uint64_t> statuses;
  Latencies good, refused, all, late;
};

// ---------------------------------------------------------------- the driver

struct Connection {
  int fd = -1;
  bool connected = false, waiting = false;  // waiting: a request was given and not answered
  int64_t due = 0;
  Head head;  // status 0: not there yet
  std::string text;
};

class Driver {
 public:
  Driver(const Settings& settings, std::vector<std::string> requests)
      : settings_(settings), requests_(std::move(requests)), epoll_(epoll_create1(EPOLL_CLOEXEC)),
        connections_(settings.sockets) {
    if (epoll_ < 0) fail("epoll_create1");
    for (size_t i = settings.sockets; i > 0; i--) closed_.push_back(i - 1);
  }

  void run() {
    started_ = now_ns();
    begin_ = started_ + static_cast<int64_t>(settings_.warm * 1e9);
    end_ = begin_ + static_cast<int64_t>(settings_.seconds * 1e9);
    size_t at_once = settings_.rate > 0 ? settings_.burst : settings_.sockets;
    for (size_t i = 0; i < at_once; i++) ask(started_);
    for (int64_t now = now_ns(); now < end_; now = now_ns()) {
      if (!counting_ && now >= begin_) mark_begin(now);
      while (next_due() <= now) ask(take_due());
      wait(std::min(next_due(), counting_ ? end_ : begin_) - now);
    }
    report();
  }

 private:
  int64_t next_due() const {
    if (settings_.rate <= 0) return INT64_MAX;
    return started_ + static_cast<int64_t>(double(scheduled_) * 1e9 / settings_.rate);
  }

  int64_t take_due() {
    int64_t due = next_due();
    scheduled_++;
    return due;
  }

  void mark_begin(int64_t now) {
    counting_ = true;
    counted_from_ = now;
    cpu_before_ = own_cpu_s();
    std::puts("begin");
    std::fflush(stdout);
  }

  // A request that is due: on an idle connection, on a new one, or held.
  void ask(int64_t due) {
    if (asked_ == settings_.count) return;
    asked_++;
    if (counting_) score_.offered++;
    while (!idle_.empty()) {
      size_t index = idle_.back();
      idle_.pop_back();
      if (connections_[index].fd < 0) continue;  // the server closed it meanwhile
      return send_on(index, due);
    }
    if (closed_.empty()) {
      if (counting_) score_.held++;
      return;
    }
    open(due);
  }

  void open(int64_t due) {
    size_t index = closed_.back();
    closed_.pop_back();
    Connection& c = connections_[index];
    c = Connection();
    c.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c.fd < 0) fail("socket");
    if (settings_.fresh) bind_somewhere(c.fd);
    int on = 1;
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.u64 = index;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event)) fail("epoll_ctl");
    c.waiting = true;
    c.due = due;
    sockets_most_ = std::max(sockets_most_, connections_.size() - closed_.size());
    sockaddr_in address = loopback(settings_.port, 1);
    if (connect(c.fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
      c.connected = true;
      send_on(index, due);
    } else if (errno != EINPROGRESS) {
      drop(index);
    }
  }

  static sockaddr_in loopback(uint16_t port, uint32_t number) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl((127U << 24) + number);
    return address;
  }

  void bind_somewhere(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    sockaddr_in address = loopback(0, 2 + bound_++ % kSourceAddresses);
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address))) fail("bind");
  }

  void send_on(size_t index, int64_t due) {
    Connection& c = connections_[index];
    c.waiting = true;
    c.due = due;
    c.head = Head();
    c.text.clear();
    const std::string& request = requests_[sent_++ % requests_.size()];
    if (counting_ && settings_.rate > 0) score_.late.add(now_ns() - due);
    ssize_t sent = send(c.fd, request.data(), request.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(request.size())) drop(index);
  }

  // The connection is over; its request, if it has one, is broken.
  void drop(size_t index) {
    Connection& c = connections_[index];
    if (c.waiting && counting_) score_.broken++;
    bool again = c.waiting && settings_.rate <= 0;
    close(c.fd);
    c.fd = -1;
    c.waiting = false;
    closed_.push_back(index);
    if (again) retries_++;
  }

  void wait(int64_t ns) {
    ns = retries_ > 0 ? kShortestWaitNs : std::max(ns, kShortestWaitNs);
    timespec timeout{ns / 1'000'000'000, ns % 1'000'000'000};
    epoll_event events[256];
    int count = epoll_pwait2(epoll_, events, 256, &timeout, nullptr);
    if (count < 0 && errno != EINTR) fail("epoll_pwait2");
    for (int i = 0; i < count; i++) serve(events[i].data.u64, events[i].events);
    for (uint64_t left = std::exchange(retries_, 0); left > 0; left--) ask(now_ns());
  }

  void serve(size_t index, uint32_t events) {
    Connection& c = connections_[index];
    if (c.fd < 0) return;
    if (!c.connected && (events & EPOLLOUT) && !(events & (EPOLLERR | EPOLLHUP))) {
      c.connected = true;
      send_on(index, c.due);
    }
    while (c.fd >= 0 && c.connected && step(index)) {
    }
    if (c.fd >= 0 && (events & (EPOLLERR | EPOLLHUP))) drop(index);
  }

  // Reads once; false when there is nothing left to do until the next event.
  bool step(size_t index) {
    Connection& c = connections_[index];
    bool in_body = c.head.status != 0;
    char bytes[4096];
    ssize_t got = in_body ? skip_body(c) : recv(c.fd, bytes, sizeof(bytes), 0);
    if (got < 0 && errno == EAGAIN) return false;
    if (got <= 0) {
      if (got == 0 && in_body && !c.head.sized)
        answered(index);
      else
        drop(index);
      return false;
    }
    if (in_body) {
      c.head.body_bytes -= std::min(c.head.body_bytes, static_cast<uint64_t>(got));
    } else if (!take_head(c, std::string_view(bytes, static_cast<size_t>(got)))) {
      drop(index);
      return false;
    }
    if (c.head.status != 0 && c.head.sized && c.head.body_bytes == 0) answered(index);
    return c.fd >= 0;
  }

  // MSG_TRUNC without a buffer: the kernel throws the bytes away.
  static ssize_t skip_body(const Connection& c) {
    uint64_t left = c.head.sized ? c.head.body_bytes : kBodyStepBytes;
    return recv(c.fd, nullptr, std::min(left, kBodyStepBytes), MSG_TRUNC);
  }

  // Adds bytes to the head; false when this is no response to a request of ours.
  static bool take_head(Connection& c, std::string_view bytes) {
    if (!c.waiting) return false;
    c.text.append(bytes);
    size_t end = c.text.find("\r\n\r\n");
    if (end == std::string::npos) return c.text.size() < kHeadBytesMax;
    c.head = parse_head(std::string_view(c.text).substr(0, end + 4));
    uint64_t early = c.text.size() - end - 4;
    if (c.head.sized && early > c.head.body_bytes) return false;
    c.head.body_bytes -= std::min(c.head.body_bytes, early);
    return c.head.status != 0;
  }

  void answered(size_t index) {
    Connection& c = connections_[index];
    int64_t took = now_ns() - c.due;
    if (counting_) {
      score_.statuses[c.head.status]++;
      score_.all.add(took);
      if (c.head.status == 200) score_.good.add(took);
      if (c.head.status == 429 || c.head.status == 503) score_.refused.add(took);
    }
    c.waiting = false;
    bool over = settings_.fresh || c.head.closes || !c.head.sized;
    c.head = Head();
    if (over) drop(index);
    if (settings_.rate > 0) {
      if (!over) idle_.push_back(index);
    } else if (over) {
      retries_++;
    } else if (asked_ < settings_.count) {
      asked_++;
      if (counting_) score_.offered++;
      send_on(index, now_ns());
    }
  }

  void report() {
    int64_t now = now_ns();
    double cpu = own_cpu_s() - cpu_before_;
    std::puts("end");
    size_t unanswered = 0;
    for (const Connection& c : connections_) {
      if (c.fd < 0 || !c.waiting) continue;
      unanswered++;
      score_.all.add(now - c.due);
    }
    std::printf("{\"seconds\": %.4f, \"cpu_s\": %.4f, \"sockets\": %zu, \"offered\": %lu, ",
                double(now - counted_from_) * 1e-9, cpu, sockets_most_, score_.offered);
    std::printf("\"held\": %lu, \"broken\": %lu, \"unanswered\": %zu, \"statuses\": {", score_.held,
                score_.broken, unanswered);
    const char* comma = "";
    for (auto [status, count] : score_.statuses) {
      std::printf("%s\"%d\": %lu", comma, status, count);
      comma = ", ";
    }
    std::printf("}");
    score_.good.print("good");
    score_.refused.print("refused");
    score_.all.print("all");
    score_.late.print("late");
    std::puts("}");
  }

  Settings settings_;
  std::vector<std::string> requests_;
  int epoll_;
  std::vector<Connection> connections_;
  std::vector<size_t> idle_, closed_;  // places in connections_
  Score score_;
  int64_t started_ = 0, begin_ = 0, end_ = 0, counted_from_ = 0;
  bool counting_ = false;
  double cpu_before_ = 0;
  uint64_t scheduled_ = 0, asked_ = 0, sent_ = 0, retries_ = 0;
  uint32_t bound_ = 0;
  size_t sockets_most_ = 0;
};

// ---------------------------------------------------------------- arguments

Settings settings_of(int argc, char** argv) {
  Settings settings;
  settings.port = static_cast<uint16_t>(std::atoi(argv[1]));
  for (int i = 3; i < argc; i++) {
    std::string_view word = argv[i];
    size_t equals = std::min(word.find('='), word.size() - 1);
    std::string_view key = word.substr(0, equals);
    double value = std::atof(argv[i] + equals + 1);
    if (key == "rate")
      settings.rate = value;
    else if (key == "warm")
      settings.warm = value;
    else if (key == "seconds")
      settings.seconds = value;
    else if (key == "sockets")
      settings.sockets = static_cast<size_t>(value);
    else if (key == "burst")
      settings.burst = static_cast<size_t>(value);
    else if (key == "count")
      settings.count = static_cast<size_t>(value);
    else if (key == "fresh")
      settings.fresh = value != 0;
    else {
      std::fprintf(stderr, "load_driver: no setting %s\n", argv[i]);
      std::exit(2);
    }
  }
  return settings;
}

std::vector<std::string> load_requests(const char* file, bool fresh) {
  std::vector<std::string> requests;
  std::ifstream lines(file);
  for (std::string path; std::getline(lines, path);) {
    requests.push_back("GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" +
                       (fresh ? "Connection: close\r\n\r\n" : "\r\n"));
  }
  return requests;
}

// As many descriptors as this process may have.
void raise_descriptors(size_t wanted) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < wanted + 16) {
    std::fprintf(stderr, "load_driver: sockets=%zu takes %zu open files; the limit here is %lu\n",
                 wanted, wanted + 16, limit.rlim_cur);
    std::exit(1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: load_driver PORT FILE_OF_PATHS [key=value]...\n", stderr);
    return 2;
  }
  Settings settings = settings_of(argc, argv);
  std::vector<std::string> requests = load_requests(argv[2], settings.fresh);
  if (requests.empty() || settings.sockets == 0) {
    std::fputs("load_driver: wants paths, and sockets of at least 1\n", stderr);
    return 2;
  }
  raise_descriptors(settings.sockets);
  signal(SIGPIPE, SIG_IGN);
  Driver(settings, std::move(requests)).run();
}
