// The one exception of the library. Its message is written for the person at the terminal: it says
// what went wrong, where (file, line, weight, prompt), and what to do about it.
#pragma once

#include <stdexcept>

namespace clip {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace clip
