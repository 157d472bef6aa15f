#include "clip_archive.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "model/layouts/openai.h"

namespace clip_test {
namespace {

// Just enough of a pickle writer for module trees of float32 tensors.
class ModulePickle {
 public:
  explicit ModulePickle(Records* records) : records_(*records) {}

  std::string write(const Tensors& tensors) { return "\x80\x02" + module(tensors) + "."; }

 private:
  static std::string number(std::uint64_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
    return text;
  }
  static std::string string(const std::string& text) { return "X" + number(text.size(), 4) + text; }
  static std::string integer(std::int64_t value) { return "\x8a\x08" + number(value, 8); }
  static std::string sizes(const clip::Shape& shape) {
    std::string text = "(";
    for (const auto size : shape) text += integer(size);
    return text + "t";
  }

  std::string tensor(const TensorValues& tensor) {
    const std::string key = std::to_string(records_.size());
    std::string bytes(tensor.values.size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), tensor.values.data(), bytes.size());
    records_.emplace_back("root/data/" + key, bytes);
    clip::Shape strides(tensor.shape.size(), 1);
    for (std::size_t i = strides.size(); i-- > 1;) strides[i - 1] = strides[i] * tensor.shape[i];
    return "ctorch._utils\n_rebuild_tensor_v2\n((" + string("storage") + "ctorch\nFloatStorage\n" +
           string(key) + string("cpu") + integer(std::int64_t(tensor.values.size())) + "tQ" +
           integer(0) + sizes(tensor.shape) + sizes(strides) + "\x89}tR";
  }

  std::string module(const Tensors& tensors) {
    std::map<std::string, Tensors> children;
    std::string state;
    for (const auto& [name, value] : tensors) {
      const auto dot = name.find('.');
      if (dot == std::string::npos) {
        state += string(name) + tensor(value);
      } else {
        children[name.substr(0, dot)][name.substr(dot + 1)] = value;
      }
    }
    for (const auto& [name, inner] : children) state += string(name) + module(inner);
    return "c__torch__\nModule\n)\x81}(" + state + "ub";
  }

  Records& records_;
};

}  // namespace

clip::ModelConfig small_config(clip::VisionKind kind) {
  clip::ModelConfig config;
  config.embedding_dim = 8;
  config.text.context_length = 5;
  config.text.vocab_size = 10;
  config.text.width = 64;
  config.text.layers = 1;
  config.text.mlp_width = 4 * config.text.width;
  config.vision.kind = kind;
  if (kind == clip::VisionKind::kTransformer) {
    config.vision.image_size = 8;
    config.vision.patch_size = 4;
    config.vision.width = 64;
    config.vision.layers = 1;
    config.vision.mlp_width = 4 * config.vision.width;
  } else {
    config.vision.image_size = 32;
    config.vision.width = 16;
    config.vision.stages = {1, 1, 1, 1};
  }
  return config;
}

namespace {

TensorValues filled(const clip::Shape& shape) {
  TensorValues tensor;
  tensor.shape = shape;
  tensor.values.resize(std::size_t(clip::element_count(shape)));
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    tensor.values[i] = float(i % 7) / 8 - 0.25F;
  }
  return tensor;
}

}  // namespace

Tensors small_weights(const clip::ModelConfig& config) {
  const clip::Layout layout = clip::openai_layout();
  Tensors tensors;
  for (const clip::CanonicalWeight& weight : clip::canonical_weights(config)) {
    const clip::StoredWeight stored = clip::stored_weight(layout, weight);
    tensors[stored.name] = filled(stored.shape);
  }
  tensors["logit_scale"].values = {4.6052F};
  return tensors;
}

Tensors small_canonical_weights(const clip::ModelConfig& config) {
  Tensors tensors;
  for (const auto& [name, shape] : clip::canonical_weights(config)) tensors[name] = filled(shape);
  return tensors;
}

Records module_records(const Tensors& tensors) {
  Records records;
  const std::string pickle = ModulePickle(&records).write(tensors);
  records.emplace_back("root/data.pkl", pickle);
  records.emplace_back("root/version", "3\n");
  return records;
}

std::string safetensors_file(const Tensors& tensors) {
  nlohmann::json header = {{"__metadata__", {{"format", "pt"}}}};
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    const std::size_t begin = data.size();
    data.append(reinterpret_cast<const char*>(tensor.values.data()), tensor.values.size() * 4);
    header[name] = {
        {"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
  }
  const std::string text = header.dump();
  std::string bytes(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(text.size() >> (8 * i));
  return bytes + text + data;
}

}  // namespace clip_test
