// The fonts of this machine. Owns nothing; fontconfig's configuration stays for the process's life.
// Main thread of a child, once.
#pragma once

#include <string>
#include <vector>

namespace imgring::image {

// Reads the configuration of fontconfig; some fonts stand there twice. fontconfig does not look
// again: in a child the answer would be that all are gone.
std::vector<std::string> font_files();

}  // namespace imgring::image
