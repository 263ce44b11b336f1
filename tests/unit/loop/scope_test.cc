// The cancellation tree without a loop.
#include "imgring/loop/scope.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace imgring::loop {
namespace {

struct Child final : Cancellable {
  explicit Child(Scope& scope) { scope.add(this); }
  ~Child() { unlink(); }
  void on_cancel() noexcept override {
    ++cancelled;
    unlink();
    if (victim != nullptr) victim->leave();
  }
  void leave() noexcept { unlink(); }
  int cancelled = 0;
  Child* victim = nullptr;
};

TEST(Scope, CancelReachesEveryChildOnceAndTheFirstReasonStays) {
  Scope root;
  Scope inner(&root);
  Child a(root), b(inner);
  root.cancel(CancelReason::kDeadline);
  root.cancel(CancelReason::kShutdown);
  EXPECT_EQ(a.cancelled, 1);
  EXPECT_EQ(b.cancelled, 1);
  EXPECT_EQ(inner.reason(), CancelReason::kDeadline);
}

TEST(Scope, ACancelledParentMakesCancelledChildren) {
  Scope root;
  root.cancel(CancelReason::kClientGone);
  Scope late(&root);
  EXPECT_EQ(late.reason(), CancelReason::kClientGone);
}

TEST(Scope, AnInnerCancelDoesNotClimb) {
  Scope root;
  Scope inner(&root);
  inner.cancel(CancelReason::kDone);
  EXPECT_FALSE(root.cancelled());
}

TEST(Scope, AHandlerMayUnlinkTheChildThatComesNext) {
  Scope root;
  Child a(root), b(root), c(root);
  a.victim = &b;
  root.cancel(CancelReason::kDeadline);
  EXPECT_EQ(a.cancelled, 1);
  EXPECT_EQ(b.cancelled, 0);
  EXPECT_EQ(c.cancelled, 1);
}

}  // namespace
}  // namespace imgring::loop
