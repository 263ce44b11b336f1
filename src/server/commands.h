// The subcommands of the program. Main thread.
#pragma once

#include <string>
#include <vector>

namespace imgring::server {

struct CommandContext {
  char** environment;
  std::vector<std::string> arguments;
};

int serve(char** environment);
int sign_path(const CommandContext& context);
int verify_url(const CommandContext& context);
int explain_url(const CommandContext& context);

}  // namespace imgring::server
