/// \file
/// A model on disk, opened: the checkpoint that holds its weights, the layout that says whose names
/// they have, the tokenizer, and an identity. Nothing in the file is executed, and weights are read
/// when an encoder is built of them. Immutable, and shared by all who use it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "clip/model_config.h"
#include "clip/tokenizer.h"

namespace clip {

class Checkpoint;
class Weights;

/// What is known of weights from elsewhere, as from a catalog of published models.
struct KnownModel {
  std::string architecture;     ///< as OpenOptions has it
  Preprocessing preprocessing;  ///< its image size does not count
};

/// What the file does not say.
struct OpenOptions {
  /// open_clip's name of the architecture ("ViT-B-32", "ViT-B-32-quickgelu"), for weights without a
  /// config that says what no shape shows. Where there is one, the two must agree.
  std::string architecture;
  /// Pixels a side, where it is not what the model was made for: position embeddings are resampled
  /// as open_clip does. 0: the model's own. ViTs only.
  std::int64_t image_size = 0;
  /// In place of the activation that is assumed of a TorchScript file which does not state it.
  std::optional<Activation> assumed_activation;
  /// Taken where neither the file nor a config beside it nor the architecture above states it.
  std::optional<KnownModel> known;
};

/// A model on disk, opened. For any number of threads.
class Model {
 public:
  /// `path`: of a file, or of a folder as repositories have them (weights and JSON beside them).
  /// Throws Error naming the file for whatever is wrong with it: of no known kind, cut short, a
  /// weight missing or of the wrong shape, a fact missing that nothing states.
  static std::shared_ptr<const Model> open(const std::string& path,
                                           const OpenOptions& options = {});
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const std::string& path() const;    ///< as it was opened by
  const ModelConfig& config() const;  ///< its dimensions and rules

  /// Made when it is first asked for. Throws Error for a model that was made for another vocabulary
  /// than that of a tokenizer that is known.
  const Tokenizer& tokenizer() const;

  /// 64 hexadecimal digits: a fingerprint of the weights, their layout, and the preprocessing. Two
  /// models have the same one when they give the same embeddings, wherever their files lie.
  const std::string& identity() const;

  /// For engines: the file's contents, and the weights by their canonical names (model/weights.h).
  const Checkpoint& checkpoint() const;
  const Weights& weights() const;  ///< as `checkpoint`, by their canonical names

 private:
  struct Parts;
  explicit Model(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace clip
