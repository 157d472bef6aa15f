#include "nn/linear.h"

#include <utility>

namespace clip {

Linear::Linear(Loader* loader, std::function<const float*(std::vector<float>* bias)> weight,
               bool with_bias, std::int64_t outputs, std::int64_t inputs, Epilogue epilogue)
    : outputs_(outputs), inputs_(inputs) {
  ProductSpec spec;
  spec.outputs = outputs;
  spec.inputs = inputs;
  spec.epilogue = epilogue;
  spec.types = loader->types();
  spec.weight = std::move(weight);
  spec.with_bias = with_bias;
  product_ = loader->backend().matmul(std::move(spec), loader->packed());
}

Linear::Linear(Loader* loader, const float* weight, std::vector<float> bias, std::int64_t outputs,
               std::int64_t inputs, Epilogue epilogue)
    : Linear(
          loader,
          [&](std::vector<float>* set) {
            *set = bias;
            return weight;
          },
          !bias.empty(), outputs, inputs, epilogue) {}

Linear Linear::load(Loader* loader, const std::string& scope, Epilogue epilogue) {
  const Shape& shape = loader->shape(scope + ".weight");
  return Linear(
      loader,
      [&](std::vector<float>* bias) {
        *bias = loader->vector(scope + ".bias");
        return loader->read(scope + ".weight");
      },
      true, shape[0], shape[1], epilogue);
}

Linear Linear::load_projection(Loader* loader, const std::string& scope) {
  const Shape& shape = loader->shape(scope + ".weight");
  Loader exact = loader->with(kAllFloat32);
  return Linear(
      &exact, [&](std::vector<float>*) { return exact.read(scope + ".weight"); }, false, shape[0],
      shape[1], Epilogue::kNone);
}

}  // namespace clip
