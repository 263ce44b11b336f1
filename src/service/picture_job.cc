// Owners first, then what points at them.
#include "imgring/service/picture_job.h"

#include <utility>

namespace imgring::service {

namespace {

void tell_info(const ImageRequest& request, PictureJob* job) {
  job->wanted = *request.parsed->info;
  job->options = pipeline::info_picture_options(job->options, *job->wanted);
  job->info = {.options = &*job->wanted,
               .size_bytes = job->source->origin->file_bytes,
               .cut = job->source->cut};
  job->render.info = &job->info;
}

}  // namespace

JobPtr picture_job(const ImageRequest& request, SourcePtr source, Marks marks,
                   const Shared& shared) {
  auto out = std::make_shared<PictureJob>();
  out->snapshot = request.snapshot;
  out->options = request.parsed->options;
  out->source = std::move(source);
  out->marks = std::move(marks);
  for (const FetchedPtr& mark : out->marks) {
    out->mark_images.push_back(mark != nullptr ? &mark->image : nullptr);
  }
  pipeline::RenderJob& job = out->render;
  job.source = out->source->bytes.span();
  job.source_type = out->source->type;
  job.source_replaced = out->source->origin->replaced.has_value();
  job.options = &out->options;
  job.config = &out->snapshot->config.processing;
  job.watermark = out->snapshot->watermark.get();
  job.fetched_marks = out->mark_images;
  job.profile = profile_of(*out->snapshot, out->options).value_or(nullptr);
  job.abilities = out->snapshot->abilities;
  job.children = shared.children;
  job.scratch = shared.scratch;
  job.log = &shared.log;
  job.time = {&system_time(), request.time.due()};
  if (request.parsed->info) tell_info(request, out.get());
  return out;
}

}  // namespace imgring::service
