// Which file people mean by a model's name, or by none.
#pragma once

#include <string>
#include <string_view>

#include "hub/store.h"

namespace clip_cli {

// In $CLIP_CACHE, else ~/.cache/clip, where OpenAI's Python package keeps the same files.
clip::ModelStore model_store();

// Whether a path or an address ends as the names of model files do: .pt, .pth, in any case.
bool has_model_extension(std::string_view path);

// The published model of that name, however it is spelt. Throws UsageError, with the nearest name,
// where there is none.
const clip::PublishedModel& published_model(const std::string& name);

// Of the demo model, for shipped_file().
constexpr const char* kDemoFile = "demo/demo-model.pt";

// The path of a model that is named by its path, its name, or "demo"; of none, ViT-B/32 if it is in
// the store, else the demo model, with a notice. Throws clip::Error that says how to get a model
// that is missing, or which name may have been meant, and UsageError where no model is named and
// none can be found.
std::string model_path(const std::string& named);

// The path of the best model that is on this machine: of the published ones in the store, the one
// with the highest zero-shot accuracy; else what model_path gives for no name.
std::string best_model_path();

// A file that comes with clip-cli, such as "demo/cat.png": from the folder it was installed in, or,
// for a binary in its build folder, from the sources' data/. Empty where it is missing.
std::string shipped_file(const std::string& name);

}  // namespace clip_cli
