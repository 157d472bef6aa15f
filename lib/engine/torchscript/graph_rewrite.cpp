#include "torchscript/graph_rewrite.h"

#include <torch/csrc/jit/api/function_impl.h>
#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/ir/ir.h>

#include <string>

namespace clip {
namespace {

namespace jit = torch::jit;

bool is_reduced(at::ScalarType type) {
  return type == at::kHalf || type == at::kBFloat16;
}

// Published graphs hold devices both as device constants and as strings for aten::device.
void rewrite_device(jit::Node* constant) {
  if (!constant->hasAttribute(jit::attr::value)) return;
  if (constant->kindOf(jit::attr::value) != jit::AttributeKind::s) return;
  if (constant->s(jit::attr::value).rfind("cuda", 0) == 0) constant->s_(jit::attr::value, "cpu");
}

void rewrite_tensor(jit::Node* constant) {
  if (!constant->hasAttribute(jit::attr::value)) return;
  if (constant->kindOf(jit::attr::value) != jit::AttributeKind::t) return;
  const at::Tensor tensor = constant->t(jit::attr::value);
  if (is_reduced(tensor.scalar_type())) constant->t_(jit::attr::value, tensor.to(at::kFloat));
}

// A type constant may serve other operators as a plain number, so the use is redirected to a new
// constant and the old one left as it is.
void rewrite_dtype(jit::Node* node) {
  const c10::FunctionSchema* schema = node->maybeSchema();
  if (schema == nullptr) return;
  const auto& arguments = schema->arguments();
  for (std::size_t i = 0; i < arguments.size() && i < node->inputs().size(); ++i) {
    if (arguments[i].name() != "dtype") continue;
    const auto constant = jit::toIValue(node->input(i));
    if (!constant || !constant->isInt()) continue;
    if (!is_reduced(static_cast<at::ScalarType>(constant->toInt()))) continue;
    jit::WithInsertPoint before(node);
    node->replaceInput(i,
                       node->owningGraph()->insertConstant(static_cast<std::int64_t>(at::kFloat)));
  }
}

void rewrite(jit::Block* block) {
  for (jit::Node* node : block->nodes()) {
    if (node->kind() == jit::prim::Constant) {
      rewrite_device(node);
      rewrite_tensor(node);
    } else {
      rewrite_dtype(node);
    }
    for (jit::Block* inner : node->blocks()) rewrite(inner);
  }
}

}  // namespace

void rewrite_for_cpu(jit::Module* module) {
  for (const jit::Module& submodule : module->modules()) {
    for (const jit::Method& method : submodule.get_methods()) {
      rewrite(method.graph()->block());
    }
  }
  const auto widen = [](const at::Tensor& tensor) {
    if (tensor.is_floating_point() && tensor.scalar_type() != at::kFloat) {
      tensor.set_data(tensor.to(at::kFloat));
    }
  };
  for (const at::Tensor& parameter : module->parameters()) widen(parameter);
  for (const at::Tensor& buffer : module->buffers()) widen(buffer);
}

}  // namespace clip
