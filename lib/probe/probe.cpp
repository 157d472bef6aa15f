#include "probe/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/utf8.h"
#include "checkpoint/safetensors.h"
#include "clip/error.h"

namespace clip {
namespace {

constexpr const char* kFormat = "clip-cli probe 1";
constexpr std::size_t kLengthSize = 8;  // of the header, in front of it

Error corrupt(const std::string& why) {
  return Error(ErrorCode::kCorrupt, why);
}

// A copy of a tensor of float32.
std::vector<float> numbers_of(const Checkpoint& file, const char* name, const Shape& shape) {
  const Tensor* tensor = file.find(name);
  if (tensor == nullptr) throw corrupt(fmt::format("it has no tensor {}", name));
  if (tensor->type != TensorType::kFloat32 || tensor->shape != shape) {
    throw corrupt(fmt::format("its tensor {} is {} of {}, and should be {} of float32", name,
                              to_string(tensor->shape), name_of(tensor->type), to_string(shape)));
  }
  std::vector<float> numbers(static_cast<std::size_t>(element_count(shape)));
  if (!numbers.empty()) std::memcpy(numbers.data(), tensor->data, numbers.size() * sizeof(float));
  for (const float number : numbers) {
    if (!std::isfinite(number)) {
      throw corrupt(fmt::format("its tensor {} has numbers that are not finite", name));
    }
  }
  return numbers;
}

double number_in(const std::string& text, const char* what) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    throw corrupt(fmt::format("its {} is no number", what));
  }
  return value;
}

std::vector<std::string> classes_in(const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array() || json.size() < 2) throw corrupt("its classes are no list of names");
  std::vector<std::string> classes;
  std::set<std::string> distinct;
  for (const auto& each : json) {
    if (!each.is_string() || each.get<std::string>().empty() ||
        !distinct.insert(each.get<std::string>()).second) {
      throw corrupt("its classes are no list of different names");
    }
    classes.push_back(each.get<std::string>());
  }
  return classes;
}

Probe parse(const std::string& path) {
  const auto file = std::make_shared<const MappedFile>(path);
  if (!is_safetensors(file->bytes())) throw corrupt("it is no safetensors file");
  const std::unique_ptr<Checkpoint> checkpoint = open_safetensors(file);
  // The header has been checked: an object, with a string for each name of its metadata.
  std::uint64_t length = 0;
  std::memcpy(&length, file->data(), sizeof(length));
  const auto header = nlohmann::json::parse(file->bytes().substr(kLengthSize, length));
  const auto found = header.find("__metadata__");
  const auto fact = [&](const char* name) {
    return found == header.end() ? std::string() : found->value(name, std::string());
  };
  if (fact("format") != kFormat) {
    throw corrupt("it holds tensors that are no probe");
  }
  Probe probe;
  probe.classes = classes_in(fact("classes"));
  probe.model = fact("model");
  if (probe.model.size() != 64) throw corrupt("it does not say which model it is for");
  probe.l2 = number_in(fact("l2"), "l2");
  const std::string accuracy = fact("validation_accuracy");
  if (!accuracy.empty()) probe.validation_accuracy = number_in(accuracy, "validation_accuracy");

  const auto classes = static_cast<std::int64_t>(probe.classes.size());
  const Tensor* weight = checkpoint->find("weight");
  const std::int64_t dim =
      weight != nullptr && weight->shape.size() == 2 ? weight->shape.back() : 0;
  if (dim == 0) throw corrupt("it has no tensor weight of rows of numbers");
  probe.classifier.weights.count = classes;
  probe.classifier.weights.dim = dim;
  probe.classifier.weights.values = numbers_of(*checkpoint, "weight", {classes, dim});
  probe.classifier.biases = numbers_of(*checkpoint, "bias", {classes});
  return probe;
}

}  // namespace

std::string probe_file(const Probe& probe) {
  for (const std::string& name : probe.classes) {
    if (!is_utf8(name)) {
      throw Error(ErrorCode::kInvalidArgument,
                  "a class has a name that is not UTF-8, which a probe cannot hold; give the "
                  "classes other names",
                  Hint::kNameLabels);
    }
  }
  const Embeddings& weights = probe.classifier.weights;
  const std::size_t weight_bytes = weights.values.size() * sizeof(float);
  const std::size_t bias_bytes = probe.classifier.biases.size() * sizeof(float);
  nlohmann::ordered_json metadata = {{"format", kFormat},
                                     {"classes", nlohmann::json(probe.classes).dump()},
                                     {"model", probe.model},
                                     {"l2", fmt::format("{}", probe.l2)}};
  if (probe.validation_accuracy) {
    metadata["validation_accuracy"] = fmt::format("{}", *probe.validation_accuracy);
  }
  const nlohmann::ordered_json header = {
      {"__metadata__", metadata},
      {"weight",
       {{"dtype", "F32"},
        {"shape", {weights.count, weights.dim}},
        {"data_offsets", {0, weight_bytes}}}},
      {"bias",
       {{"dtype", "F32"},
        {"shape", {weights.count}},
        {"data_offsets", {weight_bytes, weight_bytes + bias_bytes}}}}};
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the numbers are aligned
  const std::uint64_t length = text.size();
  std::string bytes(reinterpret_cast<const char*>(&length), sizeof(length));
  bytes += text;
  bytes.append(reinterpret_cast<const char*>(weights.values.data()), weight_bytes);
  bytes.append(reinterpret_cast<const char*>(probe.classifier.biases.data()), bias_bytes);
  return bytes;
}

Probe read_probe(const std::string& path) {
  try {
    return parse(path);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kNotFound || error.code() == ErrorCode::kIo) throw;
    throw error.within(fmt::format("cannot use the probe {}", path));
  }
}

}  // namespace clip
