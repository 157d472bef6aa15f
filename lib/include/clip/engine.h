/// \file
/// Encoders, which turn images and prompts into embeddings, and the engines that make them of a
/// model.
///
/// Image and text encoders are apart: who only has texts never reads the weights of the image
/// tower, nor the other way round. Calls on one encoder must not overlap; each uses all the threads
/// that it was opened with.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "clip/embeddings.h"
#include "clip/model.h"
#include "clip/precision.h"
#include "clip/tokenizer.h"

namespace clip {

/// The image tower of a model, for one thread at a time.
class ImageEncoder {
 public:
  virtual ~ImageEncoder() = default;

  /// `pixels`: [count, 3, n, n] float32, RGB, normalized with the model's mean and std; n is the
  /// model's image size. Embeddings are as the model gives them, not normalized.
  virtual Embeddings encode(const float* pixels, std::int64_t count) = 0;
};

/// The text tower of a model, for one thread at a time.
class TextEncoder {
 public:
  virtual ~TextEncoder() = default;

  /// The ids of each prompt, start and end tokens included, at most the context length, not padded.
  virtual Embeddings encode(const std::vector<TokenIds>& prompts) = 0;
};

/// How encoders compute.
struct EncoderOptions {
  std::string engine = "auto";                ///< or the name of an engine
  Precision precision = Precision::kFloat32;  ///< of the engines that build towers of weights
  std::string device = "cpu";                 ///< "cpu", "cuda" or "cuda:N"
  int threads = 0;                            ///< 0: all processors that this process may use
  /// A folder of ready weights (clip-cli models prepare): towers that the native engine finds there
  /// neither read nor pack their weights, and those that no longer fit are written anew. Empty:
  /// none.
  std::string ready_folder;
  /// Write them there where there are none that fit; throws Error if that fails.
  bool prepare = false;
  /// Told what people should know about how an encoder computes, when it is opened.
  std::function<void(const std::string&)> notice;
};

/// A way to run a model, as functions.
struct Engine {
  const char* name;  ///< that EncoderOptions::engine has
  /// Why it cannot run this model with these options, for people; empty where it can.
  std::string (*unsuitable)(const Model& model, const EncoderOptions& options);
  /// `options.threads` is not 0 here. Throws Error for what does not fit.
  std::unique_ptr<ImageEncoder> (*open_image_encoder)(std::shared_ptr<const Model> model,
                                                      const EncoderOptions& options);
  /// As `open_image_encoder`.
  std::unique_ptr<TextEncoder> (*open_text_encoder)(std::shared_ptr<const Model> model,
                                                    const EncoderOptions& options);
  /// What it computes in here when it is asked for `wanted`; null: as it is asked.
  Precision (*precision)(Precision wanted) = nullptr;
};

/// Adds an engine behind those that there are; "native" is there from the start. Not while other
/// threads use engines.
void register_engine(const Engine& engine);

/// All of them, in the order in which "auto" asks them.
std::vector<std::string> engine_names();

/// The engine that the options name, or, for "auto", the first that can run the model. Throws Error
/// (kInvalidArgument) for an unknown name, and (kUnsupported) where there is none, saying why not.
const Engine& resolve_engine(const Model& model, const EncoderOptions& options);

/// The precision that this engine computes in: what the options ask for, or what there is instead.
Precision resolve_precision(const Model& model, const EncoderOptions& options);

/// The precision that the native engine computes in here when it is asked for `wanted`: float32
/// where the processor has no bfloat16 instructions.
Precision available_precision(Precision wanted);

/// Reads the weights of the image tower, and packs them. Throws Error for a device that is unknown
/// or not there, for a file whose code does not run, and for a precision or an engine that the
/// model or the device does not have.
std::unique_ptr<ImageEncoder> open_image_encoder(std::shared_ptr<const Model> model,
                                                 const EncoderOptions& options);
/// The same of the text tower.
std::unique_ptr<TextEncoder> open_text_encoder(std::shared_ptr<const Model> model,
                                               const EncoderOptions& options);

}  // namespace clip
