// Linear layers as at::linear, for builds without oneDNN: float32 only.

#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sigmoid.h>

#include <utility>

#include "nn/linear.h"

namespace clip {
namespace {

at::Tensor tensor(const Rows& rows) {
  return at::from_blob(rows.data, {rows.count, rows.width}, {rows.stride, 1}, at::kFloat);
}

}  // namespace

bool has_fast_bfloat16() {
  return false;
}

struct Linear::Packed {
  at::Tensor weight, bias;
};

Linear::Linear(Loader* loader, const float* weight, std::vector<float> bias, std::int64_t outputs,
               std::int64_t inputs, Epilogue epilogue)
    : outputs_(outputs), inputs_(inputs), epilogue_(epilogue), packed_(std::make_unique<Packed>()) {
  static_cast<void>(loader);
  packed_->weight =
      at::from_blob(const_cast<float*>(weight), {outputs, inputs}, at::kFloat).clone();
  if (!bias.empty()) {
    packed_->bias = at::from_blob(bias.data(), {outputs}, at::kFloat).clone();
  }
}

Linear::~Linear() = default;
Linear::Linear(Linear&&) noexcept = default;

void Linear::operator()(const Rows& in, const Rows& out) const {
  if (in.count == 0) return;
  const at::NoGradGuard no_grad;
  at::Tensor result = at::linear(tensor(in), packed_->weight, packed_->bias);
  at::Tensor target = tensor(out);
  switch (epilogue_) {
    case Epilogue::kNone:
      break;
    case Epilogue::kQuickGelu:
      result.mul_(at::sigmoid(at::mul(result, 1.702)));
      break;
    case Epilogue::kGelu:
      result = at::gelu(result);
      break;
    case Epilogue::kGeluTanh:
      result = at::gelu(result, "tanh");
      break;
    case Epilogue::kRelu:
      result.relu_();
      break;
    case Epilogue::kAdd:
      result += target;
      break;
    case Epilogue::kAddRelu:
      (result += target).relu_();
      break;
  }
  target.copy_(result);
}

}  // namespace clip
