// Option table: security, sources, URLs and storages (configuration.md section 3).
#include "table.h"

namespace imgring::config {
namespace {

using S = SourceConfig;
using U = UrlConfig;
using P = ProcessingConfig;
using enum OptionType;
template <auto Member>
constexpr OptionReader source = set<&Config::source, Member>;
template <auto Member>
constexpr OptionReader url = set<&Config::url, Member>;
template <auto Member>
constexpr OptionReader processing = set<&Config::processing, Member>;

constexpr Option kOptions[] = {
    reloaded(secret(
        row("IMGPROXY_KEY", kHexList, "", nullptr,
            "Keys of URL signatures, in hexadecimal. Without keys and salts none is checked."))),
    reloaded(secret(row("IMGPROXY_SALT", kHexList, "", nullptr,
                        "Salts of URL signatures, in hexadecimal, as many as keys."))),
    reloaded(row("IMGPROXY_SIGNATURE_SIZE", kInt, "32", between(1, 32),
                 url<&U::signature_size_bytes>, "Bytes of a signature that are kept.")),
    reloaded(secret(row("IMGPROXY_TRUSTED_SIGNATURES", kList, "", url<&U::trusted_signatures>,
                        "Signatures that are always right."))),
    reloaded(row(
        "IMGPROXY_ALLOWED_SOURCES", kPatterns, "", url<&U::allowed_sources>,
        "Beginnings of the source URLs allowed, compared with what is fetched; * stands for text "
        "within a host name, a port or a segment of a path. Blank: all.")),
    row("IMGPROXY_MAX_SRC_RESOLUTION", kMegapixels, "50", between(1, INT64_MAX),
        processing<&P::max_src_resolution>, "Most megapixels of a source, frames added up."),
    row("IMGPROXY_MAX_SRC_FILE_SIZE", kInt, "0", between(0, INT64_MAX),
        processing<&P::max_src_file_size_bytes>, "Most bytes of a source; 0: no limit of its own."),
    row("IMGPROXY_MAX_ANIMATION_FRAMES", kInt, "1", at_least(1),
        processing<&P::max_animation_frames>, "Most frames of an animation that are processed."),
    row("IMGPROXY_MAX_ANIMATION_FRAME_RESOLUTION", kMegapixels, "0", kAnySize,
        processing<&P::max_animation_frame_resolution>,
        "Most megapixels of one frame, instead of the limit for all; 0: off."),
    row("IMGPROXY_MAX_RESULT_DIMENSION", kInt, "0", between(-kInt32Max, kInt32Max),
        processing<&P::max_result_dimension>, "Longest side of a result; 0: no limit."),
    row("IMGPROXY_DOWNLOAD_TIMEOUT", kSeconds, "5", at_least(1), source<&S::download_timeout_s>,
        "Time for a whole download."),
    row("IMGPROXY_CLIENT_KEEP_ALIVE_TIMEOUT", kSeconds, "90", at_least(0),
        source<&S::client_keep_alive_timeout_s>,
        "Idle time of connections to sources; 0: they are not reused."),
    row("IMGPROXY_MAX_REDIRECTS", kInt, "10", at_least(0), source<&S::max_redirects>,
        "Most redirects of a source."),
    row("IMGPROXY_USER_AGENT", kString, "imgproxy/%current_version", source<&S::user_agent>,
        "User-Agent of requests to sources."),
    row("IMGPROXY_ALLOW_LOOPBACK_SOURCE_ADDRESSES", kBool, "false", source<&S::allow_loopback>,
        "Allow sources on this host."),
    row("IMGPROXY_ALLOW_LINK_LOCAL_SOURCE_ADDRESSES", kBool, "false", source<&S::allow_link_local>,
        "Allow sources at link-local addresses."),
    row("IMGPROXY_ALLOW_PRIVATE_SOURCE_ADDRESSES", kBool, "true", source<&S::allow_private>,
        "Allow sources at private addresses."),
    row("IMGPROXY_IGNORE_SSL_VERIFICATION", kBool, "false", source<&S::ignore_ssl_verification>,
        "Do not verify certificates of sources."),
    reloaded(row("IMGPROXY_ALLOWED_PROCESSING_OPTIONS", kList, "",
                 url<&U::allowed_processing_options>,
                 "Options allowed in URLs, as written; presets may use all. Blank: all.")),
    reloaded(row("IMGPROXY_ALLOW_SECURITY_OPTIONS", kBool, "false", url<&U::allow_security_options>,
                 "Allow options that change limits.")),
    reloaded(row("IMGPROXY_ARGUMENTS_SEPARATOR", kString, ":", url<&U::arguments_separator>,
                 "What divides an option's name and arguments.")),
    reloaded(row("IMGPROXY_BASE_URL", kString, "", url<&U::base_url>,
                 "Beginning added to source URLs that do not have it.")),
    reloaded(row("IMGPROXY_URL_REPLACEMENTS", kReplacements, "", url<&U::url_replacements>,
                 "pattern=replacement rules for source URLs, divided by ; and applied in order.")),
    reloaded(row("IMGPROXY_BASE64_URL_INCLUDES_FILENAME", kBool, "false",
                 url<&U::base64_url_includes_filename>,
                 "The last part of an encoded source URL is a name.")),
    reloaded(
        row("IMGPROXY_PRESETS", kList, "", nullptr, "Presets: name=options, several in a list.")),
    reloaded(row("IMGPROXY_PRESETS_SEPARATOR", kString, ",", nullptr, "What divides the presets.")),
    reloaded(row("IMGPROXY_PRESETS_PATH", kFileList, "", nullptr, "File with one preset a line.")),
    reloaded(row("IMGPROXY_ONLY_PRESETS", kBool, "false", url<&U::only_presets>,
                 "URLs name presets instead of options.")),
    reloaded(row("IMGPROXY_MAX_CHAINED_PIPELINES", kInt, "0", at_least(0),
                 url<&U::max_chained_pipelines>,
                 "Most dashes in one URL, each of which begins another pipeline; 0: up to 31.")),
    reloaded(choice("IMGRING_UNSUPPORTED_OPTIONS", "fail", "fail,ignore",
                    url<&U::unsupported_options>,
                    "Options that are known and not built: fail, or leave them out and say so.")),
    row("IMGPROXY_SOURCE_URL_QUERY_SEPARATOR", kString, "?", source<&S::query_separator>,
        "What divides key and version in storage URLs; set but blank: nothing does."),
    row("IMGPROXY_COOKIE_PASSTHROUGH", kBool, "false", source<&S::cookie_passthrough>,
        "Send the client's cookies to matching sources."),
    row("IMGPROXY_COOKIE_PASSTHROUGH_ALL", kBool, "false", source<&S::cookie_passthrough_all>,
        "With the one before: send all cookies to all sources."),
    row("IMGPROXY_COOKIE_BASE_URL", kUrl, "", source<&S::cookie_base_url>,
        "URL the client's cookies belong to; blank: the request's host."),
    reloaded(secret(row("IMGPROXY_SOURCE_URL_ENCRYPTION_KEY", kHex, "",
                        url<&U::source_url_encryption_key>,
                        "AES key of encrypted source URLs: 16, 24 or 32 bytes in hexadecimal."))),
    row("IMGPROXY_ENV_LOCAL_FILE_PATH", kFile, "", nullptr,
        "File with NAME=VALUE lines that win over the environment."),
};

constexpr Option kStorages[] = {
    row("IMGPROXY_LOCAL_FILESYSTEM_ROOT", kDirectory, "", source<&S::local_filesystem_root>,
        "Folder of local:// sources; blank: off."),
    row("IMGPROXY_USE_S3", kBool, "false", source<&S::use_s3>, "Allow s3:// sources."),
    row("IMGPROXY_S3_REGION", kString, "", source<&S::s3_region>, "Region of S3."),
    row("IMGPROXY_S3_ENDPOINT", kString, "", source<&S::s3_endpoint>,
        "Another service that speaks S3."),
    row("IMGPROXY_S3_ENDPOINT_USE_PATH_STYLE", kBool, "true",
        source<&S::s3_endpoint_use_path_style>, "Bucket in the path, not in the host."),
    not_built(row("IMGPROXY_S3_USE_DECRYPTION_CLIENT", kBool, "false", nullptr,
                  "Decrypt objects with KMS.")),
    not_built(row("IMGPROXY_S3_ASSUME_ROLE_ARN", kString, "", nullptr, "Role to take on.")),
    not_built(secret(row("IMGPROXY_S3_ASSUME_ROLE_EXTERNAL_ID", kString, "", nullptr,
                         "External id of the role."))),
    row("IMGPROXY_S3_ALLOWED_BUCKETS", kList, "", source<&S::s3_allowed_buckets>,
        "Buckets allowed; blank: all."),
    row("IMGPROXY_S3_DENIED_BUCKETS", kList, "", source<&S::s3_denied_buckets>, "Buckets refused."),
    not_built(row("IMGPROXY_S3_ACCESS_POINTS", kMap, "", nullptr, "Names of access points.")),
    external(row("AWS_ACCESS_KEY_ID", kString, "", nullptr, "AWS credentials.")),
    external(secret(row("AWS_SECRET_ACCESS_KEY", kString, "", nullptr, "AWS credentials."))),
    external(secret(row("AWS_SESSION_TOKEN", kString, "", nullptr, "AWS credentials."))),
    external(row("AWS_REGION", kString, "", nullptr, "AWS region.")),
    external(row("AWS_PROFILE", kString, "", nullptr, "AWS profile.")),
    not_built(row("IMGPROXY_USE_GCS", kBool, "false", nullptr, "Allow gs:// sources.")),
    not_built(secret(row("IMGPROXY_GCS_KEY", kString, "", nullptr, "Service account key."))),
    not_built(row("IMGPROXY_GCS_ENDPOINT", kString, "", nullptr, "Another endpoint.")),
    not_built(row("IMGPROXY_GCS_ALLOWED_BUCKETS", kList, "", nullptr, "Buckets allowed.")),
    not_built(row("IMGPROXY_GCS_DENIED_BUCKETS", kList, "", nullptr, "Buckets refused.")),
    not_built(row("IMGPROXY_USE_ABS", kBool, "false", nullptr, "Allow abs:// sources.")),
    not_built(row("IMGPROXY_ABS_NAME", kString, "", nullptr, "Azure account name.")),
    not_built(secret(row("IMGPROXY_ABS_KEY", kString, "", nullptr, "Azure account key."))),
    not_built(row("IMGPROXY_ABS_ENDPOINT", kString, "", nullptr, "Another endpoint.")),
    not_built(row("IMGPROXY_ABS_ALLOWED_BUCKETS", kList, "", nullptr, "Containers allowed.")),
    not_built(row("IMGPROXY_ABS_DENIED_BUCKETS", kList, "", nullptr, "Containers refused.")),
    not_built(row("IMGPROXY_USE_SWIFT", kBool, "false", nullptr, "Allow swift:// sources.")),
    not_built(row("IMGPROXY_SWIFT_USERNAME", kString, "", nullptr, "Swift user.")),
    not_built(secret(row("IMGPROXY_SWIFT_API_KEY", kString, "", nullptr, "Swift key."))),
    not_built(row("IMGPROXY_SWIFT_AUTH_URL", kString, "", nullptr, "Swift authentication URL.")),
    not_built(row("IMGPROXY_SWIFT_AUTH_VERSION", kInt, "0", between(0, 3), nullptr,
                  "Swift authentication version; 0: found out.")),
    not_built(row("IMGPROXY_SWIFT_TENANT", kString, "", nullptr, "Swift tenant.")),
    not_built(row("IMGPROXY_SWIFT_DOMAIN", kString, "", nullptr, "Swift domain.")),
    not_built(row("IMGPROXY_SWIFT_TIMEOUT_SECONDS", kSeconds, "60", nullptr, "Swift data time.")),
    not_built(row("IMGPROXY_SWIFT_CONNECT_TIMEOUT_SECONDS", kSeconds, "10", nullptr,
                  "Swift connect time.")),
    not_built(row("IMGPROXY_SWIFT_ALLOWED_BUCKETS", kList, "", nullptr, "Containers allowed.")),
    not_built(row("IMGPROXY_SWIFT_DENIED_BUCKETS", kList, "", nullptr, "Containers refused.")),
    external(row("HTTP_PROXY", kString, "", nullptr, "Proxy for http sources (or http_proxy).")),
    external(row("HTTPS_PROXY", kString, "", nullptr, "Proxy for https sources.")),
    external(row("NO_PROXY", kString, "", nullptr, "Hosts reached without the proxy.")),
    needed(row("IMGPROXY_ENV_AWS_SECRET_ID", kString, "", nullptr, "Secret with variables.")),
    not_built(row("IMGPROXY_ENV_AWS_SECRET_VERSION_ID", kString, "", nullptr, "Its version.")),
    not_built(row("IMGPROXY_ENV_AWS_SECRET_VERSION_STAGE", kString, "", nullptr, "Its stage.")),
    not_built(row("IMGPROXY_ENV_AWS_SECRET_REGION", kString, "", nullptr, "Its region.")),
    needed(row("IMGPROXY_ENV_AWS_SSM_PARAMETERS_PATH", kString, "", nullptr,
               "Path of parameters with variables.")),
    not_built(row("IMGPROXY_ENV_AWS_SSM_PARAMETERS_REGION", kString, "", nullptr, "Their region.")),
    needed(row("IMGPROXY_ENV_GCP_SECRET_ID", kString, "", nullptr, "Secret with variables.")),
    not_built(
        row("IMGPROXY_ENV_GCP_SECRET_VERSION_ID", kString, "latest", nullptr, "Its version.")),
    not_built(row("IMGPROXY_ENV_GCP_SECRET_PROJECT_ID", kString, "", nullptr, "Its project.")),
    not_built(secret(row("IMGPROXY_ENV_GCP_KEY", kString, "", nullptr, "Key that may read it."))),
};

}  // namespace

std::span<const Option> source_options() noexcept { return kOptions; }
std::span<const Option> storage_options() noexcept { return kStorages; }

}  // namespace imgring::config
