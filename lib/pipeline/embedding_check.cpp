#include "pipeline/embedding_check.h"

#include <fmt/format.h>

namespace clip {

void check_shape(const Embeddings& embeddings, std::int64_t count, const Model& model) {
  const std::int64_t stated = model.config().embedding_dim;
  const std::int64_t dim = embeddings.dim;
  const bool whole = embeddings.count == count && dim > 0 &&
                     embeddings.values.size() == static_cast<std::size_t>(count * dim);
  if (whole && (stated == 0 || dim == stated)) return;
  throw Error(ErrorCode::kInternal,
              fmt::format("the model gives {} embeddings of dimension {}, expected {} of {}",
                          embeddings.count, dim, count,
                          stated == 0 ? "any dimension" : std::to_string(stated)));
}

Error unusable_embedding(const std::string& name, const char* kind, double norm) {
  return Error(ErrorCode::kInternal,
               fmt::format("cannot use {}: the model gives it an embedding of length {}, so its "
                           "weights or its precision do not suit this {}",
                           name, norm, kind));
}

}  // namespace clip
