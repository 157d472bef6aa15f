#include <fmt/format.h>

#include <set>
#include <string_view>
#include <utility>

#include "clip/error.h"
#include "model/layouts/dimensions.h"
#include "model/layouts/hugging_face.h"
#include "model/layouts/openai.h"
#include "model/layouts/unknown.h"
#include "model/layouts/unsupported.h"
#include "model/position_embedding.h"

namespace clip {
namespace {

bool is_digit(char c) {
  return '0' <= c && c <= '9';
}

// Whether a name fits a pattern, and the numbers that stand where it has "{}".
bool fits(std::string_view pattern, std::string_view name, std::vector<std::string>* numbers) {
  numbers->clear();
  while (!pattern.empty()) {
    if (pattern.substr(0, 2) == "{}") {
      std::size_t digits = 0;
      while (digits < name.size() && is_digit(name[digits])) ++digits;
      if (digits == 0) return false;
      numbers->emplace_back(name.substr(0, digits));
      name.remove_prefix(digits);
      pattern.remove_prefix(2);
    } else {
      if (name.empty() || name.front() != pattern.front()) return false;
      name.remove_prefix(1);
      pattern.remove_prefix(1);
    }
  }
  return name.empty();
}

std::string filled(std::string_view pattern, const std::vector<std::string>& numbers) {
  std::string name;
  for (std::size_t next = 0; !pattern.empty();) {
    const std::size_t place = pattern.find("{}");
    name += pattern.substr(0, place);
    if (place == std::string_view::npos) break;
    name += numbers[next++];
    pattern.remove_prefix(place + 2);
  }
  return name;
}

Shape stored_shape(Shape shape, StoredView view) {
  switch (view) {
    case StoredView::kWhole:
      break;
    case StoredView::kTransposed:
      std::swap(shape[0], shape[1]);
      break;
    case StoredView::kFirstThird:
    case StoredView::kSecondThird:
    case StoredView::kLastThird:
      shape[0] *= 3;
      break;
  }
  return shape;
}

Tensor view_of(const Tensor& stored, StoredView view) {
  const auto third = [&](std::int64_t place) {
    const std::int64_t rows = stored.shape[0] / 3;
    return stored.rows(place * rows, rows);
  };
  switch (view) {
    case StoredView::kTransposed:
      return stored.transposed();
    case StoredView::kFirstThird:
      return third(0);
    case StoredView::kSecondThird:
      return third(1);
    case StoredView::kLastThird:
      return third(2);
    case StoredView::kWhole:
      break;
  }
  return stored;
}

const Tensor& checked_tensor(const Checkpoint& checkpoint, const StoredWeight& expected) {
  const std::string& path = checkpoint.path();
  const Tensor* tensor = checkpoint.find(expected.name);
  if (tensor == nullptr) {
    throw Error(ErrorCode::kCorrupt, fmt::format("{} lacks the weight {}, expected with shape {}",
                                                 path, expected.name, to_string(expected.shape)));
  }
  // open_clip stores the one number that the logit scale is as [] or [1].
  const bool number = expected.shape.empty() && tensor->shape == Shape{1};
  if (tensor->shape != expected.shape && !number) {
    throw Error(ErrorCode::kCorrupt,
                fmt::format("{}: weight {} has shape {}, expected {}", path, expected.name,
                            to_string(tensor->shape), to_string(expected.shape)));
  }
  if (!is_floating_point(tensor->type)) {
    throw Error(ErrorCode::kCorrupt,
                fmt::format("{}: weight {} has type {}, expected floating-point numbers", path,
                            expected.name, name_of(tensor->type)));
  }
  return *tensor;
}

constexpr const char* kPositions = "image.position_embedding";

// Where the file's position embeddings are those of another image size: adds them as they are for
// this one, and says so.
bool add_resampled(const Checkpoint& checkpoint, const StoredWeight& stored,
                   const ModelConfig& config, Weights* weights) {
  const Tensor* tensor = checkpoint.find(stored.name);
  const VisionConfig& vision = config.vision;
  if (tensor == nullptr || tensor->shape.size() != 2 || tensor->shape == stored.shape ||
      tensor->shape[1] != vision.width || !is_floating_point(tensor->type)) {
    return false;  // as it should be, or an error
  }
  grid_side(checkpoint, stored.name);
  weights->add_own(kPositions, resampled_positions(*tensor, vision.image_size / vision.patch_size),
                   stored.shape, stored.name);
  return true;
}

void check_heads(const std::string& path, const char* tower, std::int64_t width,
                 std::int64_t heads) {
  if (heads >= 1 && width % heads == 0) return;
  throw Error(ErrorCode::kCorrupt,
              fmt::format("{}: the {} tower has width {}, which {} heads do not divide; state "
                          "the heads in its config",
                          path, tower, width, heads));
}

}  // namespace

const std::vector<Layout>& layouts() {
  static const std::vector<Layout> all = {openai_layout(), custom_text_layout(),
                                          hugging_face_layout(), unknown_layout()};
  return all;
}

const Layout& layout_of(const Checkpoint& checkpoint) {
  for (const Layout& layout : layouts()) {
    if (layout.matches(checkpoint)) return layout;
  }
  return layouts().back();
}

StoredWeight stored_weight(const Layout& layout, const CanonicalWeight& weight) {
  std::vector<std::string> numbers;
  for (const LayoutRow& row : layout.rows) {
    if (!fits(row.canonical, weight.name, &numbers)) continue;
    return {filled(row.stored, numbers), stored_shape(weight.shape, row.view), row.view};
  }
  throw Error(ErrorCode::kInternal,
              fmt::format("the layout {} does not know {}", layout.name, weight.name));
}

Weights resolve_weights(const Layout& layout, const Checkpoint& checkpoint, ModelConfig* config) {
  Weights weights(checkpoint.path());
  if (layout.rows.empty()) return weights;

  std::vector<std::pair<std::string, StoredWeight>> wanted;  // by canonical name
  std::set<std::string> known;
  for (const CanonicalWeight& weight : canonical_weights(*config)) {
    wanted.emplace_back(weight.name, stored_weight(layout, weight));
    known.insert(wanted.back().second.name);
  }
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    if (known.count(name) > 0 || layout.may_stand_beside(name)) continue;
    // Without code of its own, nothing can run it.
    if (!checkpoint.has_code()) refuse_unsupported(checkpoint);
    config->unrecognised = fmt::format("weight {} is not one that CLIP has", name);
    return weights;
  }
  for (const auto& [name, stored] : wanted) {
    if (name == kPositions && add_resampled(checkpoint, stored, *config, &weights)) continue;
    weights.add(name, {view_of(checked_tensor(checkpoint, stored), stored.view), stored.name});
  }
  const bool resnet = config->vision.kind == VisionKind::kResNet;
  check_heads(checkpoint.path(), "vision", config->vision.width * (resnet ? 32 : 1),
              config->vision.heads);
  check_heads(checkpoint.path(), "text", config->text.width, config->text.heads);
  config->recognised = true;
  return weights;
}

}  // namespace clip
