// Which file people mean by a model's name, or by none.
#pragma once

#include <string>

#include "model/store.h"

namespace clip_cli {

// In $CLIP_CACHE, else ~/.cache/clip, where OpenAI's Python package keeps the same files.
clip::ModelStore model_store();

// The path of a model that is named by its path or its name; of none, ViT-B/32 if it is in the
// store. Throws clip::Error that says how to get what is not there, or which name may have been
// meant, and UsageError where there is none to take.
std::string model_path(const std::string& named);

// A file that comes with clip-cli, such as "photos/chelsea.jpg": from the folder it was installed
// in, or, for a binary in its build folder, from the sources' data/. Empty when it is not there.
std::string shipped_file(const std::string& name);

}  // namespace clip_cli
