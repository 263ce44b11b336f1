// What a refused request's two log lines cost, in each format.
//
//   log_bench [LINES]
//
// Started and Completed lines as a server under overload writes them, 20 every millisecond, to a
// pipe that another process reads. Prints, for a line: CPU ns of the thread that logs, CPU ns of
// the thread that writes, and lines dropped. `straight` is a logger without a queue.
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include "imgring/base/log_queue.h"

namespace {

using imgring::LogFormat;
using imgring::Logger;
using imgring::LogLevel;
using imgring::LogQueue;
using imgring::LogView;

constexpr int kBurst = 20;
const std::string kTarget =
    "/unsafe/rs:fill:300:200/g:sm/plain/http://images.example.com/catalogue/2026/photo-1234.jpg";

double cpu_ns(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

void log_refusal(const Logger& log) {
  const std::string id = "5nRcJmTWdQJbkpHuO9LsX";
  const std::string client = "203.0.113.7";
  const std::array<LogView, 3> started = {
      LogView{"request_id", id}, {"method", "GET"}, {"client_ip", client}};
  log.write_views(LogLevel::kInfo, "Started " + kTarget, started);
  const std::array<LogView, 5> completed = {
      LogView{"request_id", id},
      {"method", "GET"},
      {"status", std::int64_t{503}},
      {"client_ip", client},
      {"error",
       "Server is overloaded: the helpers have work for more than is left of "
       "IMGPROXY_TIMEOUT"}};
  log.write_views(LogLevel::kError, "Completed in 45µs " + kTarget, completed);
}

struct Reader {  // a child that reads the pipe to its end
  Reader() {
    int ends[2];
    if (pipe(ends) != 0) std::exit(1);
    child = fork();
    if (child == 0) {
      close(ends[1]);
      char piece[65536];
      while (read(ends[0], piece, sizeof piece) > 0) continue;
      _exit(0);
    }
    close(ends[0]);
    fd = ends[1];
  }
  ~Reader() {
    close(fd);
    waitpid(child, nullptr, 0);
  }
  pid_t child;
  int fd;
};

void measure(const char* name, LogFormat format, int lines, bool queued) {
  const Reader reader;
  std::unique_ptr<LogQueue> queue;
  if (queued) queue = std::make_unique<LogQueue>(imgring::LogQueueOptions{.fd = reader.fd});
  const auto log = queued ? std::make_unique<Logger>(format, LogLevel::kInfo, *queue)
                          : std::make_unique<Logger>(format, LogLevel::kInfo, reader.fd);
  const double process = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
  const double own = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
  double logging = 0;
  for (int i = 0; i < lines; i += kBurst) {
    const double start = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
    for (int k = 0; k < kBurst; k += 2) log_refusal(*log);
    logging += cpu_ns(CLOCK_THREAD_CPUTIME_ID) - start;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  log->flush();
  const double own_all = cpu_ns(CLOCK_THREAD_CPUTIME_ID) - own;
  const double writing = cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - process - own_all;
  std::printf("%-10s %-8s %6.0f ns logging %6.0f ns writing, %llu dropped\n", name,
              queued ? "queue" : "straight", logging / lines, writing / lines,
              static_cast<unsigned long long>(log->lines_dropped()));
}

}  // namespace

int main(int argc, char** argv) {
  const int lines = argc > 1 ? std::atoi(argv[1]) : 100000;
  struct Case {
    const char* name;
    LogFormat format;
  };
  for (const Case& c : {Case{"structured", LogFormat::kStructured},
                        {"pretty", LogFormat::kPretty},
                        {"json", LogFormat::kJson},
                        {"gcp", LogFormat::kGcp}}) {
    measure(c.name, c.format, lines, false);
    measure(c.name, c.format, lines, true);
  }
  return 0;
}
