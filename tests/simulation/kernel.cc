// Numbers, closing, and who is told of a change.
#include "kernel.h"

#include <cerrno>

#include "simulated_engine.h"

namespace imgring::simulation {

Kernel* kernel = nullptr;

std::string text_of(const CompletionFault& fault) {
  const bool failed = fault.kind == CompletionFault::Kind::kFailed;
  return (failed ? "--failed " : "--held ") + std::to_string(fault.at) + " ";
}

Kernel::Kernel(const Chances& chances, int descriptors_max)
    : chances_(chances), descriptors_max_(descriptors_max) {}
Kernel::~Kernel() = default;

bool Kernel::refuses_descriptor() {
  return static_cast<int>(open_count_) >= descriptors_max_ ||
         world->random().chance(chances_.refused_descriptor);
}

int Kernel::open(Node::Kind kind) {
  std::size_t index = 0;
  while (index < nodes_.size() && nodes_[index]) ++index;
  if (index == nodes_.size()) nodes_.emplace_back();
  nodes_[index] = std::make_unique<Node>();
  nodes_[index]->kind = kind;
  nodes_[index]->fd = kFirst + static_cast<int>(index);
  nodes_[index]->number = ++opened_;
  ++open_count_;
  return nodes_[index]->fd;
}

int Kernel::open_file(std::string content) {
  const int fd = open(Node::Kind::kFile);
  get(fd).content = std::move(content);
  return fd;
}

Node* Kernel::find(int fd) noexcept {
  const auto index = static_cast<std::size_t>(fd - kFirst);
  return fd >= kFirst && index < nodes_.size() ? nodes_[index].get() : nullptr;
}

Node& Kernel::get(int fd) {
  Node* node = find(fd);
  if (node == nullptr) world->fail("descriptor " + std::to_string(fd) + " is not open");
  return *node;
}

int Kernel::close(int fd) {
  Node& node = get(fd);
  world->trace("close", fd);
  if (!node.waiting.empty()) {
    world->fail("descriptor " + std::to_string(fd) + " is closed with an operation of kind " +
                std::to_string(static_cast<int>(node.waiting.front()->request.kind)) +
                " in flight: its completion would come to whoever has the number next");
  }
  if (node.wire) node.wire->close(node.linger_zero);
  for (const auto& wire : node.backlog) wire->close(true);
  nodes_[static_cast<std::size_t>(fd - kFirst)].reset();
  --open_count_;
  return 0;
}

std::string Kernel::open_text() const {
  std::string text;
  for (const auto& node : nodes_) {
    if (!node) continue;
    text += " " + std::to_string(node->fd) + " (kind " +
            std::to_string(static_cast<int>(node->kind)) + ")";
  }
  return text;
}

void Kernel::changed(Node& node, Change change) {
  const std::vector<Pending*> waiting = node.waiting;  // what is over leaves the list
  for (Pending* pending : waiting) pending->engine->attempt(*pending, change);
  for (const auto& other : nodes_) {
    if (!other || other->kind != Node::Kind::kEpoll) continue;
    if (other->watched.count(node.fd) > 0) changed(*other, Change::kInput);
  }
}

bool Kernel::epoll_ready(const Node& node) {
  for (const auto& [fd, events] : node.watched) {
    const Node* one = find(fd);
    if (one != nullptr && one->readable && (events & EPOLLIN) != 0) return true;
  }
  return false;
}

bool Kernel::arrive(int listen_fd, std::shared_ptr<Wire> wire) {
  Node* node = find(listen_fd);
  if (node == nullptr || !node->listening) return false;
  node->backlog.push_back(std::move(wire));
  changed(*node, Change::kInput);
  return true;
}

int Kernel::accept(int listen_fd) {
  Node& listener = get(listen_fd);
  if (listener.backlog.empty()) {
    errno = listener.listening ? EAGAIN : EINVAL;
    return -1;
  }
  if (refuses_descriptor()) {
    errno = EMFILE;
    return -1;
  }
  std::shared_ptr<Wire> wire = std::move(listener.backlog.front());
  listener.backlog.pop_front();
  const int fd = open(Node::Kind::kStream);
  Node& node = get(fd);
  node.wire = std::move(wire);
  node.wire->node = &node;
  node.connect_result = 0;
  world->trace("accept", listen_fd, fd);
  return fd;
}

}  // namespace imgring::simulation
