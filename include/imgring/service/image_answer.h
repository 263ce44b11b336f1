// Sixth stage: a result to its answer: the headers that describe it (server.md section 3).
// Plain functions over values.
#pragma once

#include "imgring/http/server.h"
#include "imgring/service/answer.h"
#include "imgring/service/request.h"
#include "imgring/service/result_image.h"
#include "imgring/service/source_image.h"

namespace imgring::service {

// `now_unix_s`: what expires does so from then on.
Answer describe(const ImageRequest& request, const ResultPtr& result, std::int64_t now_unix_s);
// The same of what the info endpoint tells: the result's bytes are JSON.
Answer describe_info(const ImageRequest& request, const ResultPtr& result, std::int64_t now_unix_s);
// What the client has is still good: 304.
Answer not_modified(const ImageRequest& request, const Origin& origin, std::int64_t now_unix_s);
// Link to the source, when it is on the web and no secret.
void add_canonical(http::Response& response, const ImageRequest& request);
// The options of the URL that were left out.
void add_ignored(http::Response& response, const ImageRequest& request);
// What the option cache_tags asks for, as IMGPROXY_CACHE_TAGS_FORMAT names it.
void add_cache_tags(http::Response& response, const ImageRequest& request);

}  // namespace imgring::service
