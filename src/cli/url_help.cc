// The table of URL options as help shows it, and as Markdown for a document. Any thread.
#include "url_help.h"

#include "imgring/base/text.h"
#include "imgring/url/info_options.h"
#include "imgring/url/option_table.h"

namespace imgring::cli {

namespace {

// "resize (rs)".
std::string names_of(const url::UrlOption& option) {
  const std::string aliases = replace_all(option.aliases, ",", ", ");
  return std::string(option.name) + (aliases.empty() ? "" : " (" + aliases + ")");
}

std::string help_of(const url::UrlOption& option) {
  return std::string(option.help) +
         (option.security ? " Needs IMGPROXY_ALLOW_SECURITY_OPTIONS." : "") +
         (option.built ? "" : " Not built yet: 404.");
}

std::string code(std::string_view text) {
  return text.empty() ? "" : "`" + replace_all(text, "|", "\\|") + "`";
}

std::string markdown_row(const url::UrlOption& option) {
  std::string aliases;
  for (const std::string_view alias : split(option.aliases, ",")) {
    if (!alias.empty()) aliases += (aliases.empty() ? "" : ", ") + code(alias);
  }
  const std::string about =
      "| " + code(option.name) + " | " + aliases + " | " + code(option.arguments) + " | ";
  return about + (option.built ? code(option.default_text) + " | " : "") + help_of(option) + " |\n";
}

std::string rows_of(std::span<const url::UrlOption> options, bool built) {
  std::string rows;
  for (const url::UrlOption& option : options) {
    if (option.built == built) rows += markdown_row(option);
  }
  return rows;
}

std::string text_of(const url::UrlOption& option) {
  return names_of(option) + "  " + std::string(option.arguments) +
         (option.default_text.empty() ? "" : "  default " + std::string(option.default_text)) +
         "\n      " + help_of(option) + "\n";
}

constexpr std::string_view kBuiltHead =
    "| Option | Short | Arguments | Default | What it does |\n| --- | --- | --- | --- | --- |\n";
constexpr std::string_view kLaterHead =
    "| Option | Short | Arguments | What it is |\n| --- | --- | --- | --- |\n";

}  // namespace

std::string url_option_text(std::string_view name) {
  const url::UrlOption* option = url::find_url_option(name);
  std::string text = option == nullptr ? std::string() : text_of(*option);
  const url::UrlOption* told = url::find_info_url_option(name);
  if (told != nullptr) text += "of /info: " + text_of(*told);
  return text;
}

std::string url_options_text() {
  std::string text;
  for (const url::UrlOption& option : url::url_options()) text += text_of(option);
  for (const url::UrlOption& option : url::info_url_options()) {
    text += "of /info: " + text_of(option);
  }
  return text;
}

std::string url_options_markdown() {
  const auto pictures = url::url_options(), told = url::info_url_options();
  std::string text = "## What works\n\n";
  text.append(kBuiltHead).append(rows_of(pictures, true));
  text.append("\n## Known, not built yet\n\n").append(kLaterHead).append(rows_of(pictures, false));
  text +=
      "\n## Of the info endpoint\n\n`/info/SIGNATURE/OPTION:ARGUMENT:…/plain/SOURCE` "
      "[tells about a source](info.md).\n\n";
  text.append(kBuiltHead).append(rows_of(told, true));
  text.append("\nKnown, not built yet:\n\n").append(kLaterHead).append(rows_of(told, false));
  return text;
}

}  // namespace imgring::cli
