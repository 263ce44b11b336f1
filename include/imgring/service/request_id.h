// Who asks, and the id of it: what a request's log lines and its answer carry.
// RequestIds belongs to a core; loop thread only. The functions: any thread.
#pragma once

#include <array>
#include <cstddef>
#include <string>

#include "imgring/http/headers.h"
#include "imgring/http/server.h"

namespace imgring::service {

// Random request ids of one core: 21 characters as imgproxy's, 126 bits of the kernel's generator
// each, none used twice. Asked for by the page: a system call for each was a thirtieth of what a
// refusal costs. Those to come lie in the process's memory: an id names a request and opens
// nothing.
class RequestIds {
 public:
  std::string next();

 private:
  static constexpr std::size_t kLength = 21;
  std::array<unsigned char, 192 * kLength> bytes_;
  std::size_t left_ = 0;
};

// X-Request-ID when it is fit, else the one in X-Amzn-Request-Context, else the next random one.
std::string request_id_of(const http::Headers& headers, RequestIds& ids);
// CF-Connecting-IP, first X-Forwarded-For, X-Real-IP, else the peer.
std::string client_address(const http::Headers& headers, const http::Peer& peer);

}  // namespace imgring::service
