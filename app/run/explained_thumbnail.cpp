#include "run/explained_thumbnail.h"

#include "explain/patches.h"
#include "image/input_frame.h"
#include "writers/heat_image.h"

namespace clip_cli {

std::string explained_thumbnail(const clip::ImageResult& image, const ExplainedTexts& text,
                                const clip::Model& model, clip::ImageEncoder* encoder,
                                clip::Precision precision, std::size_t batch,
                                const clip::CancelToken* stop) {
  ExplainOptions options;
  const bool by_patches =
      precision == clip::Precision::kFloat32 && clip::patch_encoder(encoder) != nullptr;
  options.method = by_patches ? ExplainMethod::kPatches : ExplainMethod::kOcclusion;
  const clip::Preprocessing& rule = model.config().preprocessing;
  const clip::ExplainedInput input =
      clip::explained_input(image.input.data(), image.width, image.height, rule);
  const clip::HeatGrid grid = explain(encoder, input, text, options, batch, stop);
  const clip::Frame frame = clip::input_frame(image.width, image.height, rule);
  return heat_thumbnail(image.thumbnail, shares_of(frame, image.width, image.height), grid);
}

}  // namespace clip_cli
