// SigV4 as published: canonical request, string to sign, derived key.
#include "aws_signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <array>
#include <fstream>
#include <map>

#include "imgring/base/text.h"

namespace imgring::source {

namespace {

using Digest = std::array<std::uint8_t, SHA256_DIGEST_LENGTH>;

std::string sha256_hex(std::string_view text) {
  Digest digest;
  SHA256(as_bytes(text).data(), text.size(), digest.data());
  return hex_encode(digest);
}

Digest hmac(ByteSpan key, std::string_view text) {
  Digest digest;
  unsigned size = digest.size();
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), as_bytes(text).data(), text.size(),
       digest.data(), &size);
  return digest;
}

// One section of an AWS file: "[name]" or "[profile name]", then "key = value" lines.
std::map<std::string, std::string> read_section(const std::string& file_name,
                                                const std::string& section) {
  std::map<std::string, std::string> out;
  std::ifstream file(file_name);
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    const std::string_view text = trim(line);
    if (text.starts_with('[')) {
      std::string_view name = trim(text.substr(1, text.find(']') - 1));
      if (name.starts_with("profile ")) name = trim(name.substr(8));
      inside = name == section;
      continue;
    }
    const std::size_t equals = text.find('=');
    if (!inside || text.starts_with('#') || equals == std::string_view::npos) continue;
    out.emplace(to_lower(trim(text.substr(0, equals))), trim(text.substr(equals + 1)));
  }
  return out;
}

AwsCredentials credentials_of(std::map<std::string, std::string>& section) {
  return {section["aws_access_key_id"], section["aws_secret_access_key"],
          section["aws_session_token"]};
}

}  // namespace

AwsProfile load_aws_profile(const ReadVariable& variable) {
  AwsProfile out;
  const std::string folder = variable("HOME") + "/.aws/";
  std::string name = variable("AWS_PROFILE");
  if (name.empty()) name = "default";
  std::string credentials_file = variable("AWS_SHARED_CREDENTIALS_FILE");
  if (credentials_file.empty()) credentials_file = folder + "credentials";
  std::string config_file = variable("AWS_CONFIG_FILE");
  if (config_file.empty()) config_file = folder + "config";
  auto shared = read_section(credentials_file, name);
  auto settings = read_section(config_file, name);

  out.credentials = {variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"),
                     variable("AWS_SESSION_TOKEN")};
  if (!out.credentials) out.credentials = credentials_of(shared);
  if (!out.credentials) out.credentials = credentials_of(settings);
  out.region = variable("AWS_REGION");
  if (out.region.empty()) out.region = variable("AWS_DEFAULT_REGION");
  if (out.region.empty()) out.region = settings["region"];
  return out;
}

std::string_view empty_sha256() noexcept {
  return "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
}

std::string aws_encode(std::string_view text, Slash slash) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' ||
                       (c == '/' && slash == Slash::kKeep);
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[u >> 4];
      out += kHex[u & 15];
    }
  }
  return out;
}

std::string aws_authorization(const AwsRequest& request, const AwsCredentials& credentials,
                              const AwsScope& scope) {
  std::string headers, names;
  for (const auto& [name, value] : request.headers) {
    headers += name + ":" + std::string(trim(value)) + "\n";
    if (!names.empty()) names += ';';
    names += name;
  }
  const std::string canonical = "GET\n" + request.path + "\n" + request.query + "\n" + headers +
                                "\n" + names + "\n" + request.payload_sha256;
  const std::string date = request.time.substr(0, 8);
  const std::string where = date + "/" + scope.region + "/" + scope.service + "/aws4_request";
  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + request.time + "\n" + where + "\n" + sha256_hex(canonical);
  const std::string start = "AWS4" + credentials.secret;
  Digest key = hmac(as_bytes(start), date);
  for (const std::string_view part :
       {std::string_view(scope.region), std::string_view(scope.service),
        std::string_view("aws4_request")}) {
    key = hmac(key, part);
  }
  return "AWS4-HMAC-SHA256 Credential=" + credentials.key_id + "/" + where +
         ",SignedHeaders=" + names + ",Signature=" + hex_encode(hmac(key, to_sign));
}

}  // namespace imgring::source
