// Runs seeds, one after another, and tells of them; ./tools/simulate calls it.
//
//   simulation --seeds N [--first S]    S to S + N - 1; the last line sums them up
//   simulation --replay SEED            one seed, with its trace on stderr
//   simulation --twice N [--first S]    each of N seeds twice: their traces must be the same
//   simulation --completions N [--first S]  a few requests of each of N seeds, once for each of
//                                       their completions held back, and once for each of them
//                                       failed
//   simulation --replay SEED --held K   the one whose completion K is held back, or --failed K;
//                                       K is 0: none is
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "scenario.h"

namespace imgring::simulation {

namespace {

volatile std::uint64_t running = 0;
CompletionFault faulty;

// A broken invariant of the server's, or a fault of memory.
void tell_seed(int signal) {
  char text[128];
  const int size =
      std::snprintf(text, sizeof text, "seed %llu %sended by signal %d\n",
                    static_cast<unsigned long long>(running), text_of(faulty).c_str(), signal);
  if (size > 0) (void)!write(STDERR_FILENO, text, static_cast<std::size_t>(size));
  _exit(1);
}

struct Wanted {
  std::uint64_t first = 1, count = 1;
  bool verbose = false, twice = false, completions = false, few = false;
  CompletionFault fault;
};

bool read_arguments(int count, char** words, Wanted* out) {
  bool any = false;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view word = words[i];
    const std::uint64_t value = std::strtoull(words[i + 1], nullptr, 10);
    any = any || word != "--first";
    if (word == "--first") {
      out->first = value;
    } else if (word == "--seeds" || word == "--twice") {
      out->count = value;
      out->twice = word == "--twice";
    } else if (word == "--completions") {
      out->count = value;
      out->completions = true;
    } else if (word == "--held") {
      out->fault = {CompletionFault::Kind::kDelayed, value};
      out->few = true;
    } else if (word == "--failed") {
      out->fault = {CompletionFault::Kind::kFailed, value};
      out->few = true;
    } else if (word == "--replay") {
      out->first = value;
      out->verbose = true;
    } else {
      return false;
    }
  }
  return any && count % 2 == 1;
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

struct Faults {
  std::uint64_t held = 0, failed = 0, good = 0;
};

[[noreturn]] void wrong(std::uint64_t seed, const char* what) {
  std::fprintf(stderr, "seed %llu %sfailed: %s\n", static_cast<unsigned long long>(seed),
               text_of(faulty).c_str(), what);
  std::exit(1);
}

// A connection may end by it, with all that was to be asked on it. From there on chance goes
// another way: sources are slower or quicker, clients leave sooner or later. So one run says little
// of how many pictures are left, but that there are some, and all runs of a seed together much.
void try_fault(std::uint64_t seed, const Outcome& fair, Faults* faults) {
  const Outcome one = run_few(seed, false, faulty);
  const bool held = faulty.kind == CompletionFault::Kind::kDelayed;
  if (!one.fault_done && held) wrong(seed, "there was no such completion");
  if (!one.fault_done) return;  // of a kind that does not fail
  if (one.good == 0 && fair.good > kWishesMost) wrong(seed, "no picture is left");
  faults->good += one.good;
  ++(held ? faults->held : faults->failed);
}

void each_completion(std::uint64_t seed, Faults* all) {
  Faults own;
  faulty = {};
  const Outcome fair = run_few(seed, false, faulty);
  if (fair.good == 0) wrong(seed, "no picture in fair weather");
  for (const auto kind : {CompletionFault::Kind::kDelayed, CompletionFault::Kind::kFailed}) {
    for (std::uint64_t at = 1; at <= fair.completions; ++at) {
      faulty = {kind, at};
      try_fault(seed, fair, &own);
    }
  }
  const std::uint64_t runs = own.held + own.failed;
  constexpr std::uint64_t kLeftParts = 3, kParts = 4;
  if (own.good * kParts < runs * fair.good * kLeftParts) wrong(seed, "few pictures are left");
  all->held += own.held;
  all->failed += own.failed;
}

int run_completions(const Wanted& wanted) {
  const auto begin = std::chrono::steady_clock::now();
  Faults faults;
  for (std::uint64_t i = 0; i < wanted.count; ++i) {
    running = wanted.first + i;
    each_completion(running, &faults);
  }
  std::printf("%llu seeds: %llu completions held back, %llu failed, one at a time, in %.1f s\n",
              static_cast<unsigned long long>(wanted.count),
              static_cast<unsigned long long>(faults.held),
              static_cast<unsigned long long>(faults.failed), seconds_since(begin));
  return faults.failed > 0 ? 0 : 1;
}

int run(const Wanted& wanted) {
  Outcome all;
  double slowest = 0;
  std::uint64_t slowest_seed = 0, fewest = ~std::uint64_t{0};
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < wanted.count; ++i) {
    running = wanted.first + i;
    const auto seed_begin = std::chrono::steady_clock::now();
    const Outcome one = run_seed(running, wanted.verbose);
    const double took = seconds_since(seed_begin);
    if (took > slowest) slowest_seed = running;
    slowest = std::max(slowest, took);
    fewest = std::min(fewest, one.asked);
    if (wanted.twice && run_seed(running, false).trace != one.trace) {
      std::fprintf(stderr, "seed %llu failed: it gives another trace the second time\n",
                   static_cast<unsigned long long>(running));
      return 1;
    }
    all.trace = all.trace * 31 + one.trace;
    all.steps += one.steps;
    all.asked += one.asked;
    all.answered += one.answered;
    all.good += one.good;
    all.simulated_s += one.simulated_s;
  }
  std::printf(
      "%llu seeds from %llu, trace %016llx: %llu requests, %llu answers, %llu of them pictures; "
      "%.0f s simulated in %.1f s; the slowest, %llu, %.3f s; fewest requests %llu\n",
      static_cast<unsigned long long>(wanted.count), static_cast<unsigned long long>(wanted.first),
      static_cast<unsigned long long>(all.trace), static_cast<unsigned long long>(all.asked),
      static_cast<unsigned long long>(all.answered), static_cast<unsigned long long>(all.good),
      all.simulated_s, seconds_since(begin), static_cast<unsigned long long>(slowest_seed), slowest,
      static_cast<unsigned long long>(fewest));
  return 0;
}

}  // namespace

}  // namespace imgring::simulation

int main(int count, char** words) {
  imgring::simulation::Wanted wanted;
  if (!imgring::simulation::read_arguments(count, words, &wanted)) {
    std::fprintf(stderr,
                 "simulation --seeds N | --twice N | --completions N [--first S] | "
                 "--replay SEED [--held K | --failed K]\n");
    return 2;
  }
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    std::signal(signal, imgring::simulation::tell_seed);
  }
  if (wanted.completions) return imgring::simulation::run_completions(wanted);
  if (wanted.few) {
    static_cast<void>(imgring::simulation::run_few(wanted.first, wanted.verbose, wanted.fault));
    return 0;
  }
  return imgring::simulation::run(wanted);
}
