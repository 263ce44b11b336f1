// Builds a Config from the environment (see load.h).
// Owns nothing after it returns; main thread. Promises: every problem of a run is reported at once,
// by name, and no secret's value appears in a report.
#include "imgring/config/load.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "checks.h"
#include "env_file.h"
#include "imgring/base/text.h"
#include "imgring/format/format.h"
#include "imgring/mem/machine.h"
#include "values.h"

#ifndef IMGRING_VERSION
#define IMGRING_VERSION "0.0.0"
#endif

namespace imgring::config {
namespace {

constexpr std::string_view kMask = "***";
constexpr std::int64_t kLargestPoolClassBytes = 32 * 1024 * 1024;

struct Found {
  std::string text;
  std::string origin;
};

bool is_blank(std::string_view text) { return trim(text).empty(); }

class Loader {
 public:
  Loader(const LoadInput& input, LoadReport& report)
      : input_(input), report_(report), environment_(input.environment) {}

  std::optional<Config> load() {
    read_file();
    collect();
    use_older_names();
    for (const OptionSection& section : option_sections()) {
      for (const Option& option : section.options) apply(option);
    }
    finish_server();
    finish_source();
    finish_url();
    finish_processing();
    warn_of_unknown_names();
    if (!report_.errors.empty()) return std::nullopt;
    return std::move(config_);
  }

 private:
  // The environment file is laid over the environment.
  void read_file() {
    const auto path = environment_.find("IMGPROXY_ENV_LOCAL_FILE_PATH");
    if (path == environment_.end() || is_blank(path->second)) return;
    const auto text = read_whole_file(path->second);
    if (!text) return refuse("IMGPROXY_ENV_LOCAL_FILE_PATH", text.error());
    auto variables = parse_env_file(*text, environment_);
    if (!variables) return refuse("IMGPROXY_ENV_LOCAL_FILE_PATH", variables.error());
    for (auto& [name, value] : *variables) {
      from_file_.insert(name);
      environment_[name] = std::move(value);
    }
  }

  // Everything that is set and not blank.
  void collect() {
    for (const auto& [name, value] : environment_) {
      if (is_blank(value)) continue;
      found_[name] = {value, from_file_.contains(name) ? "file" : "environment"};
    }
  }

  const Found* find(const std::string& name) const {
    const auto it = found_.find(name);
    return it == found_.end() ? nullptr : &it->second;
  }
  // The text that counts: the value, or the option's default.
  std::string text_of(const std::string& name) const {
    if (const Found* found = find(name)) return found->text;
    const Option* option = find_option(name);
    return option ? std::string(option->default_text) : std::string();
  }

  void use_older_names() {
    const bool fail = parse_bool(text_of("IMGPROXY_FAIL_ON_DEPRECATION")).value_or(false);
    for (const OptionSection& section : option_sections()) {
      for (const Option& option : section.options) {
        if (option.status != OptionStatus::kDeprecated) continue;
        const std::string older(option.name), newer(option.replaced_by);
        const Found* found = find(older);
        if (!found) continue;
        std::string text = older + " is deprecated, use " + newer;
        if (!find(newer)) {
          found_[newer] = {found->text, older};
        } else {
          text += " (it is set too and wins)";
        }
        (fail ? report_.errors : report_.warnings).push_back(std::move(text));
      }
    }
  }

  void refuse(std::string_view name, const std::string& reason) {
    const Found* found = find(std::string(name));
    const auto set = environment_.find(std::string(name));  // before anything is collected
    const std::string value = found ? found->text : set == environment_.end() ? "" : set->second;
    report_.errors.push_back(refusal_text(name, value, reason));
  }

  void apply(const Option& option) {
    const Found* found = find(std::string(option.name));
    switch (option.status) {
      case OptionStatus::kWorks: break;
      case OptionStatus::kNotBuilt: warn_not_built(option, found); break;
      case OptionStatus::kNeeded: refuse_not_built(option, found); break;
      case OptionStatus::kPro:
        if (found && found->text != option.default_text) {
          report_.warnings.push_back(std::string(option.name) + " is not supported yet");
        }
        return;
      case OptionStatus::kRemoved:
        if (found) {
          report_.warnings.push_back(std::string(option.name) +
                                     " has no effect any more: " + std::string(option.help));
        }
        return;
      case OptionStatus::kIgnored:
      case OptionStatus::kStandard: note_no_effect(option, found); return;
      case OptionStatus::kDeprecated: return;
      case OptionStatus::kExternal: note_state(option, found); return;
    }
    if (!option.default_text.empty() && option.read) {
      // The table's own text: a test reads every default.
      static_cast<void>(option.read(option.default_text, option, config_));
    }
    if (found) {
      const Refusal refusal =
          option.read ? option.read(found->text, option, config_) : check_only(found->text, option);
      if (refusal) refuse(option.name, *refusal);
    }
    note_state(option, found);
  }

  void warn_not_built(const Option& option, const Found* found) {
    if (!found || found->text == option.default_text) return;
    const auto wanted = parse_bool(found->text);
    const bool off =
        option.type == OptionType::kBool && wanted && wanted == parse_bool(option.default_text);
    if (!off) report_.warnings.push_back(std::string(option.name) + " is not supported yet");
  }

  // Without what stands there a server might check no signatures that were to be checked.
  void refuse_not_built(const Option& option, const Found* found) {
    if (!found) return;
    report_.errors.push_back(std::string(option.name) +
                             " is set and not built yet: keys, salts and limits that may stand "
                             "there would be missing. Put them into the environment or the file "
                             "of IMGPROXY_ENV_LOCAL_FILE_PATH, and unset it");
  }

  // Names of the system mean something to others; nobody sets them for us.
  void note_no_effect(const Option& option, const Found* found) {
    const bool standard = option.status == OptionStatus::kStandard;
    if (!found || !(standard || option.name.starts_with("IMGPROXY_"))) return;
    const std::string_view why = standard ? "its service is not supported yet" : option.help;
    report_.notes.push_back(std::string(option.name) + " has no effect: " + std::string(why));
  }

  void note_state(const Option& option, const Found* found) {
    std::string value = found ? found->text : std::string(option.default_text);
    // A picture is no text for people.
    const bool hidden = option.secret || option.type == OptionType::kBase64;
    value = hidden && !value.empty() ? std::string(kMask) : shown_value(option, value);
    const std::string_view set = found ? std::string_view(found->text) : option.default_text;
    report_.options.push_back({std::string(option.name), std::move(value),
                               found ? found->origin : "default",
                               std::hash<std::string_view>()(set)});
  }

  void refuse_control_bytes(std::string_view name, std::string_view value) {
    for (const char c : value) {
      if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) continue;
      return refuse(name, "parse error: it has control characters");
    }
  }

  void read_custom_headers(std::string_view name, HeaderList& out) {
    const Found* found = find(std::string(name));
    if (!found) return;
    const Refusal refusal =
        read_headers(found->text, text_of("IMGPROXY_CUSTOM_HEADERS_SEPARATOR"), out);
    if (refusal) return refuse(name, *refusal);
    for (const auto& header : out) refuse_framing(name, header.first);
    drop_host(name, out, [](const auto& header) { return std::string_view(header.first); });
  }
  void check_header_names(std::string_view name, std::vector<std::string>& names) {
    std::erase_if(names, [](const std::string& n) { return n.empty(); });
    for (const std::string& header : names) {
      if (is_header_name(header)) continue;
      refuse(name, "parse error: \"" + header + "\" is not a header name");
    }
    for (const std::string& header : names) refuse_framing(name, header);
    drop_host(name, names, [](const std::string& header) { return std::string_view(header); });
  }
  void refuse_framing(std::string_view name, std::string_view header) {
    if (!is_framing_header(header)) return;
    refuse(name, std::string(header) +
                     " says where a message ends or how it is coded, which the "
                     "server says itself: take it out");
  }
  // As in imgproxy it has no effect: requests name the host of their URL.
  template <class List, class NameOf>
  void drop_host(std::string_view name, List& list, NameOf name_of) {
    const auto dropped = std::erase_if(
        list, [&](const auto& item) { return equal_ignore_case(name_of(item), "Host"); });
    if (dropped == 0) return;
    report_.warnings.push_back(std::string(name) + ": Host has no effect, it is the URL's");
  }

  void finish_server() {
    ServerConfig& server = config_.server;
    if (const Found* port = find("PORT"); port && !find("IMGPROXY_BIND")) {
      server.bind = ":" + port->text;
      for (OptionState& state : report_.options) {
        if (state.name == "IMGPROXY_BIND") state = {state.name, server.bind, "PORT", state.mark};
      }
    }
    if (find("AWS_LAMBDA_FUNCTION_NAME")) {
      server.workers = 1;
      server.requests_queue_size = 0;
    }
    read_custom_headers("IMGPROXY_CUSTOM_RESPONSE_HEADERS", server.custom_response_headers);
    read_custom_headers("IMGPROXY_CUSTOM_REQUEST_HEADERS", server.custom_request_headers);
    check_header_names("IMGPROXY_REQUEST_HEADERS_PASSTHROUGH", server.request_headers_passthrough);
    check_header_names("IMGPROXY_RESPONSE_HEADERS_PASSTHROUGH",
                       server.response_headers_passthrough);
    refuse_control_bytes("IMGPROXY_SERVER_NAME", server.server_name);
    refuse_control_bytes("IMGPROXY_ALLOW_ORIGIN", server.allow_origin);
    refuse_control_bytes("IMGPROXY_ETAG_BUSTER", server.etag_buster);
    check_addresses();
    const std::string many = warn_of_workers(server.workers, mem::usable_cpus());
    if (!many.empty()) report_.warnings.push_back(many);
    if (!find("IMGPROXY_LOG_FORMAT")) {
      config_.observe.log_format =
          input_.stdout_is_terminal ? LogFormat::kPretty : LogFormat::kStructured;
    }
    warn_of_buffers();
  }

  void check_addresses() {
    const ServerConfig& server = config_.server;
    if (const Refusal refusal = check_bind(server.bind, server.network)) {
      refuse("IMGPROXY_BIND", *refusal);
    }
    const std::string& metrics = config_.observe.prometheus_bind;
    if (metrics.empty()) return;
    if (const Refusal refusal = check_bind(metrics, Network::kTcp)) {
      refuse("IMGPROXY_PROMETHEUS_BIND", *refusal);
    }
    if (metrics == server.bind) {
      refuse("IMGPROXY_PROMETHEUS_BIND", "it must differ from IMGPROXY_BIND");
    }
  }

  void warn_of_buffers() {
    const MemoryConfig& memory = config_.memory;
    const std::pair<const char*, std::int64_t> sizes[] = {
        {"IMGPROXY_DOWNLOAD_BUFFER_SIZE", memory.download_buffer_size_bytes},
        {"IMGPROXY_GZIP_BUFFER_SIZE", memory.gzip_buffer_size_bytes}};
    for (const auto& [name, size_bytes] : sizes) {
      if (size_bytes <= kLargestPoolClassBytes) continue;
      report_.warnings.push_back(std::string(name) +
                                 " is larger than 32 MiB: such buffers are seldom kept");
    }
    if (memory.gzip_buffer_size_bytes > 0 && memory.gzip_compression == 0) {
      report_.notes.push_back("IMGPROXY_GZIP_BUFFER_SIZE has no effect while gzip is off");
    }
  }

  void finish_source() {
    SourceConfig& source = config_.source;
    // The one variable whose empty value counts.
    const auto separator = environment_.find("IMGPROXY_SOURCE_URL_QUERY_SEPARATOR");
    if (separator != environment_.end() && is_blank(separator->second)) {
      source.query_separator.clear();
    }
    source.user_agent = replace_all(source.user_agent, "%current_version", IMGRING_VERSION);
    refuse_control_bytes("IMGPROXY_USER_AGENT", source.user_agent);
    source.http_proxy = either("HTTP_PROXY", "http_proxy");
    source.https_proxy = either("HTTPS_PROXY", "https_proxy");
    source.no_proxy = either("NO_PROXY", "no_proxy");
    if (source.local_filesystem_root.empty()) return;
    if (const Refusal refusal = check_root(source.local_filesystem_root)) {
      refuse("IMGPROXY_LOCAL_FILESYSTEM_ROOT", *refusal);
    } else if (source.local_filesystem_root == "/") {
      report_.warnings.push_back("IMGPROXY_LOCAL_FILESYSTEM_ROOT is /: every file may be served");
    }
  }
  std::string either(const std::string& upper, const std::string& lower) const {
    const Found* found = find(upper);
    if (!found) found = find(lower);
    return found ? found->text : std::string();
  }

  std::vector<std::string> hex_items(const std::string& name, bool& fine) {
    std::vector<std::string> items;
    const Found* found = find(name);
    if (!found) return items;
    if (const Refusal refusal = read_hex_list(found->text, items)) {
      refuse(name, *refusal);
      fine = false;
    }
    return items;
  }

  void finish_keys() {
    bool fine = true;
    const auto keys = hex_items("IMGPROXY_KEY", fine), salts = hex_items("IMGPROXY_SALT", fine);
    if (!fine) return;
    if (keys.size() != salts.size()) {
      report_.errors.push_back("IMGPROXY_KEY has " + std::to_string(keys.size()) +
                               " values and IMGPROXY_SALT " + std::to_string(salts.size()) +
                               ": give each key its salt, both in hexadecimal");
      return;
    }
    if (keys.empty()) {
      report_.warnings.push_back(
          "no keys and salts are set: signatures are not checked, anyone can have images made");
    }
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i].empty()) {
        report_.warnings.push_back("item " + std::to_string(i + 1) +
                                   " of IMGPROXY_KEY is empty: such signatures can be forged");
      }
      config_.url.keys.push_back({keys[i], salts[i]});
    }
  }

  void finish_url() {
    finish_keys();
    UrlConfig& url = config_.url;
    // imgproxy takes an empty pattern as "everything"; a comma too many shall not open the door.
    const auto dropped =
        std::erase_if(url.allowed_sources, [](const SourcePattern& p) { return p.text.empty(); });
    if (dropped > 0) {
      report_.warnings.push_back("IMGPROXY_ALLOWED_SOURCES has empty items: dropped");
    }
    if (dropped > 0 && url.allowed_sources.empty()) {
      refuse("IMGPROXY_ALLOWED_SOURCES", "it has no pattern");
    }
    const std::size_t key_bytes = url.source_url_encryption_key.size();
    if (key_bytes != 0 && key_bytes != 16 && key_bytes != 24 && key_bytes != 32) {
      refuse("IMGPROXY_SOURCE_URL_ENCRYPTION_KEY", "it must have 16, 24 or 32 bytes");
    }
    if (key_bytes != 0 && url.keys.empty()) {
      report_.warnings.push_back(
          "IMGPROXY_SOURCE_URL_ENCRYPTION_KEY is set without IMGPROXY_KEY and IMGPROXY_SALT: "
          "whoever may send URLs can find out by trying what encrypted source URLs hold (a padding "
          "oracle); set keys and salts");
    }
    finish_presets("IMGPROXY_PRESETS", url.presets);
    finish_presets("IMGPROXY_INFO_PRESETS", url.info_presets);
    if (!find("IMGPROXY_INFO_ONLY_PRESETS")) url.info_only_presets = url.only_presets;
  }
  // The list's items, and then the lines of the file.
  void finish_presets(const std::string& name, std::vector<std::string>& presets) {
    add_presets(text_of(name), text_of("IMGPROXY_PRESETS_SEPARATOR"), presets);
    const Found* const path = find(name + "_PATH");
    if (path == nullptr) return;
    const auto text = read_whole_file(path->text);
    if (!text) return refuse(name + "_PATH", text.error());
    add_presets(*text, "\n", presets);
  }
  static void add_presets(std::string_view text, std::string_view separator,
                          std::vector<std::string>& presets) {
    for (const std::string_view raw : split(text, separator)) {
      const std::string_view item = trim(raw);
      if (item.empty() || item[0] == '#') continue;
      presets.emplace_back(item);
    }
  }

  // Of data, path and URL the first that is set counts.
  void finish_image(const std::string& prefix, std::string& data, std::string& path,
                    std::string& url) {
    if (find(prefix + "_DATA")) {
      path.clear();
      url.clear();
      return;
    }
    if (path.empty()) return;
    url.clear();
    auto content = read_whole_file(path);
    if (!content) return refuse(prefix + "_PATH", content.error());
    if (content->empty()) return refuse(prefix + "_PATH", "the file is empty");
    data = std::move(*content);
  }

  void warn_of_unbuilt_formats(const std::string& name) {
    const std::string text = text_of(name);
    for (const std::string_view item : split(text, ",")) {
      const std::string format(trim(item.substr(0, item.find('='))));
      if (!is_unbuilt_format(format)) continue;
      report_.warnings.push_back(name + ": " + format + " is not supported yet, dropped");
    }
  }

  void finish_processing() {
    ProcessingConfig& p = config_.processing;
    finish_image("IMGPROXY_WATERMARK", p.watermark_data, p.watermark_path, p.watermark_url);
    finish_image("IMGPROXY_FALLBACK_IMAGE", p.fallback_image_data, p.fallback_image_path,
                 p.fallback_image_url);
    if (p.autoquality.method == AutoqualityMethod::kMl) {
      report_.warnings.push_back("IMGPROXY_AUTOQUALITY_METHOD: there are no models, ml is dssim");
    }
    for (const char* name : {"IMGPROXY_PREFERRED_FORMATS", "IMGPROXY_SKIP_PROCESSING_FORMATS",
                             "IMGPROXY_FORMAT_QUALITY"}) {
      warn_of_unbuilt_formats(name);
    }
    if (std::erase(p.preferred_formats, ImageType::kSvg) > 0) {
      report_.warnings.push_back("IMGPROXY_PREFERRED_FORMATS: svg cannot be saved, dropped");
    }
    if (p.preferred_formats.empty()) {
      refuse("IMGPROXY_PREFERRED_FORMATS", "none of the formats can be saved");
    }
  }

  // Kubernetes sets such names for a service called "imgproxy".
  static bool is_service_link(std::string_view name, std::string_view value) {
    return name.starts_with("IMGPROXY_SERVICE_HOST") || name.starts_with("IMGPROXY_SERVICE_PORT") ||
           name.starts_with("IMGPROXY_PORT_") || (name == "IMGPROXY_PORT" && value.find("://") < 8);
  }
  void warn_of_unknown_names() {
    for (const auto& [name, value] : environment_) {
      const bool ours = name.starts_with("IMGPROXY_") || name.starts_with("IMGRING_") ||
                        name.starts_with("IMGRPOXY_");
      if (!ours || find_option(name) || is_service_link(name, value)) continue;
      report_.warnings.push_back(name + " is not known; did you mean " +
                                 std::string(nearest_option(name)) + "?");
    }
  }

  const LoadInput& input_;
  LoadReport& report_;
  Variables environment_;
  std::set<std::string> from_file_;
  std::map<std::string, Found> found_;
  Config config_;
};

}  // namespace

std::optional<Config> load_config(const LoadInput& input, LoadReport* report) {
  LoadReport own;
  return Loader(input, report ? *report : own).load();
}

std::map<std::string, std::string> read_environment(const char* const* environment) {
  std::map<std::string, std::string> variables;
  for (; environment && *environment; ++environment) {
    const std::string_view entry = *environment;
    const std::size_t equals = entry.find('=', 1);
    if (equals == std::string_view::npos) continue;
    // getenv takes the first of two entries of one name.
    variables.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return variables;
}

std::vector<std::string> changed_for_restart(const std::vector<OptionState>& before,
                                             const std::vector<OptionState>& after) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < before.size() && i < after.size(); ++i) {
    const Option* option = find_option(after[i].name);  // the rows of both are the table's
    const bool same = before[i].mark == after[i].mark || before[i].name != after[i].name;
    if (!same && !option->reloaded) names.push_back(after[i].name);
  }
  return names;
}

std::expected<Variables, std::string> read_unit_environment(const std::string& path) {
  auto text = read_whole_file(path);
  if (!text) return std::unexpected(std::move(text).error());
  return parse_unit_file(*text);
}

}  // namespace imgring::config
