// The patches that carry a score, in one pass of a Vision Transformer: what the embedding becomes
// where the class token does not attend to one patch's token in the last block.
//
// To first order it is each token's own contribution to the embedding, less the mean of all: the
// decomposition of Gandelsman, Efros and Steinhardt ("Interpreting CLIP's image representation via
// text-based decomposition", ICLR 2024), of the last block alone. What is not taken are the tokens'
// own cosines with the prompt: the last block's tokens, projected, mark the background instead (Li
// et al., "A closer look at the explainability of contrastive language-image pre-training", 2023).
#pragma once

#include "clip/embeddings.h"
#include "clip/engine.h"
#include "engine/patch_encoder.h"
#include "explain/heat_grid.h"

namespace clip {

// The encoder as one that leaves patches out; null where it is none, or cuts no patches.
PatchEncoder* patch_encoder(ImageEncoder* encoder);

// A cell is a patch. `texts`: [texts, dim], normalized.
HeatGrid explain_by_patches(PatchEncoder* encoder, const ExplainedInput& input,
                            const Embeddings& texts);

}  // namespace clip
