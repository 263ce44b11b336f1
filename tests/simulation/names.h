// What names mean: set by the scenario.
#pragma once

#include <netinet/in.h>

#include <functional>
#include <string>
#include <vector>

namespace imgring::simulation {

// Addresses of a name and their lifetime in seconds; none: there is no such name.
using NameServer = std::function<std::vector<sockaddr_in>(const std::string& name, int* ttl)>;
extern NameServer name_server;

}  // namespace imgring::simulation
