#include "run/explanation.h"

#include <CLI/Validators.hpp>
#include <algorithm>

#include "clip/error.h"
#include "explain/occlusion.h"
#include "explain/patches.h"
#include "options/value_words.h"
#include "terminal/text.h"

namespace clip_cli {

void add_explain_options(CLI::App* command, ExplainOptions* options) {
  CLI::Option* method =
      command
          ->add_option_function<std::string>(
              "--method",
              [options](const std::string& name) {
                options->method =
                    name == "patches" ? ExplainMethod::kPatches : ExplainMethod::kOcclusion;
              },
              "occlusion, or patches: faster, and less often right [occlusion]\n"
              "occlusion covers parts of the image, one after the other, and works with every "
              "model. patches leaves the patches of a ViT out of its last block, in one pass, and "
              "needs the native engine.")
          ->type_name("METHOD");
  allow_only(method, {"occlusion", "patches"});
  command
      ->add_option("--cells", options->cells,
                   "Of occlusion: cells a side of the grid [7]; more of them take longer")
      ->check(CLI::Range(1, 64))
      ->type_name("N");
}

clip::EncoderOptions for_explaining(clip::EncoderOptions encoder, const ExplainOptions& options) {
  if (options.method == ExplainMethod::kOcclusion ||
      encoder.precision == clip::Precision::kFloat32) {
    return encoder;
  }
  notice(
      "patches are compared in fp32: what one of them changes is less than what other "
      "precisions round");
  encoder.precision = clip::Precision::kFloat32;
  return encoder;
}

const char* name_of(ExplainMethod method) {
  return method == ExplainMethod::kPatches ? "patches" : "occlusion";
}

ExplainedTexts embed_for_explaining(const std::shared_ptr<const clip::Model>& model,
                                    const clip::TextOptions& options,
                                    const std::vector<std::string>& prompts) {
  clip::TextEmbedder embedder(model, options);
  ExplainedTexts texts;
  texts.prompts = embedder.embed(prompts);
  texts.neutral = neutral_of(&embedder);
  return texts;
}

std::vector<float> neutral_of(clip::TextEmbedder* embedder) {
  try {
    return embedder->embed({""}).values;
  } catch (const clip::Error&) {
    return {};
  }
}

clip::HeatGrid explain(clip::ImageEncoder* encoder, const clip::ExplainedInput& input,
                       const ExplainedTexts& texts, const ExplainOptions& options,
                       std::size_t batch, const clip::CancelToken* stop,
                       const ExplainProgress& progress) {
  if (options.method == ExplainMethod::kPatches) {
    clip::PatchEncoder* const patches = clip::patch_encoder(encoder);
    if (patches == nullptr) {
      throw clip::Error(clip::ErrorCode::kUnsupported,
                        "patches are those of a Vision Transformer that the native engine runs; "
                        "explain by occlusion instead");
    }
    return clip::explain_by_patches(patches, input, texts.prompts);
  }
  clip::OcclusionOptions occlusion;
  if (options.cells > 0) occlusion.cells = options.cells;
  occlusion.cells = std::min(occlusion.cells, input.side);
  occlusion.neutral = texts.neutral.empty() ? nullptr : texts.neutral.data();
  occlusion.batch = batch;
  occlusion.progress = progress;
  occlusion.cancel = stop;
  return clip::explain_by_occlusion(encoder, input, texts.prompts, occlusion);
}

}  // namespace clip_cli
