// Scope: a cancellation tree of one loop. Cancelled is sticky and carries a reason; every
// operation, sleep and wait registers itself and ends early when its scope is cancelled. Loop
// thread only.
#pragma once

#include <cstdint>

#include "imgring/base/check.h"

namespace imgring::loop {

enum class CancelReason : std::uint8_t {
  kNone,
  kDeadline,
  kClientGone,
  kOverload,
  kShutdown,
  kDone
};

class Scope;

// Something that can be told to end early. Intrusive node: no allocation.
class Cancellable {
 public:
  Cancellable() = default;
  Cancellable(const Cancellable&) = delete;
  Cancellable& operator=(const Cancellable&) = delete;

 protected:
  // May unlink itself; must not run a coroutine.
  virtual void on_cancel() noexcept = 0;
  void unlink() noexcept;
  bool linked() const noexcept { return owner_ != nullptr; }
  virtual ~Cancellable() { IMGRING_CHECK(owner_ == nullptr); }

 private:
  friend class Scope;
  Cancellable* prev_ = nullptr;
  Cancellable* next_ = nullptr;
  Scope* owner_ = nullptr;
};

class Scope final : Cancellable {
 public:
  explicit Scope(Scope* parent = nullptr);
  ~Scope();
  bool cancelled() const noexcept { return reason_ != CancelReason::kNone; }
  CancelReason reason() const noexcept { return reason_; }
  // The first reason stays.
  void cancel(CancelReason reason) noexcept;
  void add(Cancellable* child) noexcept;

 private:
  friend class Cancellable;
  void on_cancel() noexcept override;
  Cancellable* head_next_ = nullptr;
  Cancellable* head_prev_ = nullptr;
  Cancellable* walking_ = nullptr;  // next child while cancel() walks: unlinking it moves on
  Scope* parent_ = nullptr;
  CancelReason reason_ = CancelReason::kNone;
};

}  // namespace imgring::loop
