// Texts, keys and spellings as they are got wrong, in rows; the search goes over their product.
#include "signature_mistakes.h"

#include <optional>
#include <vector>

#include "imgring/base/text.h"
#include "imgring/url/request.h"

namespace imgring::cli {

namespace {

constexpr int kDigestBytes = 32;
// Fewer bytes fit by accident too often: a search tries some thousand combinations.
constexpr std::size_t kTellingBytes = 4;

// A text, or a key, as somebody may have had it. Without words: the right one.
struct SignedText {
  std::string text;
  std::string_view words;
};
struct Pair {
  std::string key, salt;
  std::string words;
};

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

// As encodeURIComponent of browsers does it.
std::string component(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-_.!~*'()").find(c) != std::string_view::npos;
    const auto byte = static_cast<unsigned char>(c);
    if (plain) out += c;
    if (!plain) out += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

std::vector<SignedText> texts_of(const GivenUrl& url) {
  const std::string path(url.path);
  std::vector<SignedText> out = {{path, ""}};
  const auto add = [&](std::string text, std::string_view words) {
    if (text != path) out.push_back({std::move(text), words});
  };
  add(path.substr(1), "the path was signed without its leading slash");
  if (!url.query.empty()) {
    add(path + "?" + std::string(url.query),
        "the query was signed with the path, and it is no part of it: escape the ? of a source as "
        "%3F");
  }
  add(std::string(url.prefix) + path, "IMGPROXY_PATH_PREFIX was signed with the path");
  if (!url.origin.empty()) {
    add(std::string(url.origin) + std::string(url.prefix) + path,
        "the whole URL was signed: sign from the slash behind the signature on");
  }
  add(path + "\n", "a line's end was signed with the path: printf '%s' has none, echo has");
  const auto once = percent_decode(path);
  if (once) {
    add(*once, "the path was escaped after it was signed: sign what is sent");
    if (const auto twice = percent_decode(*once); twice && *twice != *once) {
      add(*twice, "the path was escaped twice after it was signed: sign what is sent");
    }
  }
  constexpr std::string_view kPlain = "/plain/";
  if (const std::size_t at = path.find(kPlain); at != std::string::npos) {
    const std::string front = path.substr(0, at + kPlain.size());
    add(front + component(path.substr(front.size())),
        "the source was escaped where it was signed, and not where it was sent (a proxy may have "
        "undone it)");
  }
  return out;
}

std::vector<Pair> pairs_of(const config::UrlConfig& config) {
  std::vector<Pair> out;
  for (const config::KeySalt& one : config.keys) out.push_back({one.key, one.salt, ""});
  for (std::size_t i = 0; i < config.keys.size(); ++i) {
    const auto& [key, salt] = config.keys[i];
    const std::string number = " (pair " + std::to_string(i + 1) + ")";
    const std::string key_text = hex_encode(as_bytes(key)), salt_text = hex_encode(as_bytes(salt));
    out.push_back({salt, key, "key and salt are swapped" + number});
    const std::string as_text =
        " taken as text: decode the hexadecimal digits to bytes first" + number;
    for (const bool capitals : {false, true}) {
      const std::string k = capitals ? upper(key_text) : key_text;
      const std::string s = capitals ? upper(salt_text) : salt_text;
      out.push_back({k, s, "key and salt were" + as_text});
      out.push_back({k, salt, "the key was" + as_text});
      out.push_back({key, s, "the salt was" + as_text});
    }
    out.push_back({key, "", "the salt was left out: it goes before the path" + number});
    for (std::size_t j = 0; j < config.keys.size(); ++j) {
      if (i == j) continue;
      out.push_back({key, config.keys[j].salt,
                     "the key is of pair " + std::to_string(i + 1) + " and the salt of pair " +
                         std::to_string(j + 1)});
    }
  }
  return out;
}

std::string digest(std::string_view text, const Pair& pair) {
  return base64url_decode(
             url::sign(
                 {.path = text, .key = pair.key, .salt = pair.salt, .size_bytes = kDigestBytes}))
      .value_or("");
}

// The signature's bytes in a spelling of them.
struct Spelling {
  std::string bytes;
  std::string words;
};

std::vector<Spelling> spellings_of(std::string_view signature, std::size_t size_bytes) {
  std::vector<Spelling> out;
  const auto add = [&](const std::optional<std::string>& bytes, std::string words) {
    if (!bytes || bytes->size() < kTellingBytes || bytes->size() > kDigestBytes) return;
    const std::string size = std::to_string(bytes->size()) + " of " + std::to_string(size_bytes);
    if (bytes->size() < size_bytes)
      words += (words.empty() ? "" : "; ") + ("it is truncated: " + size) +
               " bytes (IMGPROXY_SIGNATURE_SIZE)";
    if (bytes->size() > size_bytes) {
      words += (words.empty() ? "" : "; ") +
               ("it is too long: cut it to " + std::to_string(size_bytes)) +
               " bytes (IMGPROXY_SIGNATURE_SIZE)";
    }
    out.push_back({*bytes, std::move(words)});
  };
  add(base64url_decode(signature), "");
  if (signature.find_first_of("+=") != std::string_view::npos) {
    add(base64_decode(replace_all(replace_all(signature, "-", "+"), "_", "/")),
        "it is in ordinary Base64: URL-safe without padding is wanted (- and _, no =)");
  }
  add(hex_decode(signature), "it is in hexadecimal: URL-safe Base64 is wanted");
  // A lost character leaves one that stands for no byte.
  if (signature.size() % 4 == 1) {
    add(base64url_decode(signature.substr(0, signature.size() - 1)), "");
  }
  return out;
}

// What stands where a signature should.
std::string not_one(std::string_view signature) {
  constexpr std::string_view kNone[] = {"insecure", "unsafe", "_", "-", "plain"};
  const bool none = signature.find(':') != std::string_view::npos;
  for (const std::string_view word : kNone) {
    if (word != signature && !none) continue;
    return "the URL is not signed: " + std::string(signature) +
           " stands where the signature should, as the first part of the path";
  }
  return {};
}

}  // namespace

std::string signature_mistake(const GivenUrl& url, const config::UrlConfig& config) {
  if (std::string none = not_one(url.signature); !none.empty()) return none;
  const auto size_bytes = static_cast<std::size_t>(config.signature_size_bytes);
  const auto texts = texts_of(url);
  const auto pairs = pairs_of(config);
  std::string best;
  int fewest = 4;
  for (const Spelling& spelling : spellings_of(url.signature, size_bytes)) {
    for (const SignedText& text : texts) {
      for (const Pair& pair : pairs) {
        const int mistakes = !spelling.words.empty() + !text.words.empty() + !pair.words.empty();
        if (mistakes == 0 || mistakes >= fewest) continue;
        if (!digest(text.text, pair).starts_with(spelling.bytes)) continue;
        fewest = mistakes;
        best = spelling.words;
        for (const std::string_view words : {text.words, std::string_view(pair.words)}) {
          if (!words.empty()) best += (best.empty() ? "" : "; and ") + std::string(words);
        }
      }
    }
  }
  return best;
}

}  // namespace imgring::cli
