// The table of URL options as help shows it, and as Markdown for a document. Any thread.
#include "url_help.h"

#include "imgring/base/text.h"
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

std::string rows_of(bool built) {
  std::string rows;
  for (const url::UrlOption& option : url::url_options()) {
    if (option.built == built) rows += markdown_row(option);
  }
  return rows;
}

}  // namespace

std::string url_option_text(std::string_view name) {
  const url::UrlOption* option = url::find_url_option(name);
  if (option == nullptr) return {};
  return names_of(*option) + "  " + std::string(option->arguments) +
         (option->default_text.empty() ? "" : "  default " + std::string(option->default_text)) +
         "\n      " + help_of(*option) + "\n";
}

std::string url_options_text() {
  std::string text;
  for (const url::UrlOption& option : url::url_options()) text += url_option_text(option.name);
  return text;
}

std::string url_options_markdown() {
  return "## What works\n\n| Option | Short | Arguments | Default | What it does |\n"
         "| --- | --- | --- | --- | --- |\n" +
         rows_of(true) +
         "\n## Known, not built yet\n\n| Option | Short | Arguments | What it is |\n"
         "| --- | --- | --- | --- |\n" +
         rows_of(false);
}

}  // namespace imgring::cli
