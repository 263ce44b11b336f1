// Seventh stage: an answer to its gzip form, for clients that take it and formats that gain by it:
// SVG, BMP, ICO, TIFF (memory.md section 5.4). Large ones on a helper.
// Loop thread.
#pragma once

#include <string_view>

#include "imgring/base/bytes.h"
#include "imgring/base/error.h"
#include "imgring/service/answer.h"
#include "imgring/service/services.h"

namespace imgring::service {

// q > 0 for gzip or *.
bool accepts_gzip(std::string_view accept_encoding);
struct Packed {
  Bytes bytes;
  bool gzip = false;  // else they are as they were: it does not pay, or there is no room
};
// Bytes to bytes. The error: the scope ended first.
loop::Task<Result<Packed>> gzip_bytes(Services& services, loop::Scope& scope, Bytes plain,
                                      int level);
// An answer to an answer. The error: the scope ended first.
loop::Task<Result<Answer>> compress(Services& services, loop::Scope& scope, ImageRequest& request,
                                    ImageType type, Answer answer);

}  // namespace imgring::service
