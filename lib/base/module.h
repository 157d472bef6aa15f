// A shared object inside the binary, loaded when it is first needed: for libraries that would cost
// every start. It stays loaded until the process ends.
#pragma once

#include <string>

#include "base/embedded_file.h"

namespace clip {

class Module {
 public:
  // Throws Error when the system cannot load it, which mostly means that a library that it needs is
  // not installed; `purpose` says what it is for: "the engine needs LibTorch".
  Module(const EmbeddedFile& file, const std::string& purpose);

  // Throws Error when there is no such symbol.
  template <typename Function>
  Function symbol(const char* name) const {
    return reinterpret_cast<Function>(address(name));
  }

 private:
  void* address(const char* name) const;

  std::string purpose_;
  void* handle_;
};

}  // namespace clip
