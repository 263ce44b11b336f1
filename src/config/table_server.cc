// Option table: server, HTTP, limits and memory (configuration.md section 2, memory.md section
// 5.6).
#include "checks.h"
#include "table.h"

namespace imgring::config {
namespace {

using S = ServerConfig;
using M = MemoryConfig;
using enum OptionType;
template <auto Member>
constexpr OptionReader server = set<&Config::server, Member>;
template <auto Member>
constexpr OptionReader memory = set<&Config::memory, Member>;

constexpr Option kOptions[] = {
    row("IMGPROXY_BIND", kString, ":8080", server<&S::bind>,
        "Address to listen on, host:port, or the path of a unix socket. Wins over PORT."),
    row("PORT", kInt, "", between(0, 65535), nullptr,
        "Port to listen on where IMGPROXY_BIND is not set."),
    choice("IMGPROXY_NETWORK", "tcp", "tcp,tcp4,tcp6,unix,unixpacket", server<&S::network>,
           "Kind of socket to listen on."),
    row("IMGPROXY_SO_REUSEPORT", kBool, "false", server<&S::so_reuseport>,
        "Let several processes listen on one port (SO_REUSEPORT)."),
    row("IMGPROXY_PATH_PREFIX", kString, "", server<&S::path_prefix>,
        "Prefix of every route, the health check included. Used as it is."),
    row("IMGPROXY_MAX_CLIENTS", kInt, "2048", at_least(0), server<&S::max_clients>,
        "Most open connections; 0: no limit."),
    row("IMGPROXY_TIMEOUT", kSeconds, "10", at_least(1), server<&S::timeout_s>,
        "Time for a whole request, waiting included."),
    row("IMGPROXY_READ_REQUEST_TIMEOUT", kSeconds, "10", at_least(1),
        server<&S::read_request_timeout_s>, "Time for reading a request."),
    row("IMGPROXY_WRITE_RESPONSE_TIMEOUT", kSeconds, "10", at_least(1),
        server<&S::write_response_timeout_s>, "Time for writing a response."),
    row("IMGPROXY_KEEP_ALIVE_TIMEOUT", kSeconds, "10", at_least(0),
        server<&S::keep_alive_timeout_s>,
        "Idle time after which a client's connection is closed; 0: no keep-alive."),
    row("IMGPROXY_GRACEFUL_STOP_TIMEOUT", kSeconds, "20", at_least(0),
        server<&S::graceful_stop_timeout_s>, "Time for running requests to finish at a stop."),
    row("IMGPROXY_WORKERS", kInt, "", between(1, kWorkersMax), server<&S::workers>,
        "Threads for image work; unset: the usable CPUs."),
    row("IMGPROXY_REQUESTS_QUEUE_SIZE", kInt, "0", at_least(0), server<&S::requests_queue_size>,
        "Most requests that wait for a worker, further ones get 429; 0: bounded by memory, time."),
    row("AWS_LAMBDA_FUNCTION_NAME", kString, "", nullptr,
        "When set: one worker and no queue, whatever their variables say."),
    row("IMGPROXY_TTL", kInt, "31536000", between(0, INT64_MAX), server<&S::ttl_s>,
        "Seconds a result may be cached (Cache-Control: max-age); 0: no-cache."),
    row("IMGPROXY_CACHE_CONTROL_PASSTHROUGH", kBool, "false", server<&S::cache_control_passthrough>,
        "Reuse Cache-Control, Pragma and Expires of the source."),
    row("IMGPROXY_SET_CANONICAL_HEADER", kBool, "false", server<&S::set_canonical_header>,
        "Send Link: <source>; rel=\"canonical\" for http and https sources."),
    row("IMGPROXY_USE_ETAG", kBool, "true", server<&S::use_etag>, "Pass ETag on, both ways."),
    row("IMGPROXY_ETAG_BUSTER", kString, "", server<&S::etag_buster>,
        "Text that goes into every ETag: changing it makes them all new."),
    row("IMGPROXY_USE_LAST_MODIFIED", kBool, "true", server<&S::use_last_modified>,
        "Pass Last-Modified on, both ways."),
    row("IMGPROXY_LAST_MODIFIED_BUSTER", kDatetime, "", server<&S::last_modified_buster_unix_s>,
        "Earliest Last-Modified that is sent."),
    choice(
        "IMGPROXY_CACHE_TAGS_FORMAT", "all", "all,cloudfront,cloudflare,none",
        server<&S::cache_tags_format>,
        "Head lines that the option cache_tags makes: x-amz-meta-cache-tag, Cache-Tag, or both."),
    row("IMGPROXY_ENABLE_DEBUG_HEADERS", kBool, "false", server<&S::enable_debug_headers>,
        "Send X-Origin-* and X-Result-* headers."),
    row("IMGPROXY_DEVELOPMENT_ERRORS_MODE", kBool, "false", server<&S::development_errors_mode>,
        "Tell details of errors in answers."),
    row("IMGPROXY_ALLOW_ORIGIN", kString, "", server<&S::allow_origin>,
        "Origin of the CORS headers; blank: none are sent."),
    secret(row("IMGPROXY_SECRET", kString, "", server<&S::secret>,
               "Bearer token that image requests must carry.")),
    row("IMGPROXY_HEALTH_CHECK_PATH", kString, "", server<&S::health_check_path>,
        "One more path of the health check, below the prefix."),
    row("IMGPROXY_FREE_MEMORY_INTERVAL", kSeconds, "10", at_least(1),
        server<&S::free_memory_interval_s>, "How often unused memory is given back."),
    row("IMGPROXY_LOG_MEM_STATS", kBool, "false", server<&S::log_mem_stats>,
        "Log memory figures each time memory is given back (level debug)."),
    row("IMGPROXY_RETURN_ATTACHMENT", kBool, "false", server<&S::return_attachment>,
        "Send Content-Disposition: attachment unless the URL says otherwise."),
    row("IMGPROXY_SERVER_NAME", kString, "imgproxy", server<&S::server_name>,
        "Server header of answers."),
    row("IMGPROXY_HEALTH_CHECK_MESSAGE", kString, "imgproxy is running",
        server<&S::health_check_message>, "Body of a good health check."),
    row("IMGPROXY_CUSTOM_RESPONSE_HEADERS", kHeaders, "", nullptr,
        "Headers added to every image answer: Name=Value, several divided by the separator."),
    secret(row("IMGPROXY_CUSTOM_REQUEST_HEADERS", kHeaders, "", nullptr,
               "Headers added to every request to a source: Name=Value.")),
    row("IMGPROXY_CUSTOM_HEADERS_SEPARATOR", kString, "\\;", nullptr,
        "What divides the custom headers."),
    row("IMGPROXY_REQUEST_HEADERS_PASSTHROUGH", kList, "", server<&S::request_headers_passthrough>,
        "Headers of the client sent on to the source."),
    row("IMGPROXY_RESPONSE_HEADERS_PASSTHROUGH", kList, "",
        server<&S::response_headers_passthrough>, "Headers of the source sent on to the client."),
    row("IMGPROXY_DOWNLOAD_BUFFER_SIZE", kInt, "0", between(0, kInt32Max),
        memory<&M::download_buffer_size_bytes>,
        "Bytes a new download buffer starts with; 0: it grows as needed."),
    row("IMGPROXY_GZIP_BUFFER_SIZE", kInt, "0", between(0, kInt32Max),
        memory<&M::gzip_buffer_size_bytes>, "Bytes a new gzip buffer starts with."),
    row("IMGPROXY_BUFFER_POOL_CALIBRATION_THRESHOLD", kInt, "1024", between(64, kInt32Max),
        memory<&M::buffer_pool_calibration_threshold>,
        "Buffers given back between two calibrations of a pool."),
    row("IMGPROXY_GZIP_COMPRESSION", kInt, "0", between(0, 9), memory<&M::gzip_compression>,
        "Level of gzip for answers that gain from it; 0: off."),
    row("IMGRING_DRAIN_DELAY", kSeconds, "0", between(0, 3600), server<&S::drain_delay_s>,
        "Time between the signal to stop and the stop: /ready says 503, all else is served, and "
        "answers end their connections."),
    choice("IMGRING_ENGINE", "auto", "auto,io_uring,epoll", server<&S::engine>,
           "What the loops wait with; auto: io_uring, or epoll where that is refused."),
    row("IMGRING_LOOPS", kInt, "0", between(0, 256), server<&S::loops>,
        "Event loops, one thread each; 0: as many as usable CPUs."),
    row("IMGRING_MEMORY_LIMIT", kInt, "0", read_memory_limit,
        "Memory in MiB that the process and its children may use; 0: the limit of the control "
        "group, else all of the machine's."),
    row("IMGRING_PORT_FILE", kString, "", server<&S::port_file>,
        "File the bound port is written to, for IMGPROXY_BIND with port 0."),
};

}  // namespace

std::span<const Option> server_options() noexcept { return kOptions; }

}  // namespace imgring::config
