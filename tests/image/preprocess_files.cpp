// preprocess_files WHAT SIZE [RULE]: reads paths from standard input, a line each; for each prints
// "ok" or "error: ..." on a line, followed, after "ok", by bytes:
//   crop, crop-as-stored   [SIZE, SIZE, 3] 8-bit RGB, EXIF orientation applied or not
//   crop-limited           the same as crop, of images of up to a megapixel
//   tensor                 [3, SIZE, SIZE] float32
//   reduced                as decoded, a JPEG reduced while at least 2 x SIZE pixels a side remain
//   rgb                    the decoded image as RGB, not resized: width and height on a line, then
//                          [height, width, 3]
//   decoded                the decoded image: width, height and channels on a line, then RGB(A)
// RULE: how images are resized, shortest-side-bicubic unless it is named.
// preprocess_files bench SIZE: prints the seconds that resizing each decoded image takes, best
// of 10.
// preprocess_files bench-decode SIZE [RULE]: prints four numbers for each image, medians of 15
// seconds taken in turn: decoding it whole, decoding what the rule reads, and each with resizing.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>

#include "base/file.h"
#include "clip/error.h"
#include "clip/image.h"
#include "clip/preprocessing.h"
#include "image/pixel_buffer.h"

namespace {

void write(const void* data, std::size_t size) {
  std::fwrite(data, 1, size, stdout);
}

double seconds_to_resize(const clip::Image& image, const clip::Preprocessing& rule) {
  double best = 1e9;
  for (int i = 0; i < 10; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const auto pixels = clip::resize_and_crop(image, rule);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    best = std::min(best, taken.count());
  }
  return best;
}

// Seconds to decode, and to decode and resize.
std::array<double, 2> seconds_to_decode(const std::string& bytes, const clip::Preprocessing& rule,
                                        const clip::DecodeOptions& options,
                                        clip::PixelBuffer* buffer) {
  const auto start = std::chrono::steady_clock::now();
  const clip::Image image = clip::decode_bytes(bytes, "image", options, buffer);
  const std::chrono::duration<double> decoded = std::chrono::steady_clock::now() - start;
  const auto pixels = clip::resize_and_crop(image, rule);
  const std::chrono::duration<double> resized = std::chrono::steady_clock::now() - start;
  return {decoded.count(), resized.count()};
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

void print_seconds_to_decode(const std::string& path, const clip::Preprocessing& rule) {
  constexpr int kTurns = 15;
  const std::string bytes = clip::read_file(path);
  clip::DecodeOptions whole, part;
  part.region_of_interest = [&](std::int64_t width, std::int64_t height) {
    return clip::region_of_interest(width, height, rule);
  };
  clip::PixelBuffer buffers[2];
  std::array<std::vector<double>, 4> seconds;
  for (int turn = -1; turn < kTurns; ++turn) {
    const auto of_whole = seconds_to_decode(bytes, rule, whole, &buffers[0]);
    const auto of_part = seconds_to_decode(bytes, rule, part, &buffers[1]);
    if (turn < 0) continue;  // the first touches fresh memory
    for (std::size_t i = 0; i < 2; ++i) {
      seconds[2 * i].push_back(of_whole[i]);
      seconds[2 * i + 1].push_back(of_part[i]);
    }
  }
  fmt::print("{} {} {} {}\n", median(seconds[0]), median(seconds[1]), median(seconds[2]),
             median(seconds[3]));
}

// As the image becomes RGB behind its resizing.
std::vector<std::uint8_t> as_rgb(const clip::Image& image) {
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(3 * image.width * image.height));
  std::uint8_t* out = rgb.data();
  for (std::int64_t y = 0; y < image.height; ++y) {
    const std::uint8_t* row = image.row(y);
    if (image.mode == clip::PixelMode::kBands) {
      image.to_rgb(row, static_cast<std::size_t>(image.width), out);
      out += 3 * image.width;
      continue;
    }
    for (std::int64_t x = 0; x < image.width; ++x) {
      for (int channel = 0; channel < 3; ++channel) {
        if (image.mode == clip::PixelMode::kInteger) {
          const auto* wide = reinterpret_cast<const std::uint16_t*>(row);
          *out++ = static_cast<std::uint8_t>(std::min<int>(wide[x], 255));
        } else {
          *out++ = row[x * image.channels + (image.channels == 1 ? 0 : channel)];
        }
      }
    }
  }
  return rgb;
}

void run(const std::string& what, const std::string& path, const clip::Preprocessing& rule) {
  if (what == "bench-decode") {
    print_seconds_to_decode(path, rule);
    return;
  }
  clip::DecodeOptions options;
  options.ignore_exif = what == "crop-as-stored";
  if (what == "crop-limited") options.max_pixels = 1'000'000;
  if (what == "reduced") {
    options.min_side_after_scaling = 2 * static_cast<std::uint64_t>(rule.image_size);
  }
  // As the pipeline does.
  if (what == "crop" || what == "crop-as-stored" || what == "tensor") {
    options.region_of_interest = [&rule](std::int64_t width, std::int64_t height) {
      return clip::region_of_interest(width, height, rule);
    };
  }
  const clip::Image image = clip::decode_file(path, options);
  if (what == "bench") {
    fmt::print("{}\n", seconds_to_resize(image, rule));
  } else if (what == "rgb") {
    const auto pixels = as_rgb(image);
    fmt::print("ok\n{} {}\n", image.width, image.height);
    write(pixels.data(), pixels.size());
  } else if (what == "decoded" || what == "reduced") {
    fmt::print("ok\n{} {} {}\n", image.width, image.height, image.channels);
    const int sample = image.mode == clip::PixelMode::kInteger ? 2 : 1;
    for (std::int64_t y = 0; y < image.height; ++y) {
      write(image.row(y), static_cast<std::size_t>(image.width * image.channels * sample));
    }
  } else if (what == "tensor") {
    const auto tensor = clip::preprocess(image, rule);
    fmt::print("ok\n");
    write(tensor.data(), tensor.size() * sizeof(float));
  } else {
    const auto pixels = clip::resize_and_crop(image, rule);
    fmt::print("ok\n");
    write(pixels.data(), pixels.size());
  }
}

bool take_rule(const std::string& wanted, clip::Preprocessing* rule) {
  for (const auto resize : {clip::ResizeMode::kShortestSide, clip::ResizeMode::kSquash,
                            clip::ResizeMode::kLongestSide}) {
    for (const auto interpolation :
         {clip::Interpolation::kBicubic, clip::Interpolation::kBilinear}) {
      if (wanted != clip::name_of(resize, interpolation)) continue;
      rule->resize = resize;
      rule->interpolation = interpolation;
      return true;
    }
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) return 2;
  // As the program does (app/terminal/standard_error.h): libde265 and dav1d print there.
  stderr = std::fopen("/dev/null", "we");
  clip::Preprocessing rule;
  rule.image_size = std::stoi(argv[2]);
  if (argc == 4 && !take_rule(argv[3], &rule)) return 2;
  for (std::string path; std::getline(std::cin, path);) {
    try {
      run(argv[1], path, rule);
    } catch (const clip::Error& error) {
      fmt::print("error: {}\n", error.what());
    }
  }
}
