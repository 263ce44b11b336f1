// Counting of lines that say the same.
#include "imgring/service/equal_lines.h"

#include <utility>

namespace imgring::service {

namespace {

// A detail that is compared with those of all others of a second.
constexpr std::size_t kDetailBytesMax = 1024;

template <class T, class U>
void keep_if_equal(std::optional<T>& common, const U& value) {
  if (common && *common != value) common.reset();
}

}  // namespace

void EqualLines::add(Row& row, const FailedRequest& request) {
  SummedLines& sum = row.sum;
  std::string_view text, detail;
  if (request.error != nullptr) {
    text = request.error->public_text();
    detail = request.error->detail;
  }
  if (sum.count++ == 0) {
    sum.level = request.level;
    sum.status = request.status;
    sum.method = request.method;
    sum.client = request.client;
    sum.error = text;
    row.one_detail = detail.size() <= kDetailBytesMax;
    row.detail = row.one_detail ? detail : std::string_view();
    return;
  }
  keep_if_equal(sum.status, request.status);
  keep_if_equal(sum.method, request.method);
  keep_if_equal(sum.client, request.client);
  keep_if_equal(sum.error, text);
  row.one_detail = row.one_detail && row.detail == detail;
}

std::optional<SummedLines> EqualLines::taken(Row& row) {
  if (row.sum.count == 0) return std::nullopt;
  SummedLines sum = std::exchange(row.sum, {});
  if (sum.error && row.one_detail && !row.detail.empty()) sum.error->append(": ") += row.detail;
  if (sum.error && sum.error->empty()) sum.error.reset();
  return sum;
}

bool EqualLines::admit(const FailedRequest& request, std::int64_t now_s,
                       std::optional<SummedLines>* before) {
  const std::size_t reason =
      request.error == nullptr ? 0 : static_cast<std::size_t>(request.error->code) + 1;
  Row& row = rows_[reason][request.level >= LogLevel::kError ? 1 : 0];
  const std::lock_guard lock(row.mutex);
  if (now_s > row.second) {  // else another thread has looked at the clock after us
    *before = taken(row);
    row.second = now_s;
    row.written = 0;
  }
  if (row.written < kEqualLinesMax) {
    ++row.written;
    return true;
  }
  add(row, request);
  summed_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

std::vector<SummedLines> EqualLines::take(std::int64_t now_s) {
  std::vector<SummedLines> out;
  for (auto& levels : rows_) {
    for (Row& row : levels) {
      const std::lock_guard lock(row.mutex);
      if (row.second >= now_s) continue;
      if (auto sum = taken(row)) out.push_back(std::move(*sum));
    }
  }
  return out;
}

}  // namespace imgring::service
