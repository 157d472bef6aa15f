#include "options/decode_options.h"

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <memory>

#include "base/memory.h"
#include "clip/memory_budget.h"

namespace clip_cli {
namespace {

constexpr const char* kGroup = "Images";

}  // namespace

void add_memory_option(CLI::App* command, ImageDecodeOptions* options) {
  command
      ->add_option("--max-memory", options->max_memory,
                   "Decode images in at most this much memory, all threads together, such as 500M "
                   "or 2G [half of what is available]")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false).description(""))
      ->check(CLI::Range(std::uint64_t{1} << 20, std::uint64_t{1} << 50).description(""))
      ->type_name("SIZE")
      ->group(kGroup);
}

void add_decode_options(CLI::App* command, ImageDecodeOptions* options) {
  command
      ->add_flag("--ignore-exif", options->ignore_exif,
                 "Leave images as stored, as OpenAI's code does, whatever their EXIF orientation "
                 "says")
      ->group(kGroup);
  command
      ->add_flag("--fast-decode", options->fast_decode,
                 "Decode large JPEGs at 1/2, 1/4 or 1/8 of their size, at least twice what the "
                 "model reads: faster, and changes scores a little")
      ->group(kGroup);
  command
      ->add_option("--max-pixels", options->max_megapixels,
                   "Refuse images of more megapixels than this")
      ->check(CLI::Range(1, 1000000))
      ->type_name("MEGAPIXELS")
      ->capture_default_str()
      ->group(kGroup);
  add_memory_option(command, options);
}

clip::DecodeOptions decode_options(const ImageDecodeOptions& options,
                                   const clip::ModelConfig& config) {
  clip::DecodeOptions decode;
  decode.max_pixels = options.max_megapixels * 1000000;
  decode.ignore_exif = options.ignore_exif;
  decode.memory = std::make_shared<clip::MemoryBudget>(
      options.max_memory > 0 ? options.max_memory : clip::usable_memory() / 2);
  // Twice the model's input leaves the resampling enough to average.
  if (options.fast_decode) {
    decode.min_side_after_scaling = 2 * static_cast<std::uint64_t>(config.vision.image_size);
  }
  return decode;
}

}  // namespace clip_cli
