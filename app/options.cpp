#include "options.h"

#include <fmt/format.h>

#include <CLI/Validators.hpp>
#include <cstdio>
#include <map>
#include <utility>

#include "encoder/processors.h"
#include "model_lookup.h"
#include "ui/text.h"

namespace clip_cli {
namespace {

const std::map<std::string, clip::Engine> kEngines = {
    {"auto", clip::Engine::kAuto},
    {"native", clip::Engine::kNative},
    {"torchscript", clip::Engine::kTorchScript},
};
const std::map<std::string, clip::Precision> kPrecisions = {
    {"fp32", clip::Precision::kFloat32},
    {"bf16", clip::Precision::kBFloat16},
};

template <typename Value>
CLI::Validator one_of(const std::map<std::string, Value>& values) {
  std::string names;
  for (const auto& [name, value] : values) names += (names.empty() ? "" : ", ") + name;
  return CLI::Validator(
      [&values, names](const std::string& name) {
        return values.count(name) > 0 ? "" : fmt::format("'{}' is not one of {}", name, names);
      },
      "");
}

}  // namespace

void add_model_options(CLI::App* command, ModelOptions* options) {
  command
      ->add_option("-m,--model", options->named,
                   "A published model's name (see models list), demo, or the path of an export of "
                   "CLIP [ViT-B/32 if it is there, else demo]")
      ->envname("CLIP_MODEL")
      ->type_name("NAME|PATH")
      ->group("Model");
  command
      ->add_option_function<std::string>(
          "--engine",
          [options](const std::string& name) { options->encoder.engine = kEngines.at(name); },
          "native: fast, and runs no code of the file; torchscript: the export's own code; auto: "
          "native where the weights are CLIP's [auto]")
      ->check(one_of(kEngines))
      ->type_name("ENGINE")
      ->group("Model");
  command
      ->add_option_function<std::string>(
          "--precision",
          [options](const std::string& name) { options->encoder.precision = kPrecisions.at(name); },
          "fp32, or bf16: faster and half the memory, scores move by about 0.1 [fp32]")
      ->check(one_of(kPrecisions))
      ->type_name("PRECISION")
      ->group("Model");
  command->add_option("--device", options->encoder.device, "cpu, cuda or cuda:N")
      ->type_name("DEVICE")
      ->capture_default_str()
      ->group("Model");
  command
      ->add_option("--threads", options->encoder.threads,
                   "Threads to compute with [all processors this process may use]")
      ->check(CLI::Range(1, 1024))
      ->type_name("N")
      ->group("Model");
}

std::shared_ptr<const clip::ModelFile> open_model(const ModelOptions& options) {
  auto model = std::make_shared<const clip::ModelFile>(model_path(options.named));
  for (const std::string& assumed : model->config().assumed) {
    notice(fmt::format("{} does not say it, so this is assumed: {}", model->path(), assumed));
  }
  return model;
}

std::size_t threads(const ModelOptions& options) {
  const int count = options.encoder.threads;
  return static_cast<std::size_t>(count > 0 ? count : clip::usable_processors());
}

std::unique_ptr<clip::Encoder> open_encoder(std::shared_ptr<const clip::ModelFile> model,
                                            const ModelOptions& options) {
  auto encoder = clip::open_encoder(std::move(model), options.encoder);
  if (!encoder->notice().empty()) notice(encoder->notice());
  return encoder;
}

void add_image_options(CLI::App* command, ImageOptions* options) {
  command
      ->add_flag("--ignore-exif", options->ignore_exif,
                 "Leave pictures as stored, as OpenAI's code does, whatever their EXIF "
                 "orientation says")
      ->group("Pictures");
  command
      ->add_flag("--fast-decode", options->fast_decode,
                 "Decode large JPEGs at 1/2, 1/4 or 1/8 of their size, at least twice what the "
                 "model reads: faster, and scores move a little")
      ->group("Pictures");
  command
      ->add_option("--max-pixels", options->max_megapixels,
                   "Refuse pictures of more megapixels than this")
      ->check(CLI::Range(1, 1000000))
      ->type_name("MEGAPIXELS")
      ->capture_default_str()
      ->group("Pictures");
}

clip::DecodeOptions decode_options(const ImageOptions& options, const clip::ModelConfig& config) {
  clip::DecodeOptions decode;
  decode.max_pixels = options.max_megapixels * 1000000;
  decode.ignore_exif = options.ignore_exif;
  // Twice the model's input leaves the resampling enough to average.
  if (options.fast_decode) {
    decode.enough_pixels_a_side = 2 * static_cast<std::uint64_t>(config.vision.image_size);
  }
  return decode;
}

}  // namespace clip_cli
