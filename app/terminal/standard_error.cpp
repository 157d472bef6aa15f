#include "terminal/standard_error.h"

#include <unistd.h>

#include <cstdio>

#include "base/file.h"

namespace clip_cli {

void write_standard_error(std::string_view text) {
  static_cast<void>(clip::write_all(STDERR_FILENO, text.data(), text.size()));
}

void silence_libraries() {
  // The C library lets programs set it (glibc's manual, 12.2). The descriptor stays as it is.
  std::FILE* nowhere = std::fopen("/dev/null", "we");
  if (nowhere != nullptr) stderr = nowhere;
}

}  // namespace clip_cli
