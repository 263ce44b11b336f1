// Lines of requests that fail alike: of one kind the first hundred in a second are written, the
// others are counted and said in one line when the second is over.
// Owns: a row for each kind there can be, a kind being a reason and a level. Any thread; a row is
// locked for the length of a comparison.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imgring/base/error.h"
#include "imgring/base/log.h"

namespace imgring::service {

// A second's lines of one kind that are written one by one: whoever reads them has seen the kind,
// and 100 a second of each cost less than a hundredth of a processor.
inline constexpr int kEqualLinesMax = 100;

// A failed request as its line shows it.
struct FailedRequest {
  LogLevel level = LogLevel::kWarning;
  int status = 0;
  std::string_view method, client;
  const Error* error = nullptr;  // null: a source's own bad answer, passed on
};

// What a second's others of a kind have in common: nothing stands where they differ.
struct SummedLines {
  LogLevel level = LogLevel::kWarning;
  std::int64_t count = 0;
  std::optional<int> status;
  std::optional<std::string> method, client;
  std::optional<std::string> error;  // public text, with the detail when it is the same
};

class EqualLines {
 public:
  // True: to be written. False: counted. `before`: what was counted in a second that is over.
  bool admit(const FailedRequest& request, std::int64_t now_s, std::optional<SummedLines>* before);
  // What was counted in seconds before `now_s`.
  std::vector<SummedLines> take(std::int64_t now_s);
  // Requests that were counted, since the start.
  std::uint64_t summed() const noexcept { return summed_.load(std::memory_order_relaxed); }

 private:
  struct Row {
    std::mutex mutex;
    std::int64_t second = 0;
    int written = 0;
    SummedLines sum;
    std::string detail;      // of the first that was counted
    bool one_detail = true;  // all have that one
  };
  static void add(Row& row, const FailedRequest& request);
  static std::optional<SummedLines> taken(Row& row);

  // No error, and each code; up to warnings, and errors.
  static constexpr std::size_t kReasons = static_cast<std::size_t>(ErrorCode::kInternal) + 2;
  std::array<std::array<Row, 2>, kReasons> rows_;
  std::atomic<std::uint64_t> summed_{0};
};

}  // namespace imgring::service
