#include "base/module.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "clip/error.h"

namespace clip {
namespace {

// dlopen wants a file; one in memory needs no folder that may be written to, and is gone with its
// descriptor.
Descriptor memory_file(const EmbeddedFile& file) {
  Descriptor descriptor(::memfd_create(file.name, MFD_CLOEXEC));
  const std::string_view bytes = file.bytes();
  if (!descriptor.valid() || !write_all(descriptor.get(), bytes.data(), bytes.size())) {
    throw Error(ErrorCode::kIo, fmt::format("cannot unpack the module {} into memory: {}",
                                            file.name, std::strerror(errno)));
  }
  return descriptor;
}

}  // namespace

Module::Module(const EmbeddedFile& file, const std::string& purpose) : purpose_(purpose) {
  Descriptor descriptor = memory_file(file);
  const std::string path = fmt::format("/proc/self/fd/{}", descriptor.get());
  handle_ = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle_ == nullptr) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}, which cannot be loaded: {}", purpose_, ::dlerror()));
  }
  // Stays open: the loader tells modules apart by their paths, so no other may get this number.
  descriptor.release();
}

void* Module::address(const char* name) const {
  void* found = ::dlsym(handle_, name);
  if (found == nullptr) {
    throw Error(ErrorCode::kInternal, fmt::format("{}: {}", purpose_, ::dlerror()));
  }
  return found;
}

}  // namespace clip
