// Which file people mean by a model's name, or by none.
#pragma once

#include <string>

#include "model/store.h"

namespace clip_cli {

// In $CLIP_CACHE, else ~/.cache/clip, where OpenAI's Python package keeps the same files.
clip::ModelStore model_store();

// Of the demo model, for shipped_file().
constexpr const char* kDemoFile = "demo/demo-model.pt";

// The path of a model that is named by its path, its name, or "demo"; of none, ViT-B/32 if it is in
// the store, else the demo model, with a notice. Throws clip::Error that says how to get what is
// not there, or which name may have been meant, and UsageError where there is none to take.
std::string model_path(const std::string& named);

// A file that comes with clip-cli, such as "demo/cat.png": from the folder it was installed in, or,
// for a binary in its build folder, from the sources' data/. Empty when it is not there.
std::string shipped_file(const std::string& name);

}  // namespace clip_cli
