// What a file's answer says about it: type, validator, ranges. Plain functions.
#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "imgring/base/text.h"
#include "local.h"

namespace imgring::source {

namespace {

struct Magic {
  std::size_t at;
  std::string_view bytes;
  std::string_view type;
};

using namespace std::string_view_literals;

// First match wins. The pipeline has its own detection; this is for the raw answer's header.
constexpr Magic kMagic[] = {
    {0, "\xff\xd8\xff"sv, "image/jpeg"},
    {0, "\x89PNG\r\n\x1a\n"sv, "image/png"},
    {0, "GIF87a"sv, "image/gif"},
    {0, "GIF89a"sv, "image/gif"},
    {8, "WEBPVP"sv, "image/webp"},
    {4, "ftypavif"sv, "image/avif"},
    {4, "ftypavis"sv, "image/avif"},
    {4, "ftypheic"sv, "image/heif"},
    {4, "ftypheix"sv, "image/heif"},
    {4, "ftyphevc"sv, "image/heif"},
    {4, "ftypheim"sv, "image/heif"},
    {4, "ftypheis"sv, "image/heif"},
    {4, "ftypmif1"sv, "image/heif"},
    {4, "ftypmsf1"sv, "image/heif"},
    {0, "\xff\x0a"sv, "image/jxl"},
    {0, "\x00\x00\x00\x0cJXL "sv, "image/jxl"},
    {0, "BM"sv, "image/bmp"},
    {0, "\x00\x00\x01\x00"sv, "image/x-icon"},
    {0, "II*\x00"sv, "image/tiff"},
    {0, "MM\x00*"sv, "image/tiff"},
    {0, "%PDF-"sv, "application/pdf"},
};

struct ByName {
  std::string_view extension, type;
};

constexpr ByName kByName[] = {
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"png", "image/png"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"avif", "image/avif"},
    {"heic", "image/heif"},
    {"jxl", "image/jxl"},
    {"bmp", "image/bmp"},
    {"ico", "image/x-icon"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"svg", "image/svg+xml"},
    {"pdf", "application/pdf"},
    {"mp4", "video/mp4"},
    {"webm", "video/webm"},
    {"txt", "text/plain; charset=utf-8"},
    {"html", "text/html; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"xml", "text/xml; charset=utf-8"},
};

}  // namespace

std::string content_type_of(ByteSpan first_bytes, std::string_view path) {
  const std::string_view head = as_text(first_bytes);
  for (const Magic& magic : kMagic) {
    if (head.size() < magic.at + magic.bytes.size()) continue;
    if (head.substr(magic.at, magic.bytes.size()) == magic.bytes) return std::string(magic.type);
  }
  const std::size_t dot = path.rfind('.');
  if (dot == std::string_view::npos) return {};
  const std::string extension = to_lower(path.substr(dot + 1));
  for (const ByName& name : kByName) {
    if (name.extension == extension) return std::string(name.type);
  }
  return {};
}

std::string file_etag(std::string_view path, std::int64_t size_bytes, std::int64_t mtime_ns) {
  const std::string text =
      std::string(path) + "__" + std::to_string(size_bytes) + "__" + std::to_string(mtime_ns);
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256(as_bytes(text).data(), text.size(), digest.data());
  std::string etag(1, '"');  // not "\"" + …: gcc 12 sees an overlap there (its bug 105651)
  etag += base64url_encode(digest);
  return etag + '"';
}

std::optional<ByteRange> parse_range(std::string_view header, std::int64_t size_bytes) noexcept {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit)) return std::nullopt;
  header.remove_prefix(kUnit.size());
  header = trim(header.substr(0, header.find(',')));
  const std::size_t dash = header.find('-');
  if (dash == 0 || dash == std::string_view::npos) return std::nullopt;  // no suffix ranges
  const auto first = parse_int(trim(header.substr(0, dash)));
  const std::string_view last_text = trim(header.substr(dash + 1));
  auto last = last_text.empty() ? std::optional(size_bytes - 1) : parse_int(last_text);
  if (!first || !last || *first < 0 || *first >= size_bytes || *last < *first) return std::nullopt;
  return ByteRange{*first, std::min(*last, size_bytes - 1)};
}

}  // namespace imgring::source
