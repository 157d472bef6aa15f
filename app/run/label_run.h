// The labels of a run, embedded before its first image.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "clip/cancel.h"
#include "clip/model.h"
#include "clip/text_embedder.h"
#include "clip/zero_shot.h"
#include "terminal/progress.h"

namespace clip_cli {

// Embeddings of all labels, [labels, dim], of this run or of one before (run/label_store.h); the
// progress line says how many prompts are done. The
// text tower is gone when this returns: it need not fit into memory together with the image tower.
// Throws clip::Error for a prompt that is too long, and (kCancelled) once `stop` is cancelled.
clip::Embeddings embed_labels(const std::shared_ptr<const clip::Model>& model,
                              const std::vector<clip::Label>& labels,
                              const std::vector<std::string>& templates,
                              const clip::TextOptions& options, const clip::CancelToken& stop,
                              Progress* progress);

}  // namespace clip_cli
