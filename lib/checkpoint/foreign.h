// Files that people take for a model's weights and that are none, or none of ours: what they are,
// and what to do about it. For error messages only.
#pragma once

#include <string>
#include <string_view>

namespace clip {

// "an ONNX model; get the repository's safetensors instead", or empty for contents of no known
// kind.
std::string describe_foreign_file(std::string_view bytes);

}  // namespace clip
