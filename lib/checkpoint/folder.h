// Models as repositories hold them: a folder with the weights, in one file or several, and the
// documents that say what the weights alone cannot.
#pragma once

#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace clip {

// The names that weights have in repositories, in the order in which they are taken: open_clip's,
// then transformers'; safetensors before pickles. Where open_clip's file is there, one of
// transformers' name beside it may hold only a tower of timm's.
const std::vector<std::string>& weight_file_names();

// The path of the weights, or of the index of their files, in a folder. Throws Error (kNotFound)
// that says which names were looked for, and what is there instead.
std::string find_weights(const std::string& folder);

// Reads the documents beside a file into the checkpoint: those that are there of
// open_clip_config.json, config.json, preprocessor_config.json and processor_config.json. Throws
// Error for one that cannot be read or has more than 16 MiB.
void read_documents_beside(const std::string& path, Checkpoint* checkpoint);

}  // namespace clip
