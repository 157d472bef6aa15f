// What layers are built from: the weights of a model by their canonical names, converted to
// float32, what they are to be made of, and where packed weights go. Exists only while a tower is
// built. A weight that holds NaN is an Error (kCorrupt) that names it; it is found while it is
// converted.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/weights.h"
#include "nn/arena.h"
#include "nn/backend.h"
#include "nn/packed_weights.h"

namespace clip {

class Loader {
 public:
  // `weights` must outlive the loader, `arena` and `packed` the layers that are built. Weights lie
  // in a mapped file: once they are converted, their pages are given back (release_pages).
  Loader(const Weights& weights, LayerTypes types, Arena* arena,
         const Backend& backend = default_backend(), PackedWeights* packed = nullptr)
      : weights_(weights),
        types_(types),
        arena_(arena),
        backend_(&backend),
        fresh_(arena),
        packed_(packed) {}

  // The same weights for layers of other types: those behind the last norm are few and cheap, and
  // computed in float32 whatever the rest is in.
  Loader with(LayerTypes types) { return Loader(weights_, types, arena_, *backend_, packed()); }

  LayerTypes types() const { return types_; }
  Arena* arena() const { return arena_; }
  const Backend& backend() const { return *backend_; }
  // Where products put their weights, or find them: the arena, unless another place was given.
  PackedWeights* packed() { return packed_ == nullptr ? &fresh_ : packed_; }

  bool has(const std::string& name) const { return weights_.find(name) != nullptr; }
  // The weight as it lies in the file. Throws Error when there is none.
  const Tensor& tensor(const std::string& name) const { return weights_.at(name).tensor; }
  const Shape& shape(const std::string& name) const { return tensor(name).shape; }

  // All elements in row-major order, as float32, whatever they are stored in. `read` lends one
  // buffer that the next read overwrites; `read_joined` puts several weights into it, one behind
  // the other; `vector` gives a copy.
  float* read(const std::string& name) { return read_joined({name}); }
  float* read_joined(const std::vector<std::string>& names);
  std::vector<float> vector(const std::string& name) const;

 private:
  void read_into(const std::string& name, float* out) const;

  const Weights& weights_;
  LayerTypes types_;
  Arena* arena_;
  const Backend* backend_;
  FreshWeights fresh_;
  PackedWeights* packed_;
  std::unique_ptr<Arena> scratch_;
  float* buffer_ = nullptr;
  std::int64_t buffer_size_ = 0;  // floats
};

// The weights of a layer `scope` that makes the queries of attention, as Loader::read gives them,
// and its bias, both scaled by 1 / sqrt(head width).
float* read_query(Loader* loader, const std::string& scope, std::int64_t heads,
                  std::vector<float>* bias);

// `count` elements of a tensor that lies contiguously, from element `first` on, as float32. They
// are not checked for NaN.
void convert_to_float(const Tensor& tensor, std::int64_t first, std::int64_t count, float* out);

}  // namespace clip
