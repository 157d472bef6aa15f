// The command line is wrong in a way that its grammar does not show. Exit code 2.
#pragma once

#include <stdexcept>

namespace clip_cli {

class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace clip_cli
