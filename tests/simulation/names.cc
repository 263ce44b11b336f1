// Name look-ups: c-ares as the resolver calls it, over a simulated datagram socket. Answers come
// late, in any order, or not at all.
#include "names.h"

#include <ares.h>
#include <netdb.h>
#include <netinet/in.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernel.h"

namespace imgring::simulation {

NameServer name_server;

namespace {

struct Lookup {
  std::string name;
  ares_addrinfo_callback callback;
  void* argument;
  Time due;  // it is given up then
  bool answered = false;
};

struct Channel {
  ares_sock_state_cb on_socket = nullptr;
  void* data = nullptr;
  Time patience = 0;
  int fd = -1;
  std::vector<std::shared_ptr<Lookup>> lookups;
};

Channel* channel_of(ares_channel channel) { return reinterpret_cast<Channel*>(channel); }

void open_socket(Channel& channel) {
  if (channel.fd >= 0) return;
  channel.fd = kernel->open(Node::Kind::kDatagram);
  channel.on_socket(channel.data, channel.fd, 1, 0);
}

void close_socket(Channel& channel) {
  if (channel.fd < 0) return;
  const int fd = std::exchange(channel.fd, -1);
  channel.on_socket(channel.data, fd, 0, 0);
  kernel->close(fd);
}

ares_addrinfo* addresses_of(const std::vector<sockaddr_in>& found, int ttl) {
  auto* info = new ares_addrinfo{};
  ares_addrinfo_node** end = &info->nodes;
  for (const sockaddr_in& address : found) {
    auto* node = new ares_addrinfo_node{};
    node->ai_ttl = ttl;
    node->ai_family = AF_INET;
    node->ai_addrlen = sizeof address;
    auto* copy = new sockaddr_in(address);
    node->ai_addr = reinterpret_cast<sockaddr*>(copy);
    *end = node;
    end = &node->ai_next;
  }
  return info;
}

// Each of these may call back into the resolver, which may look up more.
void end_lookup(Channel& channel, const std::shared_ptr<Lookup>& lookup, int status) {
  std::erase(channel.lookups, lookup);
  std::vector<sockaddr_in> found;
  int ttl = 0;
  if (status == ARES_SUCCESS) found = name_server(lookup->name, &ttl);
  const bool known = !found.empty();
  ares_addrinfo* info = known ? addresses_of(found, ttl) : nullptr;
  if (status == ARES_SUCCESS && !known) status = ARES_ENOTFOUND;
  lookup->callback(lookup->argument, status, 0, info);
}

void end_all(Channel& channel, int status) {
  while (!channel.lookups.empty()) {
    const std::shared_ptr<Lookup> lookup = channel.lookups.front();
    end_lookup(channel, lookup, status);
  }
  close_socket(channel);
}

}  // namespace

}  // namespace imgring::simulation

using namespace imgring::simulation;

extern "C" {

int __wrap_ares_init_options(ares_channel* out, ares_options* options, int) {
  auto made = std::make_unique<Channel>();
  made->on_socket = options->sock_state_cb;
  made->data = options->sock_state_cb_data;
  made->patience = options->timeout * kMillisecond * options->tries;
  *out = reinterpret_cast<ares_channel>(made.release());
  return ARES_SUCCESS;
}

void __wrap_ares_destroy(ares_channel channel) {
  const std::unique_ptr<Channel> own(channel_of(channel));
  end_all(*own, ARES_EDESTRUCTION);
}

void __wrap_ares_cancel(ares_channel channel) { end_all(*channel_of(channel), ARES_ECANCELLED); }

void __wrap_ares_getaddrinfo(ares_channel handle, const char* name, const char*,
                             const ares_addrinfo_hints*, ares_addrinfo_callback callback,
                             void* argument) {
  Channel* channel = channel_of(handle);
  auto lookup = std::make_shared<Lookup>(
      Lookup{name, callback, argument, world->now() + channel->patience, false});
  channel->lookups.push_back(lookup);
  open_socket(*channel);
  world->trace("look-up", static_cast<std::int64_t>(lookup->name.size()));
  Random& random = world->random();
  if (random.chance(kernel->chances().lost_answer)) return;
  const std::weak_ptr<Lookup> waits = lookup;
  world->after(random.latency(100 * kMicrosecond, 400 * kMillisecond), [channel, waits] {
    const std::shared_ptr<Lookup> now = waits.lock();
    if (!now) return;  // and the channel may be gone with it
    now->answered = true;
    Node& node = kernel->get(channel->fd);
    node.readable = true;
    kernel->changed(node, Change::kInput);
  });
}

void __wrap_ares_process_fd(ares_channel handle, ares_socket_t in, ares_socket_t) {
  Channel& channel = *channel_of(handle);
  const std::vector<std::shared_ptr<Lookup>> now = channel.lookups;
  if (in != ARES_SOCKET_BAD) {
    if (Node* node = kernel->find(in)) node->readable = false;
    for (const auto& lookup : now) {
      if (lookup->answered) end_lookup(channel, lookup, ARES_SUCCESS);
    }
  } else {
    for (const auto& lookup : now) {
      if (lookup->due <= world->now()) end_lookup(channel, lookup, ARES_ETIMEOUT);
    }
  }
  if (channel.lookups.empty()) close_socket(channel);
}

timeval* __wrap_ares_timeout(ares_channel handle, timeval* most, timeval* left) {
  Time least = most->tv_sec * kSecond + most->tv_usec * kMicrosecond;
  for (const auto& lookup : channel_of(handle)->lookups) {
    least = std::min(least, std::max<Time>(lookup->due - world->now(), 0));
  }
  *left = {.tv_sec = least / kSecond, .tv_usec = least % kSecond / kMicrosecond};
  return left;
}

void __wrap_ares_freeaddrinfo(ares_addrinfo* info) {
  for (ares_addrinfo_node* node = info->nodes; node != nullptr;) {
    ares_addrinfo_node* next = node->ai_next;
    delete reinterpret_cast<sockaddr_in*>(node->ai_addr);
    delete node;
    node = next;
  }
  delete info;
}

int __wrap_ares_gethostbyname_file(ares_channel, const char*, int, hostent** out) {
  *out = nullptr;
  return ARES_ENOTFOUND;
}

}  // extern "C"
