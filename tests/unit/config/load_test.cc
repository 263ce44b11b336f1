// Tests of src/config/load.cc: what starts, what is refused, and with which words.
#include "imgring/config/load.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "../../../src/config/checks.h"
#include "imgring/base/text.h"
#include "load_outcome.h"

namespace imgring::config {
namespace {

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
  EXPECT_EQ(got.processing.unsharp_masking_mode, plain.processing.unsharp_masking_mode);
  EXPECT_EQ(got.processing.unsharp_masking_divider, plain.processing.unsharp_masking_divider);
  EXPECT_EQ(got.url.unsupported_options, plain.url.unsupported_options);
  EXPECT_EQ(got.processing.format_quality[static_cast<int>(ImageType::kWebp)], 79);
  EXPECT_EQ(got.processing.format_quality[static_cast<int>(ImageType::kAvif)], 63);
  EXPECT_EQ(got.processing.format_quality[static_cast<int>(ImageType::kJxl)], 77);
  EXPECT_EQ(got.processing.format_quality[static_cast<int>(ImageType::kJpeg)], 0);
  const AutoqualityConfig &found = got.processing.autoquality, unset;
  EXPECT_EQ(found.target, unset.target);
  EXPECT_EQ(found.max, unset.max);
  EXPECT_EQ(found.allowed_error, unset.allowed_error);
  EXPECT_EQ(found.format_min[static_cast<int>(ImageType::kAvif)], 60);
  EXPECT_EQ(found.format_max[static_cast<int>(ImageType::kAvif)], 65);
  EXPECT_EQ(got.processing.best_format.complexity_threshold, 5.5);
  EXPECT_EQ(got.processing.encoders.png_quantization_colors, 256);
  EXPECT_EQ(got.observe.log_format, LogFormat::kStructured);
  EXPECT_NE(outcome.all().find("signatures are not checked"), std::string::npos);
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
      {"HTTPS_PROXY", "u:5ec2e7@h:1"},
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
      {"IMGPROXY_SKIP_PROCESSING_FORMATS", "svg,mp4",
       "IMGPROXY_SKIP_PROCESSING_FORMATS: mp4 is not supported yet, dropped"},
      {"IMGPROXY_FORMAT_QUALITY", "jpeg=70, pdf=80",
       "IMGPROXY_FORMAT_QUALITY: pdf is not supported yet, dropped"},
      {"IMGPROXY_PREFERRED_FORMATS", "jpeg,psd",
       "IMGPROXY_PREFERRED_FORMATS: psd is not supported yet, dropped"},
      {"IMGPROXY_VIDEO_THUMBNAIL_SECOND", "3",
       "IMGPROXY_VIDEO_THUMBNAIL_SECOND is not supported yet"},
      {"IMGPROXY_VIDEO_THUMBNAIL_SECOND", "1", ""},
      {"IMGPROXY_AUTOQUALITY_METHOD", "ml",
       "IMGPROXY_AUTOQUALITY_METHOD: there are no models, ml is dssim"},
      {"IMGPROXY_AUTOQUALITY_METHOD", "dssim", ""},
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

TEST(Load, InfoPresetsAreOthersAndAllowedAsProcessingOnesUnlessSaid) {
  const Folder folder;
  const std::string path = folder.file("presets", "c=p:3\n");
  const Outcome outcome = load({{"IMGPROXY_INFO_PRESETS", "a=p:2,b=th:1"},
                                {"IMGPROXY_INFO_PRESETS_PATH", path},
                                {"IMGPROXY_ONLY_PRESETS", "true"}});
  EXPECT_EQ(outcome.config->url.info_presets,
            (std::vector<std::string>{"a=p:2", "b=th:1", "c=p:3"}));
  EXPECT_TRUE(outcome.config->url.presets.empty());
  EXPECT_TRUE(outcome.config->url.info_only_presets);
  const Outcome said =
      load({{"IMGPROXY_ONLY_PRESETS", "true"}, {"IMGPROXY_INFO_ONLY_PRESETS", "false"}});
  EXPECT_FALSE(said.config->url.info_only_presets);
  EXPECT_FALSE(load({{"IMGPROXY_INFO_PRESETS_PATH", "/no/such/file"}}).config.has_value());
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
