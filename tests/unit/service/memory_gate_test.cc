// Admission by memory: the lanes' parts, and jobs larger than the budget.
#include "imgring/service/memory_gate.h"

#include <string>

#include "../byte_units.h"
#include "../loop/run_loop.h"

namespace imgring::service {
namespace {

using namespace std::chrono_literals;
using loop::Lane;
using loop::Loop;
using loop::Scope;
using loop::Task;

// Leaves 512 MiB for plans.
constexpr std::uint64_t kLimit = 1003 * kMiB;

Task<void> enter(MemoryGate& gate, Scope& scope, Lane lane, std::uint64_t bytes, MemoryGrant& out,
                 std::string& order) {
  auto grant = co_await gate.enter(scope, bytes, lane);
  order += lane == Lane::kQuick ? "q" : "p";
  order += grant ? '+' : '-';
  if (grant) out = std::move(*grant);
}

// Patient jobs that wait for their helpers must not keep quick ones out.
Task<void> lanes(Loop& loop, Scope& scope) {
  const Logger log(LogFormat::kStructured, LogLevel::kCritical);
  loop::HelperPool helpers(2, 16, {});
  Shared shared(log, helpers, kLimit);  // 512 MiB of plans, 384 of them for patient jobs
  MemoryGate gate(loop, shared);
  std::string order;
  MemoryGrant first, second, quick;
  loop::Nursery nursery(loop, &scope);
  nursery.start(enter(gate, nursery.scope(), Lane::kPatient, 300 * kMiB, first, order));
  nursery.start(enter(gate, nursery.scope(), Lane::kPatient, 300 * kMiB, second, order));
  co_await loop::Sleep(loop, scope, 5ms);
  nursery.start(enter(gate, nursery.scope(), Lane::kQuick, 100 * kMiB, quick, order));
  co_await loop::Sleep(loop, scope, 5ms);
  EXPECT_EQ(order, "p+q+");
  EXPECT_EQ(gate.waiting(), 1u);
  first = {};
  co_await nursery.join();
  EXPECT_EQ(order, "p+q+p+");
  second = {};
  quick = {};
  EXPECT_EQ(shared.plans().current() + shared.patient.current(), 0u);
}
TEST(MemoryGate, QuickJobsHaveAPartThatPatientOnesLeave) { loop::run_manual(lanes); }

// A large quick job waits with the patient ones, and the small ones pass.
Task<void> large_quick(Loop& loop, Scope& scope) {
  const Logger log(LogFormat::kStructured, LogLevel::kCritical);
  loop::HelperPool helpers(2, 16, {});
  Shared shared(log, helpers, kLimit);
  MemoryGate gate(loop, shared), other(loop, shared);
  std::string order;
  MemoryGrant patient, large, small;
  loop::Nursery nursery(loop, &scope);
  nursery.start(enter(gate, nursery.scope(), Lane::kPatient, 384 * kMiB, patient, order));
  nursery.start(enter(gate, nursery.scope(), Lane::kQuick, 200 * kMiB, large, order));
  co_await loop::Sleep(loop, scope, 10ms);
  nursery.start(enter(other, nursery.scope(), Lane::kQuick, 100 * kMiB, small, order));
  co_await loop::Sleep(loop, scope, 10ms);
  EXPECT_EQ(order, "p+q+");
  EXPECT_GT(small.planned.bytes(), 0u);
  patient = {};
  co_await nursery.join();
  EXPECT_EQ(order, "p+q+q+");
  large = {};
  small = {};
}
TEST(MemoryGate, ALargeQuickJobKeepsNobodyFromThePartOfTheQuick) { loop::run_manual(large_quick); }

Task<void> alone(Loop& loop, Scope& scope) {
  const Logger log(LogFormat::kStructured, LogLevel::kCritical);
  loop::HelperPool helpers(2, 16, {});
  Shared shared(log, helpers, kLimit);
  MemoryGate gate(loop, shared), other(loop, shared);
  std::string order;
  MemoryGrant small, huge, later;
  loop::Nursery nursery(loop, &scope);
  nursery.start(enter(other, nursery.scope(), Lane::kQuick, kMiB, small, order));
  nursery.start(enter(gate, nursery.scope(), Lane::kPatient, 4096 * kMiB, huge, order));
  co_await loop::Sleep(loop, scope, 5ms);
  nursery.start(enter(other, nursery.scope(), Lane::kQuick, kMiB, later, order));
  co_await loop::Sleep(loop, scope, 10ms);
  EXPECT_EQ(order, "q+") << "a core's small jobs wait for the other core's large one";
  small = {};
  co_await loop::Sleep(loop, scope, 10ms);
  EXPECT_EQ(order, "q+p+");
  huge = {};
  co_await nursery.join();
  EXPECT_EQ(order, "q+p+q+");
  later = {};
}
TEST(MemoryGate, AJobAboveTheBudgetRunsAloneAndSoon) { loop::run_manual(alone); }

Task<void> too_late(Loop& loop, Scope& scope) {
  const Logger log(LogFormat::kStructured, LogLevel::kCritical);
  loop::HelperPool helpers(2, 16, {});
  Shared shared(log, helpers, kLimit);
  MemoryGate gate(loop, shared);
  auto all = shared.plans().try_grant(shared.plans().max());
  Scope request(&scope);
  loop::Deadline due(loop, request, 10ms);
  const auto before = loop.now();
  const auto grant = co_await gate.enter(request, kMiB, Lane::kPatient);
  EXPECT_EQ(loop.now() - before, 10ms);
  EXPECT_FALSE(grant.has_value());
  EXPECT_EQ(grant.error().code, ErrorCode::kOverloaded);
  EXPECT_EQ(shared.patient.current(), 0u);
}
TEST(MemoryGate, TheDeadlineEndsTheWait) { loop::run_manual(too_late); }

}  // namespace
}  // namespace imgring::service
