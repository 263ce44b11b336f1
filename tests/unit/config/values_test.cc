// Tests of src/config/values.cc: of each variable, values that start and values that are refused.
#include <string_view>

#include "imgring/base/text.h"
#include "load_outcome.h"

namespace imgring::config {
namespace {

struct ValueCase {
  std::string_view name, value;  // {folder} and {note}: a directory and a file
  bool starts;
};
// Which values start and which refuse, as imgproxy does; with our own rules among them.
constexpr ValueCase kValueCases[] = {
    {"IMGPROXY_QUALITY", "101", false},
    {"IMGPROXY_QUALITY", "1", true},
    {"IMGPROXY_QUALITY", "0", false},
    {"IMGPROXY_QUALITY", " 80", false},
    {"IMGPROXY_QUALITY", "+80", true},
    {"IMGPROXY_QUALITY", "8_0", false},
    {"IMGPROXY_FORMAT_QUALITY", "xxx=50", false},
    {"IMGPROXY_FORMAT_QUALITY", "jpg=0", false},
    {"IMGPROXY_FORMAT_QUALITY", "jpg=50, png = 3", true},
    {"IMGPROXY_FORMAT_QUALITY", "jpg", false},
    {"IMGPROXY_FORMAT_QUALITY", "jpg=1=2", false},
    {"IMGPROXY_TTL", "-1", false},
    {"IMGPROXY_TTL", "0", true},
    {"IMGPROXY_KEY", "94", false},
    {"IMGPROXY_MAX_SRC_RESOLUTION", "-1", false},
    {"IMGPROXY_MAX_SRC_RESOLUTION", "0.5", true},
    {"IMGPROXY_MAX_SRC_RESOLUTION", "0", false},
    {"IMGPROXY_MAX_SRC_RESOLUTION", "nan", false},
    {"IMGPROXY_MAX_SRC_RESOLUTION", "inf", false},
    {"IMGPROXY_MAX_SRC_RESOLUTION", "0.0000001", false},
    {"IMGPROXY_MAX_ANIMATION_FRAMES", "0", false},
    {"IMGPROXY_MAX_SRC_FILE_SIZE", "-1", false},
    {"IMGPROXY_WORKERS", "-1", false},
    {"IMGPROXY_WORKERS", "0", false},
    {"IMGPROXY_WORKERS", "3", true},
    {"IMGPROXY_TIMEOUT", "-1", false},
    {"IMGPROXY_TIMEOUT", "1.5", false},
    {"IMGPROXY_TIMEOUT", "99999999999", false},
    {"IMGPROXY_DOWNLOAD_TIMEOUT", "0", false},
    {"IMGPROXY_DOWNLOAD_TIMEOUT", "5", true},
    {"IMGPROXY_KEEP_ALIVE_TIMEOUT", "-1", false},
    {"IMGPROXY_KEEP_ALIVE_TIMEOUT", "0", true},
    {"IMGPROXY_READ_REQUEST_TIMEOUT", "0", false},
    {"IMGPROXY_MAX_CLIENTS", "0", true},
    {"IMGPROXY_PRESETS", "#c", true},
    {"IMGPROXY_SKIP_PROCESSING_FORMATS", "xxx", false},
    {"IMGPROXY_SKIP_PROCESSING_FORMATS", "gif, webp", true},
    {"IMGPROXY_AVIF_SPEED", "0", true},
    {"IMGPROXY_AVIF_SPEED", "10", false},
    {"IMGPROXY_WEBP_PRESET", "photo", true},
    {"IMGRING_JPEG_DECODER", "turbo", true},
    {"IMGRING_JPEG_DECODER", "libjpeg", false},
    {"IMGPROXY_WEBP_PRESET", "DRAWING", true},
    {"IMGPROXY_WEBP_PRESET", "drawing ", false},
    {"IMGPROXY_WEBP_EFFORT", "7", false},
    {"IMGPROXY_WATERMARK_OPACITY", "0", false},
    {"IMGPROXY_WATERMARK_OPACITY", "1.1", false},
    {"IMGPROXY_WATERMARK_OPACITY", "nan", false},
    {"IMGPROXY_WATERMARK_OPACITY", ".5", true},
    {"IMGPROXY_WATERMARK_PATH", "/no/such/file", false},
    {"IMGPROXY_WATERMARK_PATH", "{folder}", false},
    {"IMGPROXY_WATERMARK_PATH", "{note}", true},
    {"IMGPROXY_WATERMARK_DATA", "!!!", false},
    {"IMGPROXY_WATERMARK_DATA", "YWI=", true},
    {"IMGPROXY_FALLBACK_IMAGE_HTTP_CODE", "99", false},
    {"IMGPROXY_FALLBACK_IMAGE_HTTP_CODE", "0", true},
    {"IMGPROXY_FALLBACK_IMAGE_HTTP_CODE", "600", false},
    {"IMGPROXY_FALLBACK_IMAGE_PATH", "/no/such/file", false},
    {"IMGPROXY_LOCAL_FILESYSTEM_ROOT", "{note}", false},
    {"IMGPROXY_LOCAL_FILESYSTEM_ROOT", "/no/such/folder", false},
    {"IMGPROXY_LOCAL_FILESYSTEM_ROOT", "{folder}", true},
    {"IMGPROXY_AUTO_WEBP", "t", true},
    {"IMGPROXY_AUTO_WEBP", "yes", false},
    {"IMGPROXY_NETWORK", "tcp4", true},
    {"IMGPROXY_NETWORK", "udp", false},
    {"IMGPROXY_LAST_MODIFIED_BUSTER", "yesterday", false},
    {"IMGPROXY_LAST_MODIFIED_BUSTER", "2024-01-02", false},
    {"IMGPROXY_LAST_MODIFIED_BUSTER", "2024-02-30T00:00:00Z", false},
    {"IMGPROXY_LAST_MODIFIED_BUSTER", "2024-01-02T03:04:05", false},
    {"IMGPROXY_LAST_MODIFIED_BUSTER", "2024-01-02T03:04:05.Z", false},
    {"IMGPROXY_LAST_MODIFIED_BUSTER", "2024-01-02T03:04:05.25+01:30", true},
    {"IMGPROXY_BUFFER_POOL_CALIBRATION_THRESHOLD", "63", false},
    {"IMGPROXY_GZIP_BUFFER_SIZE", "-1", false},
    {"IMGPROXY_GZIP_BUFFER_SIZE", "100", true},
    {"IMGPROXY_DOWNLOAD_BUFFER_SIZE", "2147483648", false},
    {"IMGPROXY_GZIP_COMPRESSION", "10", false},
    {"IMGPROXY_GZIP_COMPRESSION", "9", true},
    {"IMGPROXY_FREE_MEMORY_INTERVAL", "0", false},
    {"IMGPROXY_MAX_REDIRECTS", "-1", false},
    {"IMGPROXY_LOG_FORMAT", "JSON", true},
    {"IMGPROXY_LOG_FORMAT", "xml", false},
    {"IMGPROXY_LOG_LEVEL", "warning", false},
    {"IMGPROXY_COOKIE_BASE_URL", "::x", false},
    {"IMGPROXY_COOKIE_BASE_URL", "http://other.test", true},
    {"IMGPROXY_COOKIE_BASE_URL", "http://a:b/", false},
    {"IMGPROXY_CLIENT_KEEP_ALIVE_TIMEOUT", "0", true},
    {"IMGPROXY_MAX_RESULT_DIMENSION", "-5", true},
    {"IMGPROXY_SIGNATURE_SIZE", "0", false},
    {"IMGPROXY_SIGNATURE_SIZE", "33", false},
    {"IMGPROXY_PREFERRED_FORMATS", "svg", false},
    {"IMGPROXY_PREFERRED_FORMATS", "svg,png", true},
    {"IMGPROXY_URL_REPLACEMENTS", "a=b;c", false},
    {"IMGPROXY_URL_REPLACEMENTS", "a=b=c", true},
    {"IMGPROXY_PRESETS_PATH", "/no/such/file", false},
    {"IMGPROXY_PROMETHEUS_BIND", ":8080", false},
    {"IMGPROXY_PROMETHEUS_BIND", ":8081", true},
    {"IMGPROXY_SOURCE_URL_ENCRYPTION_KEY", "0011", false},
    {"IMGPROXY_SOURCE_URL_ENCRYPTION_KEY", "00112233445566778899aabbccddeeff", true},
    {"IMGPROXY_ENV_LOCAL_FILE_PATH", "/no/such/file", false},
    {"IMGPROXY_NO_SUCH_THING", "1", true},
    {"IMGPROXY_USE_S3", "maybe", false},
    {"IMGPROXY_USE_S3", "true", true},
    {"IMGPROXY_LICENSE_KEY", "x", true},
    // The first `=` of a name=value pair divides, further ones are the value's.
    {"IMGPROXY_NEW_RELIC_LABELS", "k=v", true},
    {"IMGPROXY_NEW_RELIC_LABELS", "k=v=w", true},
    {"IMGPROXY_NEW_RELIC_LABELS", "k=v=w; l==;;m=", true},
    {"IMGPROXY_NEW_RELIC_LABELS", "k", false},
    {"IMGPROXY_NEW_RELIC_LABELS", "k=v=w;l", false},
    {"IMGPROXY_CUSTOM_RESPONSE_HEADERS", "A=b\\;C=d", true},
    {"IMGPROXY_CUSTOM_RESPONSE_HEADERS", "A b=c", false},
    {"IMGPROXY_CUSTOM_REQUEST_HEADERS", "A=b\nC: d", false},
    {"IMGPROXY_REQUEST_HEADERS_PASSTHROUGH", "X-A, X B", false},
    {"IMGPROXY_SERVER_NAME", "a\r\nb", false},
    {"IMGPROXY_ALLOWED_SOURCES", ",", false},
    {"IMGRING_ENGINE", "epoll", true},
    {"IMGRING_ENGINE", "io_uring", true},
    {"IMGRING_ENGINE", "kqueue", false},
    {"IMGRING_LOOPS", "257", false},
    {"IMGRING_LOOPS", "2", true},
    {"PORT", "-1", false},
    {"PORT", "70000", false},
    {"IMGPROXY_BIND", ":0", true},
    {"IMGPROXY_BIND", "[::1]:8080", true},
    {"IMGPROXY_BIND", "localhost:65535", true},
    {"IMGPROXY_BIND", ":65536", false},
    {"IMGPROXY_BIND", ":99999", false},
    {"IMGPROXY_BIND", ":184467440737095516160", false},
    {"IMGPROXY_BIND", ":-1", false},
    {"IMGPROXY_BIND", ":+80", false},
    {"IMGPROXY_BIND", ":", false},
    {"IMGPROXY_BIND", "8080", false},
    {"IMGPROXY_BIND", "::1", false},
    {"IMGPROXY_BIND", "::1:80", false},
    {"IMGPROXY_BIND", "unix:/x", false},
    {"IMGPROXY_BIND", ":http", false},
    {"IMGPROXY_BIND", "/run/x.sock", false},
    {"IMGPROXY_PROMETHEUS_BIND", "9090", false},
    {"IMGPROXY_PROMETHEUS_BIND", ":65536", false},
    {"IMGPROXY_PROMETHEUS_BIND", "[::]:9090", true},
    {"IMGPROXY_WORKERS", "1", true},
    {"IMGPROXY_WORKERS", "1024", true},
    {"IMGPROXY_WORKERS", "1025", false},
    {"IMGPROXY_WORKERS", "9999", false},
    // What may hold keys and limits, and can't be read yet.
    {"IMGPROXY_ENV_AWS_SECRET_ID", "x", false},
    {"IMGPROXY_ENV_AWS_SSM_PARAMETERS_PATH", "/x", false},
    {"IMGPROXY_ENV_GCP_SECRET_ID", "x", false},
    {"IMGPROXY_ENV_AWS_SECRET_REGION", "x", true},  // loads nothing in imgproxy either
    {"IMGPROXY_REQUEST_HEADERS_PASSTHROUGH", "X-A,Content-Length", false},
    {"IMGPROXY_REQUEST_HEADERS_PASSTHROUGH", "transfer-encoding", false},
    {"IMGPROXY_REQUEST_HEADERS_PASSTHROUGH", "X-A,Host", true},
    {"IMGPROXY_REQUEST_HEADERS_PASSTHROUGH", "Authorization,Accept-Language", true},
    {"IMGPROXY_RESPONSE_HEADERS_PASSTHROUGH", "CONTENT-ENCODING", false},
    {"IMGPROXY_RESPONSE_HEADERS_PASSTHROUGH", "Connection", false},
    {"IMGPROXY_RESPONSE_HEADERS_PASSTHROUGH", "Set-Cookie,Content-Language", true},
    {"IMGPROXY_CUSTOM_RESPONSE_HEADERS", "Content-Length=0", false},
    {"IMGPROXY_CUSTOM_RESPONSE_HEADERS", "A=b\\;Transfer-Encoding=chunked", false},
    {"IMGPROXY_CUSTOM_REQUEST_HEADERS", "Connection=close", false},
    {"IMGPROXY_CUSTOM_REQUEST_HEADERS", "Host=inner", true},
};

TEST(Load, ValuesThatStartAndValuesThatAreRefused) {
  const Folder folder;
  const std::string note = folder.file("note.txt", "x");
  for (const ValueCase& c : kValueCases) {
    const std::string name(c.name);
    const std::string value =
        replace_all(replace_all(c.value, "{folder}", folder.path()), "{note}", note);
    SCOPED_TRACE(name + "=" + value);
    const Outcome outcome = load({{name, value}});
    EXPECT_EQ(outcome.config.has_value(), c.starts) << outcome.all();
    if (!c.starts && !outcome.report.errors.empty()) {
      EXPECT_NE(outcome.report.errors[0].find(name), std::string::npos);
    }
    // Blank is unset, for every variable.
    EXPECT_TRUE(load({{name, " \t"}}).config.has_value());
  }
}

}  // namespace
}  // namespace imgring::config
