// Tests of src/config/load.cc and values.cc: what starts, what is refused, and with which words.
#include "imgring/config/load.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "../../../src/config/checks.h"
#include "imgring/base/text.h"

namespace imgring::config {
namespace {

using Environment = std::map<std::string, std::string>;

struct Outcome {
  std::optional<Config> config;
  LoadReport report;
  std::string all() const {
    std::string text;
    for (const auto* lines : {&report.errors, &report.warnings, &report.notes}) {
      for (const std::string& line : *lines) text += line + "\n";
    }
    return text;
  }
};
Outcome load(Environment environment, bool terminal = false) {
  Outcome outcome;
  const LoadInput input{std::move(environment), terminal};
  outcome.config = load_config(input, &outcome.report);
  EXPECT_EQ(outcome.config.has_value(), outcome.report.errors.empty()) << outcome.all();
  return outcome;
}

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "imgring-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream(path_ + "/" + name) << text;
    return path_ + "/" + name;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(Load, DefaultsOfTheTableAreThoseOfTheStructs) {
  const Outcome outcome = load({});
  ASSERT_TRUE(outcome.config.has_value());
  const Config& got = *outcome.config;
  const Config plain;
  EXPECT_EQ(got.server.bind, plain.server.bind);
  EXPECT_EQ(got.server.engine, plain.server.engine);
  EXPECT_EQ(got.server.max_clients, plain.server.max_clients);
  EXPECT_EQ(got.server.timeout_s, plain.server.timeout_s);
  EXPECT_EQ(got.server.ttl_s, plain.server.ttl_s);
  EXPECT_EQ(got.server.graceful_stop_timeout_s, plain.server.graceful_stop_timeout_s);
  EXPECT_EQ(got.server.use_etag, true);
  EXPECT_EQ(got.server.workers, 0);
  EXPECT_EQ(got.memory.buffer_pool_calibration_threshold, 1024);
  EXPECT_EQ(got.source.download_timeout_s, 5);
  EXPECT_EQ(got.source.query_separator, "?");
  EXPECT_TRUE(got.source.allow_private);
  EXPECT_EQ(got.source.user_agent.find('%'), std::string::npos);
  EXPECT_EQ(got.url.signature_size_bytes, 32);
  EXPECT_EQ(got.processing.max_src_resolution, 50'000'000);
  EXPECT_EQ(got.processing.preferred_formats, plain.processing.preferred_formats);
  EXPECT_EQ(got.processing.format_quality[static_cast<int>(ImageType::kWebp)], 79);
  EXPECT_EQ(got.processing.format_quality[static_cast<int>(ImageType::kAvif)], 63);
  EXPECT_EQ(got.processing.format_quality[static_cast<int>(ImageType::kJxl)], 77);
  EXPECT_EQ(got.processing.format_quality[static_cast<int>(ImageType::kJpeg)], 0);
  EXPECT_EQ(got.observe.log_format, LogFormat::kStructured);
  EXPECT_NE(outcome.all().find("signatures are not checked"), std::string::npos);
}

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

TEST(Load, EveryBadValueIsReportedInOneRun) {
  const Outcome outcome = load({{"IMGPROXY_QUALITY", "x"},
                                {"IMGPROXY_TIMEOUT", "0"},
                                {"IMGPROXY_TTL", "-1"},
                                {"IMGPROXY_KEY", "zz"}});
  const std::vector<std::string> wanted = {
      "invalid IMGPROXY_TIMEOUT value \"0\": cannot be zero or negative; it takes integer, "
      "seconds, "
      "at least 1; or unset it for 10 (imgring help IMGPROXY_TIMEOUT)",
      "invalid IMGPROXY_TTL value \"-1\": cannot be negative; it takes integer, at least 0; or "
      "unset it for 31536000 (imgring help IMGPROXY_TTL)",
      "invalid IMGPROXY_QUALITY value \"x\": parse error: \"x\" is not an integer; it takes "
      "integer, 1..100; or unset it for 80 (imgring help IMGPROXY_QUALITY)",
      "invalid IMGPROXY_KEY value (hidden, 2 bytes): parse error: item 1 is not hexadecimal; it "
      "takes comma-separated list of hexadecimal strings; or unset it (imgring help IMGPROXY_KEY)"};
  EXPECT_EQ(outcome.report.errors, wanted);
}

TEST(Load, KeysAndSaltsGoInPairs) {
  const Outcome two = load({{"IMGPROXY_KEY", "61, 62"}, {"IMGPROXY_SALT", "63,64"}});
  ASSERT_TRUE(two.config.has_value());
  ASSERT_EQ(two.config->url.keys.size(), 2u);
  EXPECT_EQ(two.config->url.keys[1].key, "b");
  EXPECT_EQ(two.config->url.keys[1].salt, "d");
  EXPECT_TRUE(two.report.warnings.empty()) << two.all();
  EXPECT_FALSE(load({{"IMGPROXY_KEY", "61,62"}, {"IMGPROXY_SALT", "63"}}).config.has_value());
  EXPECT_FALSE(load({{"IMGPROXY_SALT", "63"}}).config.has_value());
  EXPECT_FALSE(load({{"IMGPROXY_KEY", "61"}, {"IMGPROXY_SALT", "xyz"}}).config.has_value());
}

TEST(Load, SecretsNeverShow) {
  const Environment environment = {{"IMGPROXY_KEY", "5ec2e7"},
                                   {"IMGPROXY_SALT", "5ec2e7"},
                                   {"IMGPROXY_SECRET", "5ec2e7"},
                                   {"IMGPROXY_TRUSTED_SIGNATURES", "5ec2e7"},
                                   {"IMGPROXY_SOURCE_URL_ENCRYPTION_KEY", "5ec2e7"},
                                   {"IMGPROXY_CUSTOM_REQUEST_HEADERS", "5ec2e7"}};
  const Outcome outcome = load(environment);
  EXPECT_EQ((outcome.all() + print_config(outcome.report)).find("5ec2e7"), std::string::npos);
  EXPECT_NE(print_config(outcome.report).find("IMGPROXY_SECRET=***  # environment\n"),
            std::string::npos);
}

TEST(Load, CredentialsOfUrlsNeverShow) {
  const Environment environment = {
      {"IMGPROXY_BASE_URL", "http://u:5ec2e7@h/"},
      {"IMGPROXY_WATERMARK_URL", "http://u:5ec2e7@h/w.png?X-Amz-Signature=5ec2e7"},
      {"IMGPROXY_FALLBACK_IMAGE_URL", "https://5ec2e7@h/f.png"},
      {"IMGPROXY_ALLOWED_SOURCES", "http://u:5ec2e7@h/,https://x/"},
      {"IMGPROXY_URL_REPLACEMENTS", "a=http://u:5ec2e7@h/"},
      {"IMGPROXY_S3_ENDPOINT", "u:5ec2e7@minio:9000"},
      {"IMGPROXY_COOKIE_BASE_URL", "http://u:5ec2e7@h/"},
      {"IMGPROXY_GCS_ENDPOINT", "http://u:5ec2e7@h/"},
      {"HTTP_PROXY", "http://u:5ec2e7@h:1"},
  };
  const Outcome good = load(environment);
  ASSERT_TRUE(good.config.has_value()) << good.all();
  const std::string shown = good.all() + print_config(good.report);
  EXPECT_EQ(shown.find("5ec2e7"), std::string::npos) << shown;
  EXPECT_NE(shown.find("IMGPROXY_BASE_URL=http://h/  # environment\n"), std::string::npos);
  EXPECT_NE(shown.find("IMGPROXY_S3_ENDPOINT=minio:9000  #"), std::string::npos);
  for (const auto& [name, value] : Environment{{"IMGPROXY_COOKIE_BASE_URL", "http://u:5ec2e7@h^"},
                                               {"IMGPROXY_URL_REPLACEMENTS", "http://5ec2e7@h/"}}) {
    const Outcome bad = load({{name, value}});
    EXPECT_FALSE(bad.config.has_value()) << name;
    EXPECT_EQ((bad.all() + print_config(bad.report)).find("5ec2e7"), std::string::npos)
        << bad.all();
  }
}

TEST(Load, RefusalsNameTheNumberAndTheHeader) {
  const Outcome outcome = load({{"IMGPROXY_BIND", ":99999"},
                                {"IMGPROXY_WORKERS", "9999"},
                                {"IMGPROXY_RESPONSE_HEADERS_PASSTHROUGH", "keep-alive"}});
  for (const std::string_view named :
       {"\":99999\"", "0..65535", "9999 is out of range (1..1024)", "keep-alive"}) {
    EXPECT_NE(outcome.all().find(named), std::string::npos) << named << "\n" << outcome.all();
  }
}

TEST(Load, UnixSocketsArePathsOfAnyText) {
  const auto with = [](const std::string& path) {
    return load({{"IMGPROXY_NETWORK", "unix"}, {"IMGPROXY_BIND", path}}).config.has_value();
  };
  EXPECT_TRUE(with("/run/imgring.sock"));
  EXPECT_TRUE(with(std::string(107, 'x')));
  EXPECT_FALSE(with(std::string(108, 'x')));
}

TEST(Load, ManyWorkersAProcessorAreWarnedOfWithBothNumbers) {
  EXPECT_EQ(warn_of_workers(0, 2), "");
  EXPECT_EQ(warn_of_workers(32, 2), "");
  const std::string warning = warn_of_workers(33, 2);
  EXPECT_NE(warning.find("IMGPROXY_WORKERS=33 for 2 usable processors"), std::string::npos);
  EXPECT_NE(warning.find("above 32"), std::string::npos);
}

TEST(Load, EncryptedSourcesWithoutKeysAreWarnedOf) {
  const std::string key = "00112233445566778899aabbccddeeff";
  EXPECT_NE(load({{"IMGPROXY_SOURCE_URL_ENCRYPTION_KEY", key}}).all().find("padding oracle"),
            std::string::npos);
  EXPECT_EQ(load({{"IMGPROXY_SOURCE_URL_ENCRYPTION_KEY", key},
                  {"IMGPROXY_KEY", "aa"},
                  {"IMGPROXY_SALT", "bb"}})
                .all()
                .find("padding oracle"),
            std::string::npos);
}

// Wherever imgproxy would check signatures or not start, signatures are checked or nothing starts.
TEST(Load, NothingIsServedUnsignedThatWasToBeSigned) {
  const Folder folder;
  const std::string file = folder.file("env", "IMGPROXY_KEY=aa\nIMGPROXY_SALT=bb\n");
  const Environment cases[] = {
      {{"IMGPROXY_KEY", "aa"}, {"IMGPROXY_SALT", "bb"}},
      {{"IMGPROXY_KEY", "aa"}},
      {{"IMGPROXY_SALT", "aa"}},
      {{"IMGPROXY_KEY", "aa"}, {"IMGPROXY_SALT", " "}},
      {{"IMGPROXY_KEY", "aa,bb"}, {"IMGPROXY_SALT", "aa"}},
      {{"IMGPROXY_KEY", "aa,"}, {"IMGPROXY_SALT", "aa"}},
      {{"IMGPROXY_KEY", "a"}, {"IMGPROXY_SALT", "a"}},
      {{"IMGPROXY_KEY", "0xaa"}, {"IMGPROXY_SALT", "0xaa"}},
      {{"IMGPROXY_KEY", ","}, {"IMGPROXY_SALT", ","}},
      {{"IMGPROXY_ENV_LOCAL_FILE_PATH", file}},
      {{"IMGPROXY_ENV_LOCAL_FILE_PATH", file + ".gone"}},
      {{"IMGPROXY_ENV_LOCAL_FILE_PATH", file}, {"IMGPROXY_KEY", ""}, {"IMGPROXY_SALT", ""}},
      {{"IMGPROXY_ENV_AWS_SECRET_ID", "x"}},
      {{"IMGPROXY_ENV_AWS_SSM_PARAMETERS_PATH", "x"}},
      {{"IMGPROXY_ENV_GCP_SECRET_ID", "x"}},
  };
  for (const Environment& environment : cases) {
    const Outcome outcome = load(environment);
    const bool unsigned_served = outcome.config && outcome.config->url.keys.empty();
    EXPECT_FALSE(unsigned_served) << environment.begin()->first << " " << outcome.all();
  }
}

TEST(Load, FilesAreRefusedWithPathAndReason) {
  const Folder folder;
  const auto said = [](const std::string& name, const std::string& value) {
    return load({{name, value}}).all();
  };
  const std::string gone = folder.path() + "/gone";
  EXPECT_NE(said("IMGPROXY_WATERMARK_PATH", gone)
                .find('"' + gone + "\": No such file or directory: correct the path"),
            std::string::npos);
  EXPECT_NE(said("IMGPROXY_PRESETS_PATH", folder.path()).find("Is a directory: it is a folder"),
            std::string::npos);
  EXPECT_NE(said("IMGPROXY_ENV_LOCAL_FILE_PATH", gone).find('"' + gone + '"'), std::string::npos);
  // Without an end: not read for ever.
  EXPECT_NE(said("IMGPROXY_FALLBACK_IMAGE_PATH", "/dev/zero").find("over 64 MiB"),
            std::string::npos);
  const std::string note = folder.file("note", "x");
  EXPECT_NE(said("IMGPROXY_LOCAL_FILESYSTEM_ROOT", note).find("it is not a directory"),
            std::string::npos);
}

TEST(Load, WhatAReloadDoesNotReachIsNamed) {
  const auto options = [](const Environment& environment) {
    return load(environment).report.options;
  };
  const auto before = options({{"IMGPROXY_KEY", "aa"}, {"IMGPROXY_SALT", "bb"}});
  EXPECT_TRUE(changed_for_restart(before, before).empty());
  const auto after = options({{"IMGPROXY_KEY", "cc"},
                              {"IMGPROXY_SALT", "dd"},
                              {"IMGPROXY_PRESETS", "a=w:1"},
                              {"IMGPROXY_ALLOWED_SOURCES", "local://"},
                              {"IMGPROXY_SECRET", "word"},
                              {"IMGPROXY_QUALITY", "70"}});
  const std::vector<std::string> wanted = {"IMGPROXY_SECRET", "IMGPROXY_QUALITY"};
  EXPECT_EQ(changed_for_restart(before, after), wanted);
  EXPECT_EQ(
      changed_for_restart(options({{"IMGPROXY_SECRET", "a"}}), options({{"IMGPROXY_SECRET", "b"}})),
      std::vector<std::string>{"IMGPROXY_SECRET"});
}

TEST(Load, PrintsWhatCountsAndWhatItComesTo) {
  const Outcome outcome = load({{"IMGPROXY_QUALITY", "70"},
                                {"IMGPROXY_USE_GCS", "true"},
                                {"AWS_SECRET_ACCESS_KEY", "5ec2e7"},
                                {"HTTP_PROXY", "http://u:5ec2e7@proxy:1"}});
  const Shown shown{.changed = true, .in_force = {{"IMGPROXY_QUALITY", "seventy"}}};
  EXPECT_EQ(print_config(outcome.report, shown),
            "AWS_SECRET_ACCESS_KEY=***  # environment\n"
            "IMGPROXY_USE_GCS=true  # environment\n"
            "HTTP_PROXY=http://proxy:1  # environment\n"
            "IMGPROXY_QUALITY=70  # environment; in force: seventy\n");
  const std::string all = print_config(outcome.report);
  EXPECT_NE(all.find("IMGPROXY_TTL=31536000  # default\n"), std::string::npos);
  EXPECT_NE(all.find("AWS_REGION=  # default\n"), std::string::npos);
  EXPECT_EQ(all.find("IMGPROXY_GCS_KEY"), std::string::npos);  // without effect, and not set
  EXPECT_EQ(config_json(load({{"PORT", "1"}}).report, {.changed = true}),
            "[{\"name\":\"IMGPROXY_BIND\",\"value\":\":1\",\"origin\":\"PORT\"},"
            "{\"name\":\"PORT\",\"value\":\"1\",\"origin\":\"environment\"}]");
}

TEST(Load, BindWinsOverPort) {
  EXPECT_EQ(load({{"PORT", "9000"}}).config->server.bind, ":9000");
  EXPECT_EQ(load({{"PORT", "9000"}, {"IMGPROXY_BIND", "a:1"}}).config->server.bind, "a:1");
  EXPECT_FALSE(load({{"PORT", "9"}, {"IMGPROXY_PROMETHEUS_BIND", ":9"}}).config.has_value());
}

TEST(Load, TheFileWinsOverTheEnvironment) {
  const Folder folder;
  const std::string path = folder.file("env", "IMGPROXY_BIND=:1\nIMGPROXY_TTL=\"$N\"\n");
  const Outcome outcome = load({{"IMGPROXY_ENV_LOCAL_FILE_PATH", path},
                                {"IMGPROXY_BIND", ":2"},
                                {"N", "7"},
                                {"IMGPROXY_QUALITY", "3"}});
  ASSERT_TRUE(outcome.config.has_value());
  EXPECT_EQ(outcome.config->server.bind, ":1");
  EXPECT_EQ(outcome.config->server.ttl_s, 7);
  EXPECT_EQ(outcome.config->processing.quality, 3);
  const std::string text = print_config(outcome.report);
  EXPECT_NE(text.find("IMGPROXY_BIND=:1  # file\n"), std::string::npos);
  EXPECT_NE(text.find("IMGPROXY_QUALITY=3  # environment\n"), std::string::npos);
  EXPECT_NE(text.find("IMGPROXY_MAX_CLIENTS=2048  # default\n"), std::string::npos);
  const std::string broken = folder.file("broken", "what\n");
  EXPECT_FALSE(load({{"IMGPROXY_ENV_LOCAL_FILE_PATH", broken}}).config.has_value());
}

TEST(Load, OlderNamesAreUsedWithAWarning) {
  const Outcome outcome = load({{"IMGPROXY_CONCURRENCY", "3"},
                                {"IMGPROXY_WRITE_TIMEOUT", "4"},
                                {"IMGPROXY_TIMEOUT", "5"},
                                {"IMGPROXY_ENABLE_WEBP_DETECTION", "1"},
                                {"IMGPROXY_MAX_GIF_FRAMES", "8"}});
  ASSERT_TRUE(outcome.config.has_value()) << outcome.all();
  EXPECT_EQ(outcome.config->server.workers, 3);
  EXPECT_EQ(outcome.config->server.timeout_s, 5);
  EXPECT_TRUE(outcome.config->processing.auto_webp);
  EXPECT_EQ(outcome.config->processing.max_animation_frames, 8);
  EXPECT_NE(outcome.all().find("IMGPROXY_CONCURRENCY is deprecated, use IMGPROXY_WORKERS\n"),
            std::string::npos);
  EXPECT_FALSE(load({{"IMGPROXY_CONCURRENCY", "3"}, {"IMGPROXY_FAIL_ON_DEPRECATION", "1"}})
                   .config.has_value());
}

TEST(Load, WarnsOncePerNameItCannotServe) {
  struct Case {
    std::string name, value, warning;
  };
  const Case cases[] = {
      {"IMGPROXY_USE_GCS", "true", "IMGPROXY_USE_GCS is not supported yet"},
      {"IMGPROXY_USE_GCS", "false", ""},
      {"IMGPROXY_AUTOQUALITY_METHOD", "dssim", "IMGPROXY_AUTOQUALITY_METHOD is not supported yet"},
      {"IMGPROXY_AUTOQUALITY_METHOD", "none", ""},
      {"IMGPROXY_MAX_SRC_DIMENSION", "5",
       "IMGPROXY_MAX_SRC_DIMENSION has no effect any more: use IMGPROXY_MAX_SRC_RESOLUTION"},
      {"IMGPROXY_QUALTY", "5", "IMGPROXY_QUALTY is not known; did you mean IMGPROXY_QUALITY?"},
      {"IMGRING_LOOP", "5", "IMGRING_LOOP is not known; did you mean IMGRING_LOOPS?"},
      {"IMGPROXY_PORT_8080_TCP", "tcp://10.0.0.1:8080", ""},
      {"IMGPROXY_LICENSE_KEY", "x", ""},
      {"SOMETHING_ELSE", "x", ""},
  };
  const std::size_t usual = load({}).report.warnings.size();
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name + "=" + c.value);
    const Outcome outcome = load({{c.name, c.value}});
    ASSERT_TRUE(outcome.config.has_value());
    ASSERT_EQ(outcome.report.warnings.size(), usual + (c.warning.empty() ? 0 : 1)) << outcome.all();
    if (!c.warning.empty()) {
      EXPECT_NE(outcome.all().find(c.warning + "\n"), std::string::npos) << outcome.all();
    }
  }
}

TEST(Load, NotesWhatHasNoEffectHere) {
  const std::pair<std::string, std::string> cases[] = {
      {"IMGPROXY_MALLOC", "jemalloc"},
      {"IMGPROXY_LICENSE_KEY", "x"},
      {"OTEL_SERVICE_NAME", "x"},
      {"OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"},  // not ours to refuse
      {"DD_AGENT_HOST", "x"},
  };
  for (const auto& [name, value] : cases) {
    SCOPED_TRACE(name);
    const Outcome outcome = load({{name, value}});
    ASSERT_EQ(outcome.report.notes.size(), 1u) << outcome.all();
    EXPECT_TRUE(outcome.report.notes[0].starts_with(name + " has no effect: "));
  }
  EXPECT_TRUE(load({{"MALLOC_ARENA_MAX", "2"}, {"AWS_REGION", "x"}}).report.notes.empty());
}

TEST(Load, PresetsOfTheListComeBeforeTheFile) {
  const Folder folder;
  const std::string path = folder.file("presets", "\n# comment\n c=w:3 \nd=w:4\n");
  const Outcome outcome = load({{"IMGPROXY_PRESETS", "a=w:1;; #x ;b=w:2"},
                                {"IMGPROXY_PRESETS_SEPARATOR", ";"},
                                {"IMGPROXY_PRESETS_PATH", path}});
  EXPECT_EQ(outcome.config->url.presets,
            (std::vector<std::string>{"a=w:1", "b=w:2", "c=w:3", "d=w:4"}));
}

TEST(Load, OfDataPathAndUrlTheFirstCounts) {
  const Folder folder;
  const std::string path = folder.file("wm", "bytes");
  const Outcome by_path =
      load({{"IMGPROXY_WATERMARK_PATH", path}, {"IMGPROXY_WATERMARK_URL", "http://a/"}});
  EXPECT_EQ(by_path.config->processing.watermark_data, "bytes");
  EXPECT_EQ(by_path.config->processing.watermark_url, "");
  const Outcome by_data =
      load({{"IMGPROXY_FALLBACK_IMAGE_DATA", "YWI"}, {"IMGPROXY_FALLBACK_IMAGE_PATH", "/none"}});
  EXPECT_EQ(by_data.config->processing.fallback_image_data, "ab");
  EXPECT_EQ(load({{"IMGPROXY_WATERMARK_URL", "http://a/"}}).config->processing.watermark_url,
            "http://a/");
}

TEST(Load, SmallRules) {
  EXPECT_EQ(load({{"IMGPROXY_SOURCE_URL_QUERY_SEPARATOR", ""}}).config->source.query_separator, "");
  EXPECT_EQ(load({{"IMGPROXY_LOG_LEVEL", "WARN"}}).config->observe.log_level, LogLevel::kWarning);
  EXPECT_EQ(load({}, true).config->observe.log_format, LogFormat::kPretty);
  EXPECT_EQ(load({{"IMGPROXY_LOG_FORMAT", "gcp"}}, true).config->observe.log_format,
            LogFormat::kGcp);
  const Outcome lambda = load({{"AWS_LAMBDA_FUNCTION_NAME", "f"},
                               {"IMGPROXY_WORKERS", "9"},
                               {"IMGPROXY_REQUESTS_QUEUE_SIZE", "9"}});
  EXPECT_EQ(lambda.config->server.workers, 1);
  EXPECT_EQ(lambda.config->server.requests_queue_size, 0);
  const Outcome headers = load({{"IMGPROXY_CUSTOM_RESPONSE_HEADERS", "A=b=c\\; X-Y = z \\;"},
                                {"IMGPROXY_REQUEST_HEADERS_PASSTHROUGH", "X-A,,X-B"}});
  const std::vector<std::pair<std::string, std::string>> pairs = {{"A", "b=c"}, {"X-Y", "z"}};
  EXPECT_EQ(headers.config->server.custom_response_headers, pairs);
  EXPECT_EQ(headers.config->server.request_headers_passthrough.size(), 2u);
  EXPECT_EQ(load({{"IMGPROXY_LAST_MODIFIED_BUSTER", "1970-01-02T01:00:00+01:00"}})
                .config->server.last_modified_buster_unix_s,
            86400);
  EXPECT_EQ(load({{"http_proxy", "a"}, {"HTTP_PROXY", "b"}}).config->source.http_proxy, "b");
  EXPECT_EQ(load({{"IMGPROXY_ALLOWED_SOURCES", "a*,,b"}}).config->url.allowed_sources.size(), 2u);
  const Outcome merged = load({{"IMGPROXY_FORMAT_QUALITY", "webp=1,png=2"}});
  EXPECT_EQ(merged.config->processing.format_quality[static_cast<int>(ImageType::kWebp)], 1);
  EXPECT_EQ(merged.config->processing.format_quality[static_cast<int>(ImageType::kAvif)], 63);
  EXPECT_FALSE(load({{"IMGPROXY_GZIP_BUFFER_SIZE", "5"}}).report.notes.empty());
}

TEST(Load, ReadsTheProcessEnvironment) {
  const char* const environment[] = {"A=1", "B=x=y", "EMPTY=", "broken", "A=2", nullptr};
  const Environment wanted = {{"A", "1"}, {"B", "x=y"}, {"EMPTY", ""}};
  EXPECT_EQ(read_environment(environment), wanted);
}

}  // namespace
}  // namespace imgring::config
