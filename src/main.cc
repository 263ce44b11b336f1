// imgring: an image processing server. All of it is in the library; this is its start.
#include "imgring/server/run.h"

int main(int argc, char** argv, char** environment) {
  return imgring::server::run_command(argc, argv, environment);
}
