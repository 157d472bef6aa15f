// The heat of one image of a run, for its page.
#pragma once

#include <cstddef>
#include <string>

#include "clip/cancel.h"
#include "clip/image_embedder.h"
#include "run/explanation.h"

namespace clip_cli {

// The thumbnail of an image whose input was kept, and beside it the same under the heat of one
// text: by patches, which take one pass, where the encoder has them, else by occlusion. A JPEG
// file.
std::string explained_thumbnail(const clip::ImageResult& image, const ExplainedTexts& text,
                                const clip::Model& model, clip::ImageEncoder* encoder,
                                std::size_t batch, const clip::CancelToken* stop);

}  // namespace clip_cli
