// The list of stages, once for pictures and once around it.
#include "imgring/service/picture.h"

#include <utility>

#include "imgring/service/admission.h"
#include "imgring/service/compress.h"
#include "imgring/service/delivery.h"
#include "imgring/service/image_answer.h"
#include "imgring/service/picture_job.h"
#include "imgring/service/raw_stream.h"
#include "imgring/service/request_log.h"
#include "imgring/service/result_image.h"
#include "imgring/service/source_image.h"
#include "imgring/service/watermarks.h"

namespace imgring::service {

loop::Task<Result<Answer>> make_picture(Services& services, loop::Scope& scope,
                                        ImageRequest& request) {
  IMGRING_CO_TRY(SourcePtr source, co_await fetch_source(services, scope, request));
  if (source->not_modified) {
    co_return not_modified(request, *source->origin, services.loop.unix_s());
  }
  IMGRING_CO_TRY(Marks marks, co_await fetch_watermarks(services, scope, request, *source));
  JobPtr job = picture_job(request, std::move(source), std::move(marks), services.shared);
  IMGRING_CO_TRY(Admission admission, co_await admit(services, scope, request, *job));
  IMGRING_CO_TRY(ResultPtr result, co_await make_result(services, scope, request, std::move(job),
                                                        std::move(admission)));
  if (request.parsed->info) co_return describe_info(request, result, services.loop.unix_s());
  Answer plain = describe(request, result, services.loop.unix_s());
  co_return co_await compress(services, scope, request, result->type, std::move(plain));
}

namespace {

// An answer that is to be sent, or was sent by the stream.
loop::Task<Answer> answer_to(Services& services, loop::Scope& scope, ImageRequest& request,
                             http::Responder& responder) {
  const Gauge images(services.metrics.images_in_progress);
  log_started(services.shared, request);
  if (request.parsed->options.raw) {
    co_return co_await stream_raw(services, scope, request, responder);
  }
  loop::Scope timed(&scope);
  loop::Deadline due(services.loop, timed, request.time.due() - services.loop.now());
  Result<Answer> answer = co_await make_picture(services, timed, request);
  if (!answer) co_return error_answer(request, std::move(answer).error());
  co_return std::move(*answer);
}

}  // namespace

loop::Task<void> serve_picture(Services& services, loop::Scope& scope, ImageRequest& request,
                               http::Responder& responder, RequestRecord& record) {
  Answer answer = co_await answer_to(services, scope, request, responder);
  const bool client_left = scope.reason() == loop::CancelReason::kClientGone;
  if (client_left && !answer.error) answer.error = Error(ErrorCode::kCancelled, "the client left");
  pace(answer, responder);
  if (!responder.started() && !client_left) {
    co_await deliver(services, request, responder, answer);
  }
  record.finish(answer, client_left);
}

}  // namespace imgring::service
