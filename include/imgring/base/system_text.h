// What the system said, as text for the operator: an errno with the user it was said to, and what
// to change. Plain functions, any thread; the table of users is read, for the start and for errors.
#pragma once

#include <string>

namespace imgring {

// "user imgring (uid 990)": whom the system asked about rights.
std::string own_user_text();
// Why a file or folder can't be had, and what to do: "Permission denied for user imgring (uid 990):
// let it read that and enter the folders above".
std::string file_failure(int error);

}  // namespace imgring
