// imgring: an image processing server. All of it is in the library; this is its start.
#include "imgring/cli/run_command.h"

int main(int argc, char** argv, char** environment) {
  return imgring::cli::run_command(argc, argv, environment);
}
