// Hash sums of a file. Plain functions; any thread, of large files not a loop's.
#pragma once

#include <string>

#include "imgring/base/text.h"
#include "imgring/url/info_options.h"

namespace imgring::info {

// The bytes of the digest.
std::string digest_of(ByteSpan file, url::HashKind kind);

}  // namespace imgring::info
