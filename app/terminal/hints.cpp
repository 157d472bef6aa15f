#include "terminal/hints.h"

namespace clip_cli {
namespace {

// Put behind a message; null for none.
const char* text_of(clip::Hint hint) {
  switch (hint) {
    case clip::Hint::kRaisePixelLimit:
      return " (--max-pixels)";
    case clip::Hint::kRaiseMemoryLimit:
      return " (--max-memory)";
    case clip::Hint::kTruncatePrompt:
      return ", or cut it with --truncate";
    case clip::Hint::kUseTorchScript:
      return "; --engine torchscript runs the file's own code";
    case clip::Hint::kUseLibTorch:
      return "; --engine libtorch does";
    case clip::Hint::kUseBFloat16:
      return "; --precision bf16 takes as little memory there";
    case clip::Hint::kUseCpu:
      return "; use --device cpu, or build with a LibTorch that has CUDA";
    case clip::Hint::kExportModel:
      return "; save the model as a TorchScript module, with torch.jit.save";
    case clip::Hint::kSeparateByNul:
      return "; paths that end with NUL are read with -0";
    case clip::Hint::kNameLabels:
      return "; give them others with --class-names";
    case clip::Hint::kNameOutput:
      return "; name another --output";
    case clip::Hint::kRebuildIndex:
      return "; remove the index with `clip-cli index --remove FOLDER`, and build it again";
    case clip::Hint::kNameArchitecture:
      return " (--arch NAME)";
    case clip::Hint::kNone:
      break;
  }
  return "";
}

}  // namespace

std::string message_of(const clip::Error& error) {
  return std::string(error.what()) + text_of(error.hint());
}

}  // namespace clip_cli
