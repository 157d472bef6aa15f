#include "engine/suitable.h"

#include <fmt/format.h>

#include "checkpoint/checkpoint.h"
#include "clip/error.h"

namespace clip {

std::string needs_known_weights(const Model& model, const EncoderOptions&) {
  if (model.config().recognised) return "";
  return fmt::format("it cannot run {}: {}", model.path(), model.config().unrecognised);
}

std::string needs_own_code(const Model& model, const EncoderOptions&) {
  return model.checkpoint().has_code() ? "" : "the file has no code of its own";
}

void check_known_weights(const char* engine, const Model& model, const EncoderOptions& options) {
  if (!model.config().recognised) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("the {} engine cannot run {}: {}", engine, model.path(),
                            model.config().unrecognised),
                Hint::kUseTorchScript);
  }
  if (options.precision == Precision::kFloat16 && options.device == "cpu") {
    throw Error(ErrorCode::kUnsupported, "fp16 is computed on GPUs only, not on the CPU",
                Hint::kUseBFloat16);
  }
}

}  // namespace clip
