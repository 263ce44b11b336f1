// Fuzz target: a file of NAME=VALUE lines, as ours and as a unit's. What it checks beside memory
// errors: names are names, and a value that was read can be written in quotes and read again.
#include <cstddef>
#include <cstdint>
#include <string>

#include "../../src/config/env_file.h"
#include "imgring/base/check.h"
#include "imgring/base/text.h"
#include "target.h"

FUZZ_TARGET(env_file) {
  using imgring::config::parse_env_file;
  const imgring::config::Variables environment = {{"A", "a"}, {"LONG", std::string(1000, 'x')}};
  const auto of_unit = imgring::config::parse_unit_file(imgring::as_text({data, size}));
  if (of_unit) IMGRING_CHECK(!of_unit->contains(""));
  if (!of_unit) IMGRING_CHECK(of_unit.error().starts_with("line "));
  const auto variables = parse_env_file(imgring::as_text({data, size}), environment);
  if (!variables) {
    IMGRING_CHECK(!variables.error().empty());
    return 0;
  }
  for (const auto& [name, value] : *variables) {
    IMGRING_CHECK(!name.empty());
    IMGRING_CHECK(name.find_first_of("= \t\r\n'\"") == std::string::npos);
    if (value.find_first_of("'\n") != std::string::npos) continue;
    const auto again = parse_env_file(name + "='" + value + "'\n", {});
    IMGRING_CHECK(again.has_value() && again->size() == 1);
    IMGRING_CHECK(again->begin()->first == name && again->begin()->second == value);
  }
  return 0;
}
