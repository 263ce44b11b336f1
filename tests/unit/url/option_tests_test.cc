// Every built row of the option table has a test: a golden picture (tests/golden/cases.tsv) whose
// URL uses it, or a unit test of the URL or of the pipeline that does. Names and aliases count.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "imgring/base/text.h"
#include "imgring/url/option_table.h"

namespace imgring::url {
namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

bool name_letter(char c) { return (c >= 'a' && c <= 'z') || c == '-' || c == '_'; }

// Adds each NAME of "NAME:" that begins a URL's option: after a quote, a slash or a tab.
void add_names(std::string_view text, std::set<std::string, std::less<>>* names) {
  for (std::size_t colon = text.find(':'); colon != std::string_view::npos;
       colon = text.find(':', colon + 1)) {
    std::size_t start = colon;
    while (start > 0 && name_letter(text[start - 1])) --start;
    if (start == 0 || start == colon) continue;
    const char before = text[start - 1];
    if (before == '"' || before == '/' || before == '\t')
      names->emplace(text.substr(start, colon - start));
  }
}

std::set<std::string, std::less<>> tested_names() {
  const char* folder = std::getenv("IMGRING_TESTS_DIR");
  const std::filesystem::path tests(folder != nullptr ? folder : "tests");
  std::set<std::string, std::less<>> names;
  add_names(read_file(tests / "golden/cases.tsv"), &names);
  for (const char* module : {"url", "pipeline"}) {
    for (const auto& file : std::filesystem::directory_iterator(tests / "unit" / module)) {
      if (file.path().extension() == ".cc") add_names(read_file(file.path()), &names);
    }
  }
  return names;
}

TEST(OptionTable, EveryBuiltRowHasATest) {
  const auto tested = tested_names();
  ASSERT_TRUE(tested.contains("w")) << "the tests were not found; set IMGRING_TESTS_DIR";
  for (const UrlOption& option : url_options()) {
    if (!option.built) continue;
    bool found = tested.contains(option.name);
    for (const std::string_view alias : split(option.aliases, ",")) {
      found = found || tested.contains(alias);
    }
    EXPECT_TRUE(found) << option.name
                       << " is in no URL of tests/golden/cases.tsv or of a unit test";
  }
}

}  // namespace
}  // namespace imgring::url
