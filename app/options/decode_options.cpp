#include "options/decode_options.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <cstdlib>
#include <memory>
#include <string>

#include "base/memory.h"
#include "base/strings.h"
#include "clip/memory_budget.h"

namespace clip_cli {
namespace {

constexpr const char* kGroup = "Images";

// A number of pixels, with K, M or G behind it or without. Gives an error message, or nothing.
std::string pixels_of(const std::string& text, std::uint64_t* pixels) {
  constexpr double kMaxPixels = 1e12;
  char* end = nullptr;
  const bool is_number = !text.empty() && text.front() >= '0' && text.front() <= '9' &&
                         text.find_first_of("xX") == std::string::npos;
  const double number = is_number ? std::strtod(text.c_str(), &end) : 0;
  const std::string unit = end == nullptr ? text : clip::lower_ascii(end);
  const double factor = unit == "k" ? 1e3 : unit == "m" ? 1e6 : unit == "g" ? 1e9 : 1;
  const bool has_unit = factor > 1;
  if (end == nullptr || (!has_unit && !unit.empty()) || !(number * factor >= 1) ||
      number * factor > kMaxPixels) {
    return fmt::format("'{}' is no number of pixels; expected one such as 500M or 2G, up to 1000G",
                       text);
  }
  // Once it was a number of megapixels.
  if (!has_unit && number <= 1e6) {
    return fmt::format("'{0}' would be {0} pixels; say {0}M for megapixels", text);
  }
  *pixels = static_cast<std::uint64_t>(number * factor);
  return "";
}

}  // namespace

void add_memory_option(CLI::App* command, ImageDecodeOptions* options) {
  command
      ->add_option(
          "--max-memory", options->max_memory,
          "Memory for decoding images, such as 500M or 2G [half of what is free]\n"
          "All threads together stay below it: they wait for each other, and an image that "
          "alone takes more is an error. K, M and G are powers of 1024.")
      ->transform(CLI::AsSizeValue(/*kb_is_1000=*/false).description(""))
      ->check(CLI::Range(std::uint64_t{1} << 20, std::uint64_t{1} << 50).description(""))
      ->type_name("SIZE")
      ->group(kGroup);
}

void add_decode_options(CLI::App* command, ImageDecodeOptions* options) {
  command
      ->add_flag("--ignore-exif", options->ignore_exif,
                 "Leave images as stored, without following their EXIF orientation\n"
                 "OpenAI's own code does the same.")
      ->group(kGroup);
  command
      ->add_flag("--fast-decode", options->fast_decode,
                 "Decode large JPEGs at a smaller size: faster, scores change a little\n"
                 "They are decoded at 1/2, 1/4 or 1/8 of their size, at least twice what the model "
                 "reads.")
      ->group(kGroup);
  command
      ->add_option_function<std::string>(
          "--max-pixels",
          [options](const std::string& text) { pixels_of(text, &options->max_pixels); },
          "Refuse images of more pixels than this, such as 50M or 2G [500M]\n"
          "Width times height, as the file says before anything is decoded. K, M and G are powers "
          "of 1000. It protects from files that are small and claim to be huge.")
      ->check([](const std::string& text) {
        std::uint64_t pixels = 0;
        return pixels_of(text, &pixels);
      })
      ->type_name("PIXELS")
      ->group(kGroup);
  add_memory_option(command, options);
}

clip::DecodeOptions decode_options(const ImageDecodeOptions& options,
                                   const clip::ModelConfig& config) {
  clip::DecodeOptions decode;
  decode.max_pixels = options.max_pixels;
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
