#include <fmt/format.h>

#include <deque>
#include <utility>

#include "base/cpu.h"
#include "clip/engine.h"
#include "clip/error.h"
#include "engine/native.h"

namespace clip {
namespace {

// In the order in which "auto" asks them. A deque, for its elements stay in place.
std::deque<Engine>& engines() {
  static std::deque<Engine> all = {native_engine()};
  return all;
}

EncoderOptions with_threads(EncoderOptions options) {
  if (options.threads <= 0) options.threads = usable_processors();
  return options;
}

}  // namespace

void register_engine(const Engine& engine) {
  engines().push_back(engine);
}

std::vector<std::string> engine_names() {
  std::vector<std::string> names;
  for (const Engine& engine : engines()) names.emplace_back(engine.name);
  return names;
}

const Engine& resolve_engine(const Model& model, const EncoderOptions& options) {
  const bool any = options.engine == "auto";
  std::string reasons;
  for (const Engine& engine : engines()) {
    if (!any && options.engine != engine.name) continue;
    // One that is asked for by its name says itself what does not fit, when it is opened.
    const std::string reason = any ? engine.unsuitable(model, options) : "";
    if (reason.empty()) return engine;
    reasons += fmt::format("; {}: {}", engine.name, reason);
  }
  if (any) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("no engine can run {}{}", model.path(), reasons),
                Hint::kUseTorchScript);
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("there is no engine '{}'; there are auto, {}", options.engine,
                          fmt::join(engine_names(), ", ")));
}

Precision resolve_precision(const Model& model, const EncoderOptions& options) {
  const Engine& engine = resolve_engine(model, options);
  return engine.precision == nullptr ? options.precision : engine.precision(options.precision);
}

std::unique_ptr<ImageEncoder> open_image_encoder(std::shared_ptr<const Model> model,
                                                 const EncoderOptions& options) {
  const Engine& engine = resolve_engine(*model, options);
  return engine.open_image_encoder(std::move(model), with_threads(options));
}

std::unique_ptr<TextEncoder> open_text_encoder(std::shared_ptr<const Model> model,
                                               const EncoderOptions& options) {
  const Engine& engine = resolve_engine(*model, options);
  return engine.open_text_encoder(std::move(model), with_threads(options));
}

}  // namespace clip
