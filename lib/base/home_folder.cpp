#include "base/home_folder.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

namespace clip {

std::string home_folder() {
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home != '\0') return home;
  const passwd* user = ::getpwuid(::getuid());
  return user == nullptr || user->pw_dir == nullptr ? "" : user->pw_dir;
}

}  // namespace clip
