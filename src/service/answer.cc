// An error as its client sees it.
#include "imgring/service/answer.h"

#include <string>
#include <utility>

#include "imgring/service/answers.h"
#include "imgring/service/error_body.h"

namespace imgring::service {

namespace {

constexpr std::int64_t kRetryAfterSeconds = 1;

}  // namespace

Answer error_answer(const ImageRequest& request, Error error) {
  const config::Config& config = request.config();
  const std::string_view accept = request.request->headers.get("accept");
  const bool development = config.server.development_errors_mode;
  Answer answer;
  answer.response = base_response(error.status(), request.id);
  add_cors(answer.response, config);
  if (error_is_plain(accept, development)) {
    answer.response.headers.add("Content-Type", "text/plain");
    answer.body = Bytes::of_static(error.public_text());
  } else {
    ErrorBody body = error_body(error, accept, request.id, development);
    answer.response.headers.add("Content-Type", std::move(body.content_type));
    answer.body = Bytes::of(std::move(body.text));
  }
  if (error.code == ErrorCode::kOverloaded) {
    answer.response.headers.add("Retry-After", std::to_string(kRetryAfterSeconds));
  }
  add_custom(answer.response, config);
  answer.error = std::move(error);
  return answer;
}

}  // namespace imgring::service
