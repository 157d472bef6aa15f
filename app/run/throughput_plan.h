// What embedding a number of images would take on machines like this one, from rates that are
// measured here: time, cores, memory, and the size of the vectors. It is what `benchmark --plan`
// prints.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clip/model.h"
#include "clip/precision.h"
#include "options/model_options.h"
#include "service/json.h"

namespace clip_cli {

// "2500000", "2.5e6", "100k", "1M", "2.5G": a whole number of at least 1. Nothing for what is none,
// or is more than 10^15.
std::optional<std::uint64_t> parse_image_count(const std::string& text);

// Image files in memory, which the rates are measured with.
struct SampleImages {
  std::vector<std::shared_ptr<const std::string>> files;
  std::string what;  // "made-up photographs of 640 x 480", "12 images, 340 kB each"
};

// Files and those in folders, the first that fit into 256 MiB; or, of no paths, made-up ones.
// Throws clip::Error where none of them is an image that can be decoded, or one of those cannot.
SampleImages sample_images(const std::vector<std::string>& paths);

// Rates in images a second, on all threads.
struct MeasuredRates {
  clip::Precision wanted = clip::Precision::kFloat32;
  clip::Precision computed = clip::Precision::kFloat32;  // what the engine has of it here
  std::string engine;
  double decode = 0;             // files to the model's input, nothing else running
  double encode = 0;             // the image tower alone, in batches of 16
  double both = 0;               // whole: what a run over many images does, without its start
  std::int64_t peak_memory = 0;  // bytes, of the run as a whole
};

// Measures each for at least `seconds`. Throws clip::Error where the model does not compute in
// `precision`.
MeasuredRates measure_rates(const std::shared_ptr<const clip::Model>& model,
                            const ModelOptions& options, clip::Precision precision,
                            const SampleImages& images, double seconds);

// Bytes of `images` vectors: rows of the type, and for int8 a float32 beside each as its scale.
struct VectorBytes {
  std::uint64_t float32 = 0, float16 = 0, int8 = 0;
};
VectorBytes vector_bytes(std::uint64_t images, std::int64_t dim);

// {"precision", "computed_in", "engine", "decode_per_second", "encode_per_second",
//  "images_per_second", "hours", "core_hours", "peak_memory_bytes"}
clip::Json plan_json(std::uint64_t images, std::size_t threads, const MeasuredRates& rates);

}  // namespace clip_cli
