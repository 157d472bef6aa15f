#include "model/weights.h"

#include <fmt/format.h>

#include <cstring>
#include <limits>
#include <utility>

#include "error.h"
#include "model/float16.h"
#include "model/pickle.h"

namespace clip {
namespace {

struct TypeInfo {
  WeightType type;
  const char* name;
  std::size_t size;
  const char* storage;
};

constexpr TypeInfo kTypes[] = {
    {WeightType::kFloat32, "float32", 4, "torch.FloatStorage"},
    {WeightType::kFloat16, "float16", 2, "torch.HalfStorage"},
    {WeightType::kBFloat16, "bfloat16", 2, "torch.BFloat16Storage"},
    {WeightType::kFloat64, "float64", 8, "torch.DoubleStorage"},
    {WeightType::kInt64, "int64", 8, "torch.LongStorage"},
    {WeightType::kInt32, "int32", 4, "torch.IntStorage"},
    {WeightType::kInt16, "int16", 2, "torch.ShortStorage"},
    {WeightType::kInt8, "int8", 1, "torch.CharStorage"},
    {WeightType::kUInt8, "uint8", 1, "torch.ByteStorage"},
    {WeightType::kBool, "bool", 1, "torch.BoolStorage"},
};

const TypeInfo& info(WeightType type) {
  return kTypes[static_cast<int>(type)];
}

using Kind = PickleValue::Kind;

// Deeper module trees than this are cycles or attacks: CLIP's are six levels deep.
constexpr int kMaxDepth = 64;

[[noreturn]] void malformed(const std::string& name, const char* what) {
  throw Error(fmt::format("tensor {} {}", name, what));
}

std::int64_t checked_integer(const PickleValue* value, const std::string& name) {
  if (!value->is(Kind::kInt) || value->integer < 0) malformed(name, "has a malformed size");
  return value->integer;
}

Shape checked_shape(const PickleValue* value, const std::string& name) {
  if (!value->is(Kind::kTuple) || value->items.size() > 16) malformed(name, "has no proper shape");
  Shape shape;
  for (const auto* item : value->items) shape.push_back(checked_integer(item, name));
  return shape;
}

// Elements from the first to one past the last that the tensor touches, or -1 on overflow.
std::int64_t extent(const Shape& shape, const Shape& strides) {
  std::int64_t end = 1, elements = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0) return 0;
    if (__builtin_mul_overflow(elements, shape[i], &elements)) return -1;
    std::int64_t step = 0;
    if (__builtin_mul_overflow(shape[i] - 1, strides[i], &step) ||
        __builtin_add_overflow(end, step, &end)) {
      return -1;
    }
  }
  return end;
}

// torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks), the
// storage being the persistent id ("storage", type, key, device, element count).
Weight read_tensor(const PickleValue& call, const std::string& name, const Archive& archive) {
  const auto& arguments = call.items[1]->items;
  if (arguments.size() < 4 || !arguments[0]->is(Kind::kPersistent)) {
    malformed(name, "is not stored as torch.jit.save stores tensors");
  }
  const auto& id = arguments[0]->items[0]->items;
  if (id.size() < 5 || !id[1]->is(Kind::kGlobal) || !id[2]->is(Kind::kString)) {
    malformed(name, "has no proper storage");
  }
  Weight weight;
  const TypeInfo* type = nullptr;
  for (const auto& known : kTypes) {
    if (id[1]->text == known.storage) type = &known;
  }
  if (type == nullptr) {
    throw Error(fmt::format("tensor {} has elements of type {}, which CLIP exports never use", name,
                            id[1]->text));
  }
  weight.type = type->type;
  const std::int64_t offset = checked_integer(arguments[1], name);
  weight.shape = checked_shape(arguments[2], name);
  weight.strides = checked_shape(arguments[3], name);
  if (weight.strides.size() != weight.shape.size()) malformed(name, "has no proper strides");

  const std::string_view storage = archive.record("data/" + id[2]->text);
  const std::int64_t used = extent(weight.shape, weight.strides);
  const auto held = static_cast<std::int64_t>(storage.size() / type->size);
  if (used < 0 || offset > held || used > held - offset) {
    throw Error(fmt::format("tensor {} of shape {} needs {} elements of {}, but its storage has {}",
                            name, to_string(weight.shape),
                            used < 0 ? "too many" : std::to_string(used), type->name,
                            held - std::min(offset, held)));
  }
  weight.data = reinterpret_cast<const std::byte*>(storage.data()) + offset * type->size;
  return weight;
}

void walk(const PickleValue& module, const std::string& prefix, int depth, const Archive& archive,
          std::map<std::string, Weight>* weights) {
  if (depth > kMaxDepth) throw Error("modules are nested too deeply");
  const PickleValue* state = module.state();
  if (state == nullptr || !state->is(Kind::kDict)) return;
  for (std::size_t i = 0; i + 1 < state->items.size(); i += 2) {
    const PickleValue& value = *state->items[i + 1];
    if (!state->items[i]->is(Kind::kString) || !value.is(Kind::kObject)) continue;
    const std::string name = prefix + state->items[i]->text;
    if (value.made_by("torch._utils._rebuild_tensor_v2")) {
      if (weights->size() > 100000) throw Error("it has more than 100000 tensors");
      weights->emplace(name, read_tensor(value, name, archive));
    } else {
      walk(value, name + ".", depth + 1, archive, weights);
    }
  }
}

// NaN: all exponent bits set and a mantissa that is not zero. Counted without a branch, in blocks,
// so that the compiler vectorises the loop; a branch per element would cost ten times as much.
template <typename Bits>
bool any_nan(const std::byte* data, std::int64_t count, Bits sign, Bits infinity) {
  constexpr std::int64_t kBlock = 4096;
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    const std::int64_t end = std::min(count, begin + kBlock);
    Bits found = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      Bits bits;
      std::memcpy(&bits, data + i * sizeof(Bits), sizeof(Bits));
      found |= static_cast<Bits>((bits & static_cast<Bits>(~sign)) > infinity);
    }
    if (found != 0) return true;
  }
  return false;
}

bool any_nan(const Weight& weight) {
  // Strided tensors are checked over all that they span: gaps belong to the same storage.
  const std::int64_t count = extent(weight.shape, weight.strides);
  switch (weight.type) {
    case WeightType::kFloat16:
      return any_nan<std::uint16_t>(weight.data, count, 0x8000, 0x7c00);
    case WeightType::kBFloat16:
      return any_nan<std::uint16_t>(weight.data, count, 0x8000, 0x7f80);
    case WeightType::kFloat32:
      return any_nan<std::uint32_t>(weight.data, count, 0x80000000, 0x7f800000);
    case WeightType::kFloat64:
      return any_nan<std::uint64_t>(weight.data, count, 0x8000000000000000, 0x7ff0000000000000);
    default:
      return false;
  }
}

bool ends_with(std::string_view name, std::string_view end) {
  return name.size() >= end.size() && name.substr(name.size() - end.size()) == end;
}

template <typename T>
T load(const std::byte* data) {
  T value;
  std::memcpy(&value, data, sizeof(T));
  return value;
}

}  // namespace

const char* name_of(WeightType type) {
  return info(type).name;
}
std::size_t size_of(WeightType type) {
  return info(type).size;
}
bool is_floating_point(WeightType type) {
  return type <= WeightType::kFloat64;
}

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

std::int64_t element_count(const Shape& shape) {
  std::int64_t count = 1;
  for (const auto size : shape) count *= size;
  return count;
}

bool Weight::contiguous() const {
  std::int64_t expected = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    if (shape[i] != 1 && strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

Weights::Weights(const Archive& archive) : path_(archive.path()) {
  try {
    const Pickle pickle(archive.checked_record("data.pkl"));
    if (!pickle.root().is(Kind::kObject)) {
      throw Error(
          "its data.pkl holds no module; a file saved with torch.save has to be exported "
          "with scripts/export_torchscript.py");
    }
    walk(pickle.root(), "", 0, archive, &weights_);
  } catch (const Error& error) {
    throw Error(fmt::format("cannot read the weights of {}: {}", path_, error.what()));
  }
}

const Weight* Weights::find(const std::string& name) const {
  const auto found = weights_.find(name);
  return found == weights_.end() ? nullptr : &found->second;
}

double Weights::scalar(const std::string& name) const {
  const Weight* weight = find(name);
  if (weight == nullptr) throw Error(fmt::format("{} lacks the weight {}", path_, name));
  if (element_count(weight->shape) != 1) {
    throw Error(fmt::format("{}: {} has shape {}, expected a single number", path_, name,
                            to_string(weight->shape)));
  }
  switch (weight->type) {
    case WeightType::kFloat32:
      return load<float>(weight->data);
    case WeightType::kFloat64:
      return load<double>(weight->data);
    case WeightType::kFloat16:
      return float_from_half(load<std::uint16_t>(weight->data));
    case WeightType::kBFloat16:
      return float_from_bfloat16(load<std::uint16_t>(weight->data));
    case WeightType::kInt64:
      return static_cast<double>(load<std::int64_t>(weight->data));
    case WeightType::kInt32:
      return load<std::int32_t>(weight->data);
    default:
      throw Error(
          fmt::format("{}: {} has type {}, expected a number", path_, name, name_of(weight->type)));
  }
}

std::int64_t Weights::integer(const std::string& name) const {
  const double value = scalar(name);
  if (!(value >= 0 && value <= std::numeric_limits<std::int32_t>::max())) {
    throw Error(fmt::format("{}: {} is {}, expected a size", path_, name, value));
  }
  return static_cast<std::int64_t>(value);
}

std::int64_t Weights::parameter_count() const {
  std::int64_t count = 0;
  for (const auto& [name, weight] : weights_) {
    const bool statistic = ends_with(name, "running_mean") || ends_with(name, "running_var");
    if (is_floating_point(weight.type) && !statistic) count += element_count(weight.shape);
  }
  return count;
}

void Weights::check_numbers() const {
  for (const auto& [name, weight] : weights_) {
    if (any_nan(weight)) {
      throw Error(fmt::format(
          "{}: weight {} holds NaN, expected finite numbers; the file is damaged or the training "
          "that made it had failed",
          path_, name));
    }
    forget(weight.data,
           static_cast<std::size_t>(extent(weight.shape, weight.strides)) * size_of(weight.type));
  }
}

}  // namespace clip
