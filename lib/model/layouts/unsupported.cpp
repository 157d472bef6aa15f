#include "model/layouts/unsupported.h"

#include <fmt/format.h>

#include <string>

#include "base/strings.h"
#include "clip/error.h"

namespace clip {
namespace {

struct Kind {
  const char* prefix;  // of a tensor that no other kind has
  const char* what;
};

// In this order: a SigLIP of open_clip's has a tower of timm's, too.
constexpr Kind kKinds[] = {
    {"vision_model.head.probe", "a SigLIP"},
    {"visual.trunk.attn_pool.",
     "a SigLIP, or another model whose image tower is one of timm's with "
     "attention pooling"},
    {"logit_bias", "a SigLIP: it has a logit bias"},
    {"text_decoder.", "a CoCa"},
    {"visual.trunk.",
     "a model whose image tower is one of timm's (ConvNeXt, EVA, MobileCLIP, "
     "ViTamin, PE-Core, ...)"},
    {"text.transformer.embeddings.",
     "a model whose text tower is RoBERTa or another of "
     "transformers'"},
    {"text.transformer.encoder.", "a model whose text tower is one of transformers'"},
    {"text.transformer.shared.", "a model whose text tower is one of transformers'"},
    {"image_encoder.model.", "a MobileCLIP in the form of Apple's own files"},
    {"visual.attn_pool.", "a model with attentional pooling, such as a CoCa"},
    {"patch_embed.proj.weight", "an image tower of timm's alone"},
    {"cond_stage_model.", "a Stable Diffusion checkpoint"},
    {"text_model.encoder.layer.", "a Chinese-CLIP, or another model with a BERT as its text tower"},
    {"text_model.", "a text tower of transformers' alone"},
    {"vision_model.", "an image tower of transformers' alone"},
    {"visual.", "an image tower alone, or a model of another kind"},
    {"vit.", "a ViT of transformers'"},
};

bool has_prefix(const Checkpoint& checkpoint, const std::string& prefix) {
  const auto at = checkpoint.tensors().lower_bound(prefix);
  return at != checkpoint.tensors().end() && starts_with(at->first, prefix);
}

}  // namespace

void refuse_unsupported(const Checkpoint& checkpoint) {
  const std::string& path = checkpoint.path();
  constexpr const char* kSupported =
      "only CLIP with a ViT or ModifiedResNet and CLIP's own text tower is supported";
  for (const Kind& kind : kKinds) {
    if (!has_prefix(checkpoint, kind.prefix)) continue;
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{} is {}, and {}", path, kind.what, kSupported));
  }
  if (checkpoint.tensors().empty()) {
    throw Error(ErrorCode::kUnsupported, fmt::format("{} has no weights", path));
  }
  throw Error(ErrorCode::kUnsupported,
              fmt::format("{} has no weights of CLIP: its first is {}, and {}", path,
                          checkpoint.tensors().begin()->first, kSupported));
}

}  // namespace clip
