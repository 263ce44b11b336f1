// The child's questions and answers. Owns one source and its picture at a time. One thread.
#pragma once

namespace imgring::image {

// Its end of the socket.
inline constexpr int kSvgSocket = 3;

}  // namespace imgring::image
