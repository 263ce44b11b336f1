// The engine of the simulation: the seam under the loop over the simulated kernel and clock.
// As io_uring it sees operations at the next turn, completes them one after another, tells of them
// late and not in the order of their submission, and takes a cancel as a request that may come too
// late.
// Owned by its loop, which runs on a fiber of its own.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "imgring/loop/engine.h"
#include "kernel.h"

namespace imgring::simulation {

class SimulatedEngine final : public loop::Engine {
 public:
  SimulatedEngine();
  ~SimulatedEngine() override;
  std::string_view name() const noexcept override { return "simulated"; }
  void cancel(loop::Operation* operation) noexcept override;
  void turn(loop::Clock::duration wait) noexcept override;

  // The kernel's: something that it waits for may be there.
  void attempt(Pending& pending, Change change);

 protected:
  void start(const loop::OpRequest& request, loop::Operation* operation) noexcept override;

 private:
  struct Done {
    Pending* pending;
    int result;
    bool more;
  };
  void see_submitted();
  void see(Pending& pending);
  void finish(Pending& pending, int result, bool more = false);
  void tell(const Done& done);
  bool holds(const Pending& pending) const noexcept;
  void hold(const Done& done);
  void let_go();
  void cancel_seen(Pending& pending);
  void shuffle();
  void deliver_all();
  Pending* by_number(std::uint64_t number);
  Node* node_of(const Pending& pending);
  int try_recv(Pending& pending, Node& node);
  int try_send(Pending& pending, Node& node);
  int try_read(Pending& pending, Node& node);
  void try_accept(Pending& pending, Node& node);
  void try_watch(Pending& pending, Node& node, Change change);
  void connect(Pending& pending);

  std::vector<std::unique_ptr<Pending>> all_;
  std::deque<Pending*> submitted_;
  std::vector<Done> done_;
  std::vector<Done> held_;  // of one operation, in order: a delayed one, and what came behind it
  Fiber* sleeper_ = nullptr;
  std::uint64_t numbers_ = 0;
  std::shared_ptr<std::uint64_t> turns_;  // so far; 0: the engine is gone
};

}  // namespace imgring::simulation
