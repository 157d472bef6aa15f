// A shared object that is loaded when it is first needed: for libraries that would cost every
// start. It stays loaded until the process ends.
//
// A module is a file in the library folder, lib/clip-cli, of the program or of the shared library
// that this code is in, or else it is embedded there. The library folder comes first, so that a
// distribution can put a module, and what it depends on, into a package of its own. A file of
// another version is passed over. The embedded file of a module that is a package of its own is not
// a shared object, but that package's name (clip_module() in CMake).
#pragma once

#include <string>

#include "base/embedded_file.h"

namespace clip {

class Module {
 public:
  // Throws Error when there is no such module, or when the system cannot load it, which mostly
  // means that a library that it needs is not installed. `purpose` says what it is for: "the engine
  // needs LibTorch"; `package` is Debian's package of that library, or empty.
  Module(const EmbeddedFile& file, const std::string& purpose, const std::string& package);

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
