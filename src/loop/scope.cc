// The cancellation tree: a list of children per scope, walked once when it is cancelled.
#include "imgring/loop/scope.h"

#include <utility>

namespace imgring::loop {

void Cancellable::unlink() noexcept {
  if (owner_ == nullptr) return;
  if (owner_->walking_ == this) owner_->walking_ = next_;
  (prev_ ? prev_->next_ : owner_->head_next_) = next_;
  (next_ ? next_->prev_ : owner_->head_prev_) = prev_;
  prev_ = next_ = nullptr;
  owner_ = nullptr;
}

Scope::Scope(Scope* parent) : parent_(parent) {
  if (parent == nullptr) return;
  reason_ = parent->reason_;
  parent->add(this);
}

Scope::~Scope() {
  IMGRING_CHECK(head_next_ == nullptr);
  unlink();
}

void Scope::add(Cancellable* child) noexcept {
  child->owner_ = this;
  child->prev_ = head_prev_;
  child->next_ = nullptr;
  (head_prev_ ? head_prev_->next_ : head_next_) = child;
  head_prev_ = child;
}

void Scope::cancel(CancelReason reason) noexcept {
  if (cancelled()) return;
  reason_ = reason;
  // A handler may unlink any child; no handler runs a coroutine.
  walking_ = head_next_;
  while (walking_ != nullptr) {
    Cancellable* child = std::exchange(walking_, walking_->next_);
    child->on_cancel();
  }
}

void Scope::on_cancel() noexcept { cancel(parent_->reason_); }

}  // namespace imgring::loop
