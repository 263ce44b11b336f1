// Type of a source by its first bytes. Plain functions, any thread; reads no byte outside the span.
#include "imgring/format/sniff.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "imgring/format/format.h"

namespace imgring::format {
namespace {

constexpr std::size_t kHeadBytesMax = 32 * 1024;

using namespace std::string_view_literals;

// Brands of files that say elsewhere what their pictures are packed with.
constexpr std::array kHeifBrands = {"mif1"sv, "mif2"sv, "msf1"sv, "miaf"sv};

constexpr std::array kRawExtensions = {
    "3fr"sv, "adng"sv, "arw"sv, "cap"sv, "cr2"sv, "cr3"sv, "crw"sv, "data"sv, "dcr"sv,    "dng"sv,
    "eip"sv, "erf"sv,  "fff"sv, "gpr"sv, "iiq"sv, "k25"sv, "kdc"sv, "mef"sv,  "moc"sv,    "mos"sv,
    "mdc"sv, "mrw"sv,  "nef"sv, "nrw"sv, "orf"sv, "ori"sv, "pef"sv, "ppm"sv,  "proraw"sv, "raf"sv,
    "raw"sv, "rw2"sv,  "rwl"sv, "sr2"sv, "srf"sv, "srw"sv, "x3f"sv};
// After "image/x-": maker and format.
constexpr std::array kRawContentTypes = {
    "hasselblad-3fr"sv, "adobe-dng"sv,    "sony-arw"sv,     "phaseone-cap"sv, "canon-cr2"sv,
    "canon-cr3"sv,      "canon-crw"sv,    "kodak-dcr"sv,    "epson-erf"sv,    "hasselblad-fff"sv,
    "gopro-gpr"sv,      "phaseone-iiq"sv, "kodak-k25"sv,    "kodak-kdc"sv,    "mamiya-mef"sv,
    "leaf-mos"sv,       "minolta-mrw"sv,  "nikon-nef"sv,    "nikon-nrw"sv,    "olympus-orf"sv,
    "sony-ori"sv,       "pentax-pef"sv,   "apple-proraw"sv, "fuji-raf"sv,     "raw"sv,
    "panasonic-rw2"sv,  "leica-rwl"sv,    "sony-sr2"sv,     "sony-srf"sv,     "samsung-srw"sv,
    "sigma-x3f"sv};

bool matches(std::string_view head, std::string_view magic) noexcept {
  if (head.size() < magic.size()) return false;
  for (std::size_t i = 0; i < magic.size(); ++i) {
    if (magic[i] != '?' && head[i] != magic[i]) return false;
  }
  return true;
}

bool starts_as(std::string_view head, ImageType type) noexcept {
  return std::ranges::any_of(facts_of(type).magics,
                             [&](std::string_view magic) { return matches(head, magic); });
}

bool is_camera_raw(std::string_view extension, std::string_view content_type) {
  if (extension.starts_with('.')) extension.remove_prefix(1);
  for (const std::string_view raw : kRawExtensions) {
    if (equal_ignore_case(extension, raw)) return true;
  }
  content_type = trim(content_type.substr(0, content_type.find(';')));
  constexpr std::string_view kPrefix = "image/x-";
  if (content_type.size() < kPrefix.size()) return false;
  if (!equal_ignore_case(content_type.substr(0, kPrefix.size()), kPrefix)) return false;
  content_type.remove_prefix(kPrefix.size());
  return std::any_of(kRawContentTypes.begin(), kRawContentTypes.end(),
                     [&](std::string_view raw) { return equal_ignore_case(content_type, raw); });
}

// By the brands it says it is compatible with, whatever the first one is, and by the kind of its
// items where these say nothing. Of `mif1` alone imgproxy says HEIC.
ImageType heif_type(std::string_view head) noexcept {
  constexpr std::size_t kBrandAt = 8, kCompatibleAt = 16, kBrandBytes = 4;
  const bool boxes = head.size() >= kBrandAt + kBrandBytes && head.substr(4, 4) == "ftyp";
  if (!boxes) return ImageType::kUnknown;
  const std::string_view brand = head.substr(kBrandAt, kBrandBytes);
  const bool said = std::find(kHeifBrands.begin(), kHeifBrands.end(), brand) != kHeifBrands.end();
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(head[at]); };
  const std::size_t box_bytes = std::size_t{byte(0)} << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
  const std::size_t end = std::min(head.size(), box_bytes);
  for (std::size_t at = kCompatibleAt; at + kBrandBytes <= end; at += kBrandBytes) {
    const std::string_view known = head.substr(at, kBrandBytes);
    if (known == "avif" || known == "avis" || known.starts_with("MA1")) return ImageType::kAvif;
    if (known.starts_with("hei") || known.starts_with("hev")) return ImageType::kHeic;
  }
  if (!said) return ImageType::kUnknown;
  return head.find("av01") == std::string_view::npos ? ImageType::kHeic : ImageType::kAvif;
}

// Whether it is text of two bytes each, by its mark; then as bytes, what is not ASCII as some byte
// that is none either.
std::optional<std::string> narrowed(std::string_view head) {
  const bool big = head.starts_with("\xFE\xFF");
  if (!big && !head.starts_with("\xFF\xFE")) return std::nullopt;
  std::string out;
  for (std::size_t at = 2; at + 1 < head.size(); at += 2) {
    const char high = head[big ? at : at + 1], low = head[big ? at + 1 : at];
    out.push_back(high == 0 && static_cast<unsigned char>(low) < 0x80 ? low : '\x80');
  }
  return out;
}

// A walk over XML tokens that stops at the first start tag named svg.
class SvgScanner {
 public:
  explicit SvgScanner(std::string_view text) noexcept : rest_(text) {}

  bool finds_svg() noexcept {
    while (next_tag()) {
      if (starts("<!--")) {
        if (!skip_past("-->")) return false;
      } else if (starts("<![CDATA[")) {
        if (!skip_past("]]>")) return false;
      } else if (starts("<?")) {
        if (!skip_past("?>")) return false;
      } else if (starts("<!")) {
        if (!skip_directive()) return false;
      } else if (starts("</")) {
        if (!skip_past(">")) return false;
      } else {
        rest_.remove_prefix(1);
        const std::string_view name = take_name();
        if (name.empty()) return false;
        if (name.substr(name.rfind(':') + 1) == "svg") return true;
        if (!skip_attributes()) return false;
      }
    }
    return false;
  }

 private:
  bool starts(std::string_view what) const noexcept { return rest_.starts_with(what); }
  bool next_tag() noexcept {
    const std::size_t at = rest_.find('<');
    if (at == std::string_view::npos) return false;
    // A NUL outside of a tag: binary, no XML.
    if (rest_.substr(0, at).find('\0') != std::string_view::npos) return false;
    rest_.remove_prefix(at);
    return true;
  }
  bool skip_past(std::string_view what) noexcept {
    const std::size_t at = rest_.find(what);
    if (at == std::string_view::npos) return false;
    rest_.remove_prefix(at + what.size());
    return true;
  }
  static bool ends_name(char c) noexcept {
    return c == '>' || c == '/' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
  }
  std::string_view take_name() noexcept {
    std::size_t size = 0;
    while (size < rest_.size() && !ends_name(rest_[size])) {
      const char c = rest_[size];
      if (c == '<' || c == '&' || c == '=' || c == '"' || c == '\'' || c == '\0') return {};
      ++size;
    }
    if (size == rest_.size()) return {};  // cut off: not known yet
    const std::string_view name = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return name;
  }
  // To the `>` outside quotes.
  bool skip_attributes() noexcept {
    char quote = 0;
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      const char c = rest_[i];
      if (quote != 0) {
        if (c == quote) quote = 0;
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '>') {
        rest_.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  }
  // <!DOCTYPE ... [ ... ] >: angle brackets nest, quotes hide them.
  bool skip_directive() noexcept {
    char quote = 0;
    int depth = 0;
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      const char c = rest_[i];
      if (quote != 0) {
        if (c == quote) quote = 0;
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (rest_.substr(i).starts_with("<!--")) {
        const std::size_t end = rest_.find("-->", i);
        if (end == std::string_view::npos) return false;
        i = end + 2;
      } else if (c == '<') {
        ++depth;
      } else if (c == '>' && --depth == 0) {
        rest_.remove_prefix(i + 1);
        return true;
      }
    }
    return false;
  }

  std::string_view rest_;
};

}  // namespace

ImageType detect_type(ByteSpan bytes, std::string_view extension, std::string_view content_type) {
  const std::string_view head = as_text(bytes.first(std::min(bytes.size(), kHeadBytesMax)));
  for (int i = 0; i < kImageTypeCount; ++i) {
    const auto type = static_cast<ImageType>(i);
    if (type != ImageType::kTiff && starts_as(head, type)) return type;
  }
  const ImageType heif = heif_type(head);
  if (heif != ImageType::kUnknown) return heif;
  // Camera files look the same.
  if (starts_as(head, ImageType::kTiff) && !is_camera_raw(extension, content_type)) {
    return ImageType::kTiff;
  }
  const std::optional<std::string> narrow = narrowed(head);
  const std::string_view text = narrow ? std::string_view(*narrow) : head;
  return SvgScanner(text).finds_svg() ? ImageType::kSvg : ImageType::kUnknown;
}

}  // namespace imgring::format
