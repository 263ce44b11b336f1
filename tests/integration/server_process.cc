// Child process, log pipe, /proc.
#include "server_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <vector>

#include "imgring/base/text.h"
#include "raw_client.h"

namespace imgring::test {

namespace {

// What the child keeps of our environment.
constexpr const char* kInherited[] = {"PATH",          "HOME",         "TMPDIR",
                                      "LANG",          "ASAN_OPTIONS", "LSAN_OPTIONS",
                                      "UBSAN_OPTIONS", "TSAN_OPTIONS", "LD_LIBRARY_PATH"};
// Another loopback address than the main listener's, which tells the two apart in /proc.
constexpr const char* kMetricsBind = "127.0.0.2:0";
constexpr std::uint32_t kMetricsHost = 0x7f000002;
constexpr std::string_view kMetricsAddressHex = "0200007F:";
constexpr std::string_view kListening = "0A";
// What a healthy process never writes.
constexpr std::string_view kAlarms[] = {"AddressSanitizer",  "LeakSanitizer",   "ThreadSanitizer",
                                        "UndefinedBehavior", "runtime error:",  "IMGRING_CHECK",
                                        "check failed",      "terminate called"};

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  std::stringstream out;
  out << file.rdbuf();
  return out.str();
}

std::vector<std::string> environment_text(Environment all) {
  for (const char* name : kInherited) {
    const char* value = std::getenv(name);
    if (value != nullptr) all.emplace(name, value);
  }
  std::vector<std::string> out;
  for (const auto& [name, value] : all) out.push_back(name + "=" + value);
  return out;
}

}  // namespace

TempFolder::TempFolder() : path_("/tmp/imgring-test-XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr) std::abort();
}
TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}
std::string TempFolder::write(const std::string& name, std::string_view bytes) const {
  const std::string path = path_ + "/" + name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

// A machine's root folder may be open to root alone, as that of a new chroot is.
bool can_set_user() {
  if (geteuid() != 0) return false;
  const char* program = std::getenv("IMGRING_BIN");
  if (program == nullptr) return false;
  const pid_t other = fork();
  if (other == 0) {
    const uid_t id = own_user().id;
    const bool changed = setgid(id) == 0 && setuid(id) == 0;
    _exit(changed && access(program, X_OK) == 0 ? 0 : 1);
  }
  int status = 1;
  return waitpid(other, &status, 0) == other && status == 0;
}

OwnUser own_user(unsigned threads_max) {
  constexpr unsigned kFirst = 200'000;  // beyond those of systems and containers
  static unsigned next = kFirst + static_cast<unsigned>(getpid()) * 16;
  return {.id = next++, .threads_max = threads_max};
}

namespace {

// In the child: root's bounds do not hold, so it is no longer root.
bool become(const OwnUser& user, const std::string& folder) {
  const rlimit threads{user.threads_max, user.threads_max};
  if (user.threads_max > 0 && setrlimit(RLIMIT_NPROC, &threads) != 0) return false;
  return chown(folder.c_str(), user.id, user.id) == 0 && setgroups(0, nullptr) == 0 &&
         setgid(user.id) == 0 && setuid(user.id) == 0;
}

}  // namespace

ServerProcess::ServerProcess(const Environment& environment, unsigned descriptors_max,
                             LogReader reader, const OwnUser& user) {
  Environment all = environment;
  all.emplace("IMGPROXY_BIND", "127.0.0.1:0");
  all.emplace("IMGPROXY_PROMETHEUS_BIND", kMetricsBind);
  all.emplace("IMGPROXY_LOG_FORMAT", "structured");
  all.emplace("IMGPROXY_LOG_LEVEL", "debug");
  all["IMGRING_PORT_FILE"] = folder_.path() + "/port";
  user_ = user;
  launch(all, descriptors_max, reader);
  if (reader == LogReader::kReads) read_log_on();
}

void ServerProcess::read_log_on() {
  log_thread_ = std::thread([this] { read_log(); });
}

ServerProcess::~ServerProcess() {
  if (!status_ && pid_ > 0) {
    ADD_FAILURE() << "the server still runs at the end of its test\n" << log();
    kill(pid_, SIGKILL);
    wait_for_exit();
  }
  if (log_thread_.joinable()) log_thread_.join();
  check_log();
}

void ServerProcess::launch(const Environment& environment, unsigned descriptors_max,
                           LogReader reader) {
  const char* program = std::getenv("IMGRING_BIN");
  if (program == nullptr) {
    ADD_FAILURE() << "IMGRING_BIN must name the program to test";
    std::exit(2);
  }
  std::vector<std::string> texts = environment_text(environment);
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
  log_fd_ = loop::Fd(ends[0]);
  const loop::Fd writer(ends[1]);
  if (reader == LogReader::kStalls) EXPECT_EQ(fcntl(writer.get(), F_SETPIPE_SZ, 4096), 4096);
  if (reader == LogReader::kGone) log_fd_.reset();
  pid_ = fork();
  if (pid_ == 0) {
    dup2(writer.get(), STDOUT_FILENO);
    dup2(writer.get(), STDERR_FILENO);
    const rlimit limit{descriptors_max, descriptors_max};
    if (descriptors_max > 0 && setrlimit(RLIMIT_NOFILE, &limit) != 0) _exit(126);
    if (user_.id > 0 && !become(user_, folder_.path())) _exit(126);
    const char* arguments[] = {program, nullptr};
    execve(program, const_cast<char**>(arguments), pointers.data());
    _exit(127);
  }
  process_fd_ = loop::Fd(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
}

void ServerProcess::read_log() {
  char piece[4096];
  ssize_t n = 0;
  while ((n = read(log_fd_.get(), piece, sizeof piece)) > 0) {
    const std::lock_guard lock(mutex_);
    log_.append(piece, static_cast<std::size_t>(n));
    changed_.notify_all();
  }
  const std::lock_guard lock(mutex_);
  log_ended_ = true;
  changed_.notify_all();
}

std::string ServerProcess::log() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

bool ServerProcess::wait_for_log(std::string_view text, Milliseconds limit) const {
  std::unique_lock lock(mutex_);
  const auto found = [&] { return log_.find(text) != std::string::npos; };
  changed_.wait_for(lock, limit, [&] { return found() || log_ended_; });
  return found();
}

bool ServerProcess::wait_until_ready() {
  const auto port = [this] {
    return static_cast<int>(parse_int(trim(file_text(folder_.path() + "/port"))).value_or(0));
  };
  if (log_thread_.joinable()) {
    if (!wait_for_log(" listens on ", patience(20000))) return false;
  } else {
    EXPECT_TRUE(eventually([&] { return port() > 0; }, patience(20000)));
  }
  port_ = port();
  find_metrics_port();
  return port_ > 0;
}

// Its TCP sockets over IPv4.
std::vector<ServerProcess::Socket> ServerProcess::sockets() const {
  std::set<std::string> inodes;
  std::error_code gone;
  const std::string own = "/proc/" + std::to_string(pid_) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator(own, gone)) {
    const std::string link = std::filesystem::read_symlink(entry.path(), gone).string();
    if (link.starts_with("socket:[")) inodes.insert(link.substr(8, link.size() - 9));
  }
  std::vector<Socket> out;
  std::istringstream table(file_text("/proc/net/tcp"));
  for (std::string line; std::getline(table, line);) {
    std::array<char, 16> local{}, remote{}, state{}, inode{};
    Queued queued{};
    // Tens of thousands of lines may be of closed connections that wait.
    if (std::sscanf(line.c_str(),
                    "%*s %15s %15s %3s %8" SCNx64 ":%8" SCNx64 " %*s %*s %*s %*s %15s",
                    local.data(), remote.data(), state.data(), &queued.untaken, &queued.unread,
                    inode.data()) == 6 &&
        inodes.contains(inode.data())) {
      out.push_back({local.data(), remote.data(), state.data(), queued});
    }
  }
  return out;
}

void ServerProcess::find_metrics_port() {
  for (const Socket& socket : sockets()) {
    if (socket.state != kListening || !socket.local.starts_with(kMetricsAddressHex)) continue;
    metrics_port_ = static_cast<int>(std::strtol(socket.local.c_str() + 9, nullptr, 16));
  }
}

namespace {

bool has_port(const std::string& address, int port) {
  return std::stoi(address.substr(address.find(':') + 1), nullptr, 16) == port;
}

void note(ServerProcess::Queued& most, const ServerProcess::Queued& one) {
  most.untaken = std::max(most.untaken, one.untaken);
  most.unread = std::max(most.unread, one.unread);
}

}  // namespace

ServerProcess::Queued ServerProcess::most_queued_of_clients() const {
  Queued most;
  for (const Socket& one : sockets()) {
    if (has_port(one.local, port_)) note(most, one.queued);
  }
  return most;
}

ServerProcess::Queued ServerProcess::most_queued_of_source(int port) const {
  Queued most;
  for (const Socket& one : sockets()) {
    if (has_port(one.remote, port)) note(most, one.queued);
  }
  return most;
}

int ServerProcess::connections_to(int port) const {
  int count = 0;
  for (const Socket& socket : sockets()) {
    const char* end = socket.remote.c_str() + socket.remote.rfind(':') + 1;
    count += std::strtol(end, nullptr, 16) == port ? 1 : 0;
  }
  return count;
}

void ServerProcess::signal(int number) const {
  EXPECT_EQ(syscall(SYS_pidfd_send_signal, process_fd_.get(), number, nullptr, 0), 0);
}

void ServerProcess::limit_threads(unsigned threads_max) const {
  // As its own user: another's limits are changed by CAP_SYS_RESOURCE alone, which root may lack.
  const pid_t changer = fork();
  if (changer == 0) {
    rlimit limit{};
    const bool done = setgid(user_.id) == 0 && setuid(user_.id) == 0 &&
                      prlimit(pid_, RLIMIT_NPROC, nullptr, &limit) == 0;
    limit.rlim_cur = std::min<rlim_t>(threads_max, limit.rlim_max);
    _exit(done && prlimit(pid_, RLIMIT_NPROC, &limit, nullptr) == 0 ? 0 : 1);
  }
  int status = 1;
  EXPECT_EQ(waitpid(changer, &status, 0), changer);
  EXPECT_EQ(status, 0);
}

std::optional<int> ServerProcess::wait_for_exit(Milliseconds limit) {
  if (status_) return status_;
  pollfd ready{process_fd_.get(), POLLIN, 0};
  if (poll(&ready, 1, static_cast<int>(limit.count())) <= 0) return std::nullopt;
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) return std::nullopt;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (log_thread_.joinable()) log_thread_.join();
  return status_;
}

void ServerProcess::stop() {
  if (status_) return;
  signal(SIGTERM);
  const std::optional<int> status = wait_for_exit(patience(10000));
  EXPECT_TRUE(status.has_value()) << "SIGTERM does not end it\n" << log();
  EXPECT_EQ(status.value_or(0), 0) << log();
}

void ServerProcess::check_log() const {
  const std::string text = log();
  for (std::string_view alarm : kAlarms) {
    EXPECT_EQ(text.find(alarm), std::string::npos) << text;
  }
}

int ServerProcess::descriptors() const {
  int count = 0;
  std::error_code gone;
  const std::string own = "/proc/" + std::to_string(pid_) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator(own, gone)) {
    const auto link = std::filesystem::read_symlink(entry.path(), gone);
    count += link == "anon_inode:[eventpoll]" ? 0 : 1;
  }
  return count;
}

std::vector<int> ServerProcess::thread_ids() const {
  std::vector<int> out;
  std::error_code gone;
  const std::string own = "/proc/" + std::to_string(pid_) + "/task";
  for (const auto& entry : std::filesystem::directory_iterator(own, gone)) {
    out.push_back(static_cast<int>(parse_int(entry.path().filename().string()).value_or(0)));
  }
  return out;
}

std::string ServerProcess::thread_name(int id) const {
  const std::string own = "/proc/" + std::to_string(pid_) + "/task/";
  return std::string(trim(file_text(own + std::to_string(id) + "/comm")));
}

int ServerProcess::threads() const {
  int count = 0;
  for (const int id : thread_ids()) {
    const std::string name = thread_name(id);
    const bool engine = name.starts_with("iou-") || name == "file";
    count += engine || name.starts_with("libvips") ? 0 : 1;
  }
  return count;
}

std::string ServerProcess::metrics_text() const {
  RawClient client(metrics_port_, kMetricsHost);
  if (!client.send("GET /metrics HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n")) return {};
  return client.read().body;
}

std::optional<double> ServerProcess::metric(std::string_view name) const {
  const std::string text = metrics_text();
  for (std::string_view line : split(text, "\n")) {
    if (!line.starts_with(name) || line.size() <= name.size() || line[name.size()] != ' ') continue;
    return parse_float(line.substr(name.size() + 1));
  }
  return std::nullopt;
}

double ServerProcess::metric_sum(std::string_view prefix) const {
  const std::string text = metrics_text();
  double sum = 0;
  for (std::string_view line : split(text, "\n")) {
    const std::size_t space = line.rfind(' ');
    if (!line.starts_with(prefix) || space == std::string_view::npos) continue;
    sum += parse_float(line.substr(space + 1)).value_or(0);
  }
  return sum;
}

}  // namespace imgring::test
