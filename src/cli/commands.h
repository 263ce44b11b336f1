// Commands with a file of their own. Main thread.
#pragma once

#include <string>
#include <vector>

namespace imgring::cli {

struct CommandContext {
  char** environment;
  std::vector<std::string> arguments;
};

int sign_path(const CommandContext& context);
int verify_url(const CommandContext& context);
int explain_url(const CommandContext& context);

}  // namespace imgring::cli
