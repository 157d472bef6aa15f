// How an image's score is explained: which method, and with what.
#pragma once

#include <CLI/App.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "clip/cancel.h"
#include "clip/engine.h"
#include "clip/text_embedder.h"
#include "explain/heat_grid.h"

namespace clip_cli {

enum class ExplainMethod { kOcclusion, kPatches };
const char* name_of(ExplainMethod method);  // "occlusion", "patches"

struct ExplainOptions {
  ExplainMethod method = ExplainMethod::kOcclusion;  // the better one (app/README.md)
  std::int64_t cells = 0;                            // a side of the grid of occlusion; 0: its own
};

// --method and --cells.
void add_explain_options(CLI::App* command, ExplainOptions* options);

// What the encoder is to be opened with: patches are compared in float32, since what one of them
// changes is less than what other precisions round. Says so on stderr where another was asked for.
clip::EncoderOptions for_explaining(clip::EncoderOptions encoder, const ExplainOptions& options);

// Prompts to be explained.
struct ExplainedTexts {
  clip::Embeddings prompts;    // [prompts, dim], normalized
  std::vector<float> neutral;  // [dim]: of the empty prompt (OcclusionOptions::neutral); or empty
};

// Throws clip::Error for prompts that cannot be embedded.
ExplainedTexts embed_for_explaining(const std::shared_ptr<const clip::Model>& model,
                                    const clip::TextOptions& options,
                                    const std::vector<std::string>& prompts);

// ExplainedTexts::neutral; empty where the model has no answer to the empty prompt.
std::vector<float> neutral_of(clip::TextEmbedder* embedder);

// Told how many covered images are done, and how many there are.
using ExplainProgress = std::function<void(std::size_t done, std::size_t total)>;

// `batch`: images encoded at once. Throws clip::Error (kUnsupported) where patches are asked for
// that the encoder does not have.
clip::HeatGrid explain(clip::ImageEncoder* encoder, const clip::ExplainedInput& input,
                       const ExplainedTexts& texts, const ExplainOptions& options,
                       std::size_t batch, const clip::CancelToken* stop,
                       const ExplainProgress& progress = nullptr);

}  // namespace clip_cli
