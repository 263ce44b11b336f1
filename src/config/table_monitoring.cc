// Option table: monitoring, logs, error reports (configuration.md section 5).
#include "table.h"

namespace imgring::config {
namespace {

using O = ObserveConfig;
using enum OptionType;
template <auto Member>
constexpr OptionReader at = set<&Config::observe, Member>;

constexpr std::string_view kOtlpProtocols = "grpc,http/protobuf,http,https";

constexpr Option kOptions[] = {
    choice("IMGPROXY_LOG_FORMAT", "", "pretty,structured,json,gcp", at<&O::log_format>,
           "Shape of log lines; unset: pretty on a terminal, else structured."),
    choice("IMGPROXY_LOG_LEVEL", "info", "debug,info,warn,error", at<&O::log_level>,
           "Least level that is logged."),
    row("IMGPROXY_PROMETHEUS_BIND", kString, "", at<&O::prometheus_bind>,
        "Address of the metrics listener; must differ from IMGPROXY_BIND. Blank: off."),
    row("IMGPROXY_PROMETHEUS_NAMESPACE", kString, "", at<&O::prometheus_namespace>,
        "Prefix of metric names."),
    row("IMGPROXY_FAIL_ON_DEPRECATION", kBool, "false", at<&O::fail_on_deprecation>,
        "Refuse to start with older variable names."),
    not_built(row("IMGPROXY_REPORT_DOWNLOADING_ERRORS", kBool, "true",
                  set<&Config::server, &ServerConfig::report_downloading_errors>,
                  "Report errors of sources to error services.")),
    not_built(row("IMGPROXY_REPORT_IO_ERRORS", kBool, "false",
                  set<&Config::server, &ServerConfig::report_io_errors>,
                  "Report errors of writing answers to error services.")),
    not_built(row("IMGPROXY_OPEN_TELEMETRY_ENABLE", kBool, "false", nullptr, "OTLP traces.")),
    not_built(
        row("IMGPROXY_OPEN_TELEMETRY_ENABLE_METRICS", kBool, "false", nullptr, "OTLP metrics.")),
    not_built(row("IMGPROXY_OPEN_TELEMETRY_ENABLE_LOGS", kBool, "false", nullptr, "OTLP logs.")),
    not_built(row("IMGPROXY_OPEN_TELEMETRY_LOGGER_NAME", kString, "imgproxy", nullptr,
                  "Scope name of logs.")),
    not_built(secret(row("IMGPROXY_OPEN_TELEMETRY_SERVER_CERT", kString, "", nullptr,
                         "Certificate of the collector."))),
    not_built(secret(
        row("IMGPROXY_OPEN_TELEMETRY_CLIENT_CERT", kString, "", nullptr, "Certificate of ours."))),
    not_built(
        secret(row("IMGPROXY_OPEN_TELEMETRY_CLIENT_KEY", kString, "", nullptr, "Key of ours."))),
    not_built(row("IMGPROXY_OPEN_TELEMETRY_TRACE_ID_GENERATOR", kString, "xray", nullptr,
                  "Kind of trace ids: xray or random.")),
    not_built(row("IMGPROXY_OPEN_TELEMETRY_PROPAGATE_EXTERNAL", kBool, "false", nullptr,
                  "Trace headers on source requests.")),
    not_built(row("IMGPROXY_DATADOG_PROPAGATE_EXTERNAL", kBool, "false", nullptr,
                  "Trace headers on source requests.")),
    not_built(row("IMGPROXY_NEW_RELIC_PROPAGATE_EXTERNAL", kBool, "false", nullptr,
                  "Trace headers on source requests.")),
    standard(choice("OTEL_EXPORTER_OTLP_PROTOCOL", "", kOtlpProtocols, nullptr, "OTLP.")),
    standard(choice("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "", kOtlpProtocols, nullptr, "OTLP.")),
    standard(choice("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "", kOtlpProtocols, nullptr, "OTLP.")),
    standard(choice("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "", kOtlpProtocols, nullptr, "OTLP.")),
    standard(row("OTEL_EXPORTER_OTLP_TIMEOUT", kMilliseconds, "10000", nullptr, "OTLP.")),
    standard(row("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", kMilliseconds, "", nullptr, "OTLP.")),
    standard(row("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", kMilliseconds, "", nullptr, "OTLP.")),
    standard(row("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", kMilliseconds, "", nullptr, "OTLP.")),
    standard(row("OTEL_EXPORTER_OTLP_ENDPOINT", kString, "", nullptr, "OTLP.")),
    standard(row("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", kString, "", nullptr, "OTLP.")),
    standard(row("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", kString, "", nullptr, "OTLP.")),
    standard(row("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", kString, "", nullptr, "OTLP.")),
    standard(row("OTEL_SERVICE_NAME", kString, "imgproxy", nullptr, "OTLP.")),
    standard(row("OTEL_PROPAGATORS", kString, "tracecontext,baggage", nullptr, "OTLP.")),
    standard(row("OTEL_LOG_LEVEL", kString, "", nullptr, "OTLP.")),
    standard(row("OTEL_RESOURCE_ATTRIBUTES", kString, "", nullptr, "OTLP.")),
    not_built(row("IMGPROXY_DATADOG_ENABLE", kBool, "false", nullptr, "Datadog.")),
    not_built(row("IMGPROXY_DATADOG_ENABLE_ADDITIONAL_METRICS", kBool, "false", nullptr,
                  "More Datadog metrics.")),
    standard(row("DD_SERVICE", kString, "imgproxy", nullptr, "Datadog.")),
    standard(row("DD_AGENT_HOST", kString, "localhost", nullptr, "Datadog.")),
    standard(row("DD_TRACE_AGENT_PORT", kInt, "8126", nullptr, "Datadog.")),
    standard(row("DD_DOGSTATSD_PORT", kInt, "8125", nullptr, "Datadog.")),
    standard(row("DD_TRACE_STARTUP_LOGS", kBool, "false", nullptr, "Datadog.")),
    not_built(secret(row("IMGPROXY_NEW_RELIC_KEY", kString, "", nullptr, "New Relic."))),
    not_built(row("IMGPROXY_NEW_RELIC_APP_NAME", kString, "imgproxy", nullptr, "New Relic.")),
    not_built(row("IMGPROXY_NEW_RELIC_LABELS", kMap, "", nullptr, "New Relic.")),
    not_built(row("IMGPROXY_CLOUD_WATCH_SERVICE_NAME", kString, "", nullptr, "CloudWatch.")),
    not_built(row("IMGPROXY_CLOUD_WATCH_NAMESPACE", kString, "imgproxy", nullptr, "CloudWatch.")),
    not_built(row("IMGPROXY_CLOUD_WATCH_REGION", kString, "", nullptr, "CloudWatch.")),
    not_built(secret(row("IMGPROXY_BUGSNAG_KEY", kString, "", nullptr, "Bugsnag."))),
    not_built(row("IMGPROXY_BUGSNAG_STAGE", kString, "production", nullptr, "Bugsnag.")),
    not_built(secret(row("IMGPROXY_HONEYBADGER_KEY", kString, "", nullptr, "Honeybadger."))),
    not_built(row("IMGPROXY_HONEYBADGER_ENV", kString, "production", nullptr, "Honeybadger.")),
    not_built(secret(row("IMGPROXY_SENTRY_DSN", kString, "", nullptr, "Sentry."))),
    not_built(row("IMGPROXY_SENTRY_ENVIRONMENT", kString, "production", nullptr, "Sentry.")),
    not_built(row("IMGPROXY_SENTRY_RELEASE", kString, "", nullptr, "Sentry.")),
    not_built(row("IMGPROXY_AIRBRAKE_PROJECT_ID", kInt, "0", nullptr, "Airbrake.")),
    not_built(secret(row("IMGPROXY_AIRBRAKE_PROJECT_KEY", kString, "", nullptr, "Airbrake."))),
    not_built(row("IMGPROXY_AIRBRAKE_ENVIRONMENT", kString, "production", nullptr, "Airbrake.")),
    not_built(row("IMGPROXY_SYSLOG_ENABLE", kBool, "false", nullptr, "Logs to syslog as well.")),
    not_built(choice("IMGPROXY_SYSLOG_LEVEL", "", "debug,info,warn,error,crit", nullptr,
                     "Least level sent to syslog.")),
    not_built(row("IMGPROXY_SYSLOG_NETWORK", kString, "", nullptr, "Network of syslog.")),
    not_built(row("IMGPROXY_SYSLOG_ADDRESS", kString, "", nullptr, "Address of syslog.")),
    not_built(row("IMGPROXY_SYSLOG_TAG", kString, "imgproxy", nullptr, "Tag of syslog lines.")),
    ignored("IMGPROXY_PPROF_BIND", "Profiler of imgproxy's Go runtime."),
    ignored("IMGPROXY_MALLOC", "Allocator chosen by imgproxy's container script."),
    ignored("MALLOC_ARENA_MAX", "Read by the C library's allocator."),
    ignored("LD_PRELOAD", "Read by the dynamic linker."),
};

}  // namespace

std::span<const Option> monitoring_options() noexcept { return kOptions; }

}  // namespace imgring::config
