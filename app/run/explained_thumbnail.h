// The heat of one image of a run, for its page.
#pragma once

#include <cstddef>
#include <string>

#include "clip/cancel.h"
#include "clip/image_embedder.h"
#include "clip/precision.h"
#include "run/explanation.h"

namespace clip_cli {

// The thumbnail of an image whose input was kept, and beside it the same under the heat of one
// text: by patches, which take one pass, where the encoder has them and computes in fp32, else by
// occlusion: what one patch changes is less than what other precisions round. A JPEG file.
std::string explained_thumbnail(const clip::ImageResult& image, const ExplainedTexts& text,
                                const clip::Model& model, clip::ImageEncoder* encoder,
                                clip::Precision precision, std::size_t batch,
                                const clip::CancelToken* stop);

}  // namespace clip_cli
