// Between source and admission: the watermarks that a URL names (paid.md section 10).
#pragma once

#include <vector>

#include "imgring/base/error.h"
#include "imgring/service/fetched_cache.h"
#include "imgring/service/request.h"
#include "imgring/service/services.h"
#include "imgring/service/source_image.h"

namespace imgring::service {

// By pipeline; null, or beyond the end: the configured one, if any.
using Marks = std::vector<FetchedPtr>;

// From the cache, or fetched as a source is: with its limits, its guard and the configuration's
// headers, but none of the client's, as what is fetched serves others, too. The error is the whole
// request's: no fallback image stands in, and no result lacks its mark.
loop::Task<Result<Marks>> fetch_watermarks(Services& services, loop::Scope& scope,
                                           ImageRequest& request, const SourceImage& source);

}  // namespace imgring::service
