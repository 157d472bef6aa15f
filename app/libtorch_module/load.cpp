// The program's side.
//
// clip::Module unpacks the module into a file in memory (memfd_create): dlopen wants a file, and
// one on disk would need a folder that can be written to, would have to be removed by a process
// that may be killed, and could be exchanged by others before it is loaded. A kernel that forbids
// to execute such files (vm.memfd_noexec=2) refuses to make one, and a security module may refuse
// to map it; the Error says so, with the system's words, and the native engine works all the same.

#include "libtorch_module/load.h"

#include <atomic>
#include <memory>
#include <utility>

#include "base/module.h"
#include "engine/suitable.h"
#include "libtorch_module/entry.h"

extern "C" const clip::EmbeddedFile clip_libtorch_module[];

namespace clip_cli {
namespace {

std::atomic<bool> is_loaded{false};

LibTorchEngines load() {
  is_loaded = true;
  const clip::Module module(clip_libtorch_module[0],
                            "the engines libtorch and torchscript need LibTorch", "");
  LibTorchEngines engines = {};
  module.symbol<LibTorchEntry>(kLibTorchEntry)(&engines);
  return engines;
}

// Loaded by the first call; one that fails is tried again by the next.
const LibTorchEngines& loaded() {
  static const LibTorchEngines engines = load();
  return engines;
}

template <auto kEngine>  // a member of LibTorchEngines
std::unique_ptr<clip::ImageEncoder> open_image_encoder(std::shared_ptr<const clip::Model> model,
                                                       const clip::EncoderOptions& options) {
  return (loaded().*kEngine).open_image_encoder(std::move(model), options);
}

template <auto kEngine>  // a member of LibTorchEngines
std::unique_ptr<clip::TextEncoder> open_text_encoder(std::shared_ptr<const clip::Model> model,
                                                     const clip::EncoderOptions& options) {
  return (loaded().*kEngine).open_text_encoder(std::move(model), options);
}

}  // namespace

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
// LeakSanitizer asks this at the end. It crashes in half of all runs that compute natively and with
// TorchScript (LLVM 14), where it reads the thread-local memory of LibTorch's threads.
extern "C" int __lsan_is_turned_off() {
  return is_loaded ? 1 : 0;
}
#endif
#endif

LibTorchEngines libtorch_module_engines() {
  return {{"libtorch", clip::needs_known_weights, open_image_encoder<&LibTorchEngines::libtorch>,
           open_text_encoder<&LibTorchEngines::libtorch>},
          {"torchscript", clip::needs_own_code, open_image_encoder<&LibTorchEngines::torchscript>,
           open_text_encoder<&LibTorchEngines::torchscript>}};
}

}  // namespace clip_cli
