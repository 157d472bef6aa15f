// The program's side.
//
// clip::Module unpacks the module into a file in memory (memfd_create): dlopen wants a file, and
// one on disk would need a folder that can be written to, would have to be removed by a process
// that may be killed, and could be exchanged by others before it is loaded. A kernel that forbids
// to execute such files (vm.memfd_noexec=2) refuses to make one, and a security module may refuse
// to map it; the Error says so, with the system's words, and the native engine works all the same.

#include "torchscript_module/load.h"

#include <memory>
#include <string>
#include <utility>

#include "base/module.h"
#include "checkpoint/checkpoint.h"
#include "torchscript_module/entry.h"

extern "C" const clip::EmbeddedFile clip_torchscript_module[];

namespace clip_cli {
namespace {

clip::Engine load() {
  const clip::Module module(clip_torchscript_module[0], "the torchscript engine needs LibTorch");
  clip::Engine engine = {};
  module.symbol<TorchScriptEntry>(kTorchScriptEntry)(&engine);
  return engine;
}

// Loaded by the first call; one that fails is tried again by the next.
const clip::Engine& loaded() {
  static const clip::Engine engine = load();
  return engine;
}

// As the module's own answers.
std::string unsuitable(const clip::Model& model, const clip::EncoderOptions&) {
  return model.checkpoint().has_code() ? "" : "the file has no code of its own";
}

std::unique_ptr<clip::ImageEncoder> open_image_encoder(std::shared_ptr<const clip::Model> model,
                                                       const clip::EncoderOptions& options) {
  return loaded().open_image_encoder(std::move(model), options);
}

std::unique_ptr<clip::TextEncoder> open_text_encoder(std::shared_ptr<const clip::Model> model,
                                                     const clip::EncoderOptions& options) {
  return loaded().open_text_encoder(std::move(model), options);
}

}  // namespace

clip::Engine torchscript_module_engine() {
  return {"torchscript", unsuitable, open_image_encoder, open_text_encoder};
}

}  // namespace clip_cli
