#include "base/module.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "base/file.h"
#include "base/strings.h"
#include "clip/error.h"

namespace clip {
namespace {

// Every module has this symbol, its version as text (lib/cmake/module_version.cpp.in).
constexpr const char* kVersionSymbol = "clip_module_version";

// The folder of a file with its links followed; empty if there is none.
std::string folder_of(const char* path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path, nullptr), &std::free);
  if (real == nullptr) return {};
  const std::string_view text = real.get();
  return std::string(text.substr(0, text.rfind('/')));
}

// Where packages put modules: beside the shared library that this code is in, or at a relative path
// from the program, so that an installed tree can be moved.
std::vector<std::string> library_folders(bool has_embedded) {
  std::vector<std::string> folders;
  Dl_info info = {};
  if (::dladdr(reinterpret_cast<const void*>(&library_folders), &info) != 0 &&
      info.dli_fname != nullptr && std::strstr(info.dli_fname, ".so") != nullptr) {
    const std::string folder = folder_of(info.dli_fname);
    if (!folder.empty()) folders.push_back(folder + "/clip-cli");
  }
  const std::string program = folder_of("/proc/self/exe");
  if (!program.empty()) folders.push_back(program + "/" CLIP_MODULES_FROM_PROGRAM);
  // Where the static library was installed, for programs that are elsewhere. Not for those that
  // have all with them: what lies there may be another build's.
  if (!has_embedded) folders.push_back(CLIP_MODULES_INSTALLED);
  return folders;
}

bool is_of_this_version(void* handle) {
  const auto* version = static_cast<const char*>(::dlsym(handle, kVersionSymbol));
  return version != nullptr && std::strcmp(version, CLIP_MODULE_VERSION) == 0;
}

// Packages of this project come from where clip-cli came from, which is no archive of Debian's.
std::string advice(const std::string& package) {
  if (starts_with(package, "clip-cli")) return " (it comes from where clip-cli came from)";
  return package.empty() ? "" : fmt::format(" (on Debian and Ubuntu: apt-get install {})", package);
}

// nullptr where no library folder has it.
void* load_installed(const EmbeddedFile& file, const std::string& purpose, bool has_embedded) {
  for (const std::string& folder : library_folders(has_embedded)) {
    const std::string path = fmt::format("{}/{}.so", folder, file.name);
    if (::access(path.c_str(), F_OK) != 0) continue;
    void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle != nullptr && is_of_this_version(handle)) return handle;
    const std::string reason = handle == nullptr ? ::dlerror() : path + " is of another version";
    if (handle != nullptr) ::dlclose(handle);
    if (!has_embedded) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{}, which cannot be loaded: {}", purpose, reason));
    }
  }
  return nullptr;
}

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

void* load_embedded(const EmbeddedFile& file, const std::string& purpose) {
  Descriptor descriptor = memory_file(file);
  const std::string path = fmt::format("/proc/self/fd/{}", descriptor.get());
  void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}, which cannot be loaded: {}", purpose, ::dlerror()));
  }
  // Stays open: the loader tells modules apart by their paths, so no other may get this number.
  descriptor.release();
  return handle;
}

}  // namespace

Module::Module(const EmbeddedFile& file, const std::string& purpose, const std::string& package)
    : purpose_(purpose + advice(package)) {
  const bool has_embedded = starts_with(file.bytes(),
                                        "\x7f"
                                        "ELF");
  handle_ = load_installed(file, purpose_, has_embedded);
  if (handle_ != nullptr) return;
  if (!has_embedded) {
    const std::string own_package(file.bytes());
    throw Error(ErrorCode::kUnsupported, fmt::format("{}, and the package {} is not installed{}",
                                                     purpose, own_package, advice(own_package)));
  }
  handle_ = load_embedded(file, purpose_);
}

void* Module::address(const char* name) const {
  void* found = ::dlsym(handle_, name);
  if (found == nullptr) {
    throw Error(ErrorCode::kInternal, fmt::format("{}: {}", purpose_, ::dlerror()));
  }
  return found;
}

}  // namespace clip
