// Fields and levels of the lines, and what is only counted.
#include "imgring/service/request_log.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <optional>
#include <span>
#include <string>

#include "imgring/base/text.h"
#include "imgring/base/uri.h"
#include "imgring/service/request_id.h"

namespace imgring::service {

namespace {

// Go's duration text: 1.5s, 12.3ms, 45µs.
std::string duration_text(double seconds) {
  char text[32];
  if (seconds >= 1) {
    std::snprintf(text, sizeof text, "%.3fs", seconds);
  } else if (seconds >= 1e-3) {
    std::snprintf(text, sizeof text, "%.3fms", seconds * 1e3);
  } else {
    std::snprintf(text, sizeof text, "%.0fµs", seconds * 1e6);
  }
  return text;
}

// Seconds of the clock that never goes back.
std::int64_t second_of(loop::Clock::time_point now) noexcept {
  return std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
}

void log_sum(const Shared& shared, const SummedLines& sum) {
  LogGroup fields{{"lines", sum.count}};
  if (sum.method) fields.push_back({"method", *sum.method});
  if (sum.status) fields.push_back({"status", std::int64_t{*sum.status}});
  if (sum.client) fields.push_back({"client_ip", *sum.client});
  if (sum.error) fields.push_back({"error", *sum.error});
  shared.log.write(sum.level, std::to_string(sum.count) + " more of these in the last second",
                   fields);
}

// Whether a failed request gets lines of its own.
bool lines_wanted(Shared& shared, ImageRequest& request, const CompletedLine& line,
                  LogLevel level) {
  const FailedRequest failed{.level = level,
                             .status = line.status,
                             .method = request.request->method_name,
                             .client = request.client(),
                             .error = line.error};
  std::optional<SummedLines> before;
  const bool wanted = shared.equal_lines.admit(failed, second_of(line.now), &before);
  if (before) log_sum(shared, *before);
  return wanted;
}

}  // namespace

// A client that has left has no address any more: asked for while it is there.
const std::string& ImageRequest::client() {
  if (!client_) client_ = client_address(request->headers, *peer);
  return *client_;
}

void log_started(const Shared& shared, ImageRequest& request) {
  request.start_logged = true;
  const std::string& client = request.client();
  if (!shared.log.enabled(LogLevel::kInfo)) return;
  const std::array<LogView, 3> fields = {LogView{"request_id", request.id},
                                         {"method", request.request->method_name},
                                         {"client_ip", client}};
  const std::string message = "Started " + display_text(request.request->target);
  shared.log.write_views(LogLevel::kInfo, message, fields);
}

void log_summed(Shared& shared, loop::Clock::time_point now) {
  for (const SummedLines& sum : shared.equal_lines.take(second_of(now))) {
    log_sum(shared, sum);
  }
}

void log_completed(Shared& shared, ImageRequest& request, const CompletedLine& line) {
  const LogLevel level = line.status >= 500   ? LogLevel::kError
                         : line.status >= 400 ? LogLevel::kWarning
                                              : LogLevel::kInfo;
  if (!shared.log.enabled(level)) return;
  if (line.status >= 400 && !lines_wanted(shared, request, line, level)) return;
  if (!request.start_logged) log_started(shared, request);
  std::array<LogView, 8> fields = {LogView{"request_id", request.id},
                                   {"method", request.request->method_name},
                                   {"status", std::int64_t{line.status}},
                                   {"client_ip", request.client()}};
  std::size_t count = 4;
  LogGroup options;
  std::string image_url;
  if (request.source_shown && request.parsed) {
    options = request.parsed->info ? url::log_fields(*request.parsed->info)
                                   : url::log_fields(request.parsed->options);
    image_url = display_text(request.parsed->source_url);
    fields[count++] = {"image_url", image_url};
    fields[count++] = {request.parsed->info ? "info_options" : "processing_options", &options};
  }
  std::string ignored;
  if (request.parsed && !request.parsed->ignored.empty()) {
    ignored = join(request.parsed->ignored, ",");
    fields[count++] = {"ignored_options", ignored};
  }
  std::string error;
  if (line.error != nullptr) {
    error = line.error->public_text();
    if (!line.error->detail.empty()) error.append(": ").append(line.error->detail);
    fields[count++] = {"error", error};
  }
  const std::string message =
      "Completed in " + duration_text(line.seconds) + " " + display_text(request.request->target);
  shared.log.write_views(level, message, std::span(fields).first(count));
}

}  // namespace imgring::service
