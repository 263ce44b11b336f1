// Who reads slowest.
#include "imgring/service/slow_readers.h"

#include <algorithm>

namespace imgring::service {

using loop::Clock;

SlowReaders::Sending::Sending(SlowReaders& readers, http::Responder& responder, Body body)
    : readers_(readers), responder_(responder), since_(readers.loop_.now()), part_(body.part),
      watched_(body.bytes >= kWatchedBytes) {
  if (!watched_) return;
  readers_.sending_.push_back(this);
  readers_.some_.notify();
}

SlowReaders::Sending::~Sending() {
  if (watched_) std::erase(readers_.sending_, this);
}

bool SlowReaders::end_slowest(mem::Part part, Clock::time_point now) noexcept {
  Sending* slowest = nullptr;
  double least = 0;
  for (Sending* one : sending_) {
    const std::chrono::duration<double> time = now - one->since_;
    if (one->part_ != part || one->ended_ || time < kFirstLook) continue;
    if (!one->responder_.writing()) continue;  // its source is the slow one
    const double rate = static_cast<double>(one->responder_.sent_bytes()) / time.count();
    if (slowest != nullptr && rate >= least) continue;
    slowest = one;
    least = rate;
  }
  if (slowest == nullptr) return false;
  slowest->ended_ = true;
  slowest->responder_.give_up();
  return true;
}

loop::Task<void> SlowReaders::watch(loop::Scope& scope, const Shared& shared) {
  bool going_on = true;
  while (going_on) {
    if (sending_.empty()) {
      going_on = co_await some_.wait(scope);
      continue;
    }
    going_on = co_await loop::Sleep(loop_, scope, kLookEvery);
    const auto now = loop_.now();
    if (going_on && shared.short_of_plans()) end_slowest(mem::Part::kPlans, now);
    if (going_on && shared.ledger.short_of_downloads()) end_slowest(mem::Part::kDownloads, now);
  }
}

}  // namespace imgring::service
