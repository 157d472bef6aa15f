// Models as repositories hold them: a folder with the weights, in one file or several, and the
// documents that say what the weights alone cannot.
#pragma once

#include <string>

#include "checkpoint/checkpoint.h"

namespace clip {

// The path of the weights, or of the index of their files, in a folder: the first of weight_files()
// that is there, or the only file of weights. Throws Error (kNotFound)
// that says which names were looked for, and what is there instead.
std::string find_weights(const std::string& folder);

// Reads the documents beside a file into the checkpoint: those of config_files() that are there.
// Throws Error for one that cannot be read or has more than 16 MiB.
void read_documents_beside(const std::string& path, Checkpoint* checkpoint);

}  // namespace clip
