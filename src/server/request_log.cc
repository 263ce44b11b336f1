// Request log lines in imgproxy's words.
#include <cmath>
#include <cstdio>

#include "image_request.h"
#include "imgring/base/uri.h"

namespace imgring::server {

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

}  // namespace

void log_started(const Process& process, const ImageRequest& request) {
  if (!process.log.enabled(LogLevel::kInfo)) return;
  process.log.info("Started " + display_text(request.request->target),
                   {{"request_id", request.id},
                    {"method", request.request->method_name},
                    {"client_ip", request.client}});
}

void log_completed(const Process& process, const ImageRequest& request, const CompletedLine& line) {
  const LogLevel level = line.status >= 500   ? LogLevel::kError
                         : line.status >= 400 ? LogLevel::kWarning
                                              : LogLevel::kInfo;
  if (!process.log.enabled(level)) return;
  LogGroup fields{{"request_id", request.id},
                  {"method", request.request->method_name},
                  {"status", std::int64_t{line.status}},
                  {"client_ip", request.client}};
  if (line.source_shown && request.parsed) {
    fields.push_back({"image_url", display_text(request.parsed->source_url)});
    fields.push_back({"processing_options", url::log_fields(request.parsed->options)});
  }
  if (line.error != nullptr) {
    std::string text(line.error->public_text());
    if (!line.error->detail.empty()) text += ": " + line.error->detail;
    fields.push_back({"error", text});
  }
  process.log.write(level,
                    "Completed in " + duration_text(line.seconds) + " " +
                        display_text(request.request->target),
                    fields);
}

}  // namespace imgring::server
