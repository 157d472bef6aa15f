// Whether what an encoder gave can be used.
#pragma once

#include <cstdint>
#include <string>

#include "clip/embeddings.h"
#include "clip/error.h"
#include "clip/model.h"

namespace clip {

// Throws Error (kInternal) unless there are `count` rows, of the model's dimension where it states
// one.
void check_shape(const Embeddings& embeddings, std::int64_t count, const Model& model);

// The error of an embedding that cannot be normalized. `name`: of the input, `kind`: "image".
Error unusable_embedding(const std::string& name, const char* kind, double norm);

}  // namespace clip
