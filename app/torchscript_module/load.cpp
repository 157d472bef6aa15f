// Puts the embedded module in the place of clip's own torchscript engine.

#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "error.h"
#include "torchscript_module/module.h"

extern "C" const char clip_torchscript_module_begin[], clip_torchscript_module_end[];

namespace clip_cli {
namespace {

// A file in memory, gone when it is closed: nothing is written to disk.
class MemoryFile {
 public:
  MemoryFile(const char* bytes, std::size_t size)
      : fd_(memfd_create("clip-torchscript", MFD_CLOEXEC)) {
    while (fd_ >= 0 && size > 0) {
      const ssize_t written = ::write(fd_, bytes, size);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) break;
      bytes += written;
      size -= static_cast<std::size_t>(written);
    }
    if (fd_ < 0 || size > 0) {
      throw clip::Error(fmt::format("cannot unpack the torchscript engine into memory: {}",
                                    std::strerror(errno)));
    }
  }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return fmt::format("/proc/self/fd/{}", fd_); }

 private:
  int fd_;
};

TorchScriptEntry load_module() {
  const MemoryFile file(
      clip_torchscript_module_begin,
      static_cast<std::size_t>(clip_torchscript_module_end - clip_torchscript_module_begin));
  void* module = dlopen(file.path().c_str(), RTLD_NOW | RTLD_LOCAL);
  void* entry = module != nullptr ? dlsym(module, kTorchScriptEntry) : nullptr;
  if (entry == nullptr) {
    throw clip::Error(fmt::format(
        "the torchscript engine needs LibTorch, which cannot be loaded: {}", dlerror()));
  }
  return reinterpret_cast<TorchScriptEntry>(entry);
}

}  // namespace
}  // namespace clip_cli

namespace clip {

std::unique_ptr<Encoder> open_torchscript_encoder(std::shared_ptr<const ModelFile> model,
                                                  const std::string& device, int threads) {
  static const clip_cli::TorchScriptEntry entry = clip_cli::load_module();
  const clip_cli::TorchScriptRequest request{std::move(model), device, threads};
  std::unique_ptr<Encoder> encoder;
  entry(&request, &encoder);
  return encoder;
}

}  // namespace clip
