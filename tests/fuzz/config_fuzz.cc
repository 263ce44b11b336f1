// Fuzz target: NAME=VALUE lines as an environment. Variables that name files are left out, so that
// nothing on the disk decides the outcome.
#include <cstddef>
#include <cstdint>
#include <string>

#include "imgring/base/check.h"
#include "imgring/base/text.h"
#include "imgring/config/load.h"
#include "target.h"

FUZZ_TARGET(config) {
  imgring::config::LoadInput input;
  for (const std::string_view line : imgring::split(imgring::as_text({data, size}), "\n")) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, equals);
    if (name.ends_with("_PATH") || name.ends_with("_ROOT")) continue;
    input.environment.emplace(name, line.substr(equals + 1));
  }
  imgring::config::LoadReport report;
  const auto config = imgring::config::load_config(input, &report);
  IMGRING_CHECK(config.has_value() == report.errors.empty());
  static_cast<void>(imgring::config::print_config(report));
  return 0;
}
