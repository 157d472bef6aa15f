#include "run/throughput_plan.h"

#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <exception>
#include <fstream>
#include <functional>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "base/file.h"
#include "clip/engine.h"
#include "clip/error.h"
#include "clip/image_embedder.h"
#include "clip/image_paths.h"
#include "clip/preprocessing.h"
#include "image/jpeg_encode.h"
#include "pipeline/blocking_openmp_wait.h"
#include "terminal/text.h"

namespace clip_cli {
namespace {

constexpr std::uint64_t kMaxSampleBytes = 256 << 20;
constexpr std::size_t kMaxSamples = 1024;
constexpr std::int64_t kBatch = 16;
constexpr int kMinRounds = 3;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Slopes of colour with some noise: as detailed as photographs are, about, so that a JPEG of
// 640 x 480 has some 100 kB.
std::string made_up_jpeg(unsigned seed) {
  constexpr std::int64_t kWidth = 640, kHeight = 480;
  std::mt19937 random(seed);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(kWidth * kHeight * 3));
  for (std::int64_t y = 0; y < kHeight; ++y) {
    for (std::int64_t x = 0; x < kWidth; ++x) {
      const auto noise = static_cast<std::int64_t>(random() % 48);
      std::uint8_t* pixel = pixels.data() + (y * kWidth + x) * 3;
      pixel[0] = static_cast<std::uint8_t>((x * 200 / kWidth + noise) & 0xff);
      pixel[1] = static_cast<std::uint8_t>((y * 200 / kHeight + noise) & 0xff);
      pixel[2] = static_cast<std::uint8_t>(((x + y + seed * 16) / 8 % 200 + noise) & 0xff);
    }
  }
  clip::Image image;
  image.width = kWidth;
  image.height = kHeight;
  image.data = pixels.data();
  image.stride = kWidth * 3;
  return clip::encode_jpeg(image, 90);
}

std::vector<float> input_of(const std::string& file, const clip::Preprocessing& rule) {
  clip::DecodeOptions decode;
  decode.region_of_interest = [&](std::int64_t width, std::int64_t height) {
    return clip::region_of_interest(width, height, rule);
  };
  return clip::preprocess(clip::decode_bytes(file, "a sample image", decode), rule);
}

// Images a second that the threads decode and preprocess, each taking the next.
double decode_rate(const SampleImages& images, const clip::Preprocessing& rule, std::size_t threads,
                   double seconds) {
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error;
  std::mutex mutex;
  const double start = now();
  const std::size_t at_least = std::max(images.files.size(), threads);
  const auto work = [&] {
    try {
      for (;;) {
        if (failed || (next >= at_least && now() - start >= seconds)) return;
        input_of(*images.files[next++ % images.files.size()], rule);
      }
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex);
      error = std::current_exception();
      failed = true;
    }
  };
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < threads; ++i) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
  if (error != nullptr) std::rethrow_exception(error);
  return static_cast<double>(next) / (now() - start);
}

double encode_rate(const std::shared_ptr<const clip::Model>& model,
                   const clip::EncoderOptions& options, const std::vector<float>& input,
                   double seconds) {
  // As in a run over images: threads that wait do not spin.
  const clip::BlockingOpenMpWait wait(options.threads);
  const auto encoder = clip::open_image_encoder(model, options);
  std::vector<float> batch;
  for (std::int64_t i = 0; i < kBatch; ++i) batch.insert(batch.end(), input.begin(), input.end());
  encoder->encode(batch.data(), kBatch);
  std::int64_t done = 0;
  const double start = now();
  for (int round = 0; round < kMinRounds || now() - start < seconds; ++round) {
    encoder->encode(batch.data(), kBatch);
    done += kBatch;
  }
  return static_cast<double>(done) / (now() - start);
}

// Images a second of the loop that all commands run on, from the first batch on: by then the
// encoder has been opened.
double whole_rate(const std::shared_ptr<const clip::Model>& model,
                  const clip::EncoderOptions& options, const SampleImages& images, double seconds) {
  std::atomic<bool> enough{false};
  std::size_t given = 0;
  clip::EmbedOptions embed;
  embed.encoder = options;
  embed.max_batch = static_cast<std::size_t>(kBatch);
  clip::ImageEmbedder embedder(
      model,
      [&](clip::ImageSource* next) {
        if (enough) return false;
        *next = {};
        next->name = "a sample image";
        next->bytes = images.files[given++ % images.files.size()];
        return true;
      },
      embed);
  std::uint64_t done = 0;
  double start = 0;
  int rounds = 0;
  double rate = 0;
  for (std::vector<clip::ImageResult> batch; embedder.next(&batch); ++rounds) {
    for (const clip::ImageResult& result : batch) {
      if (result.error) throw clip::Error(*result.error);
    }
    if (rounds == 0) {
      start = now();
    } else {
      done += batch.size();
    }
    if (!enough && rounds >= kMinRounds && now() - start >= seconds) {
      enough = true;
      rate = static_cast<double>(done) / (now() - start);
    }
  }
  return rate;
}

// The peak of this process's memory starts anew, where the kernel can do that: proc(5),
// clear_refs. What earlier work has freed goes back to the system before.
void forget_peak() {
  ::malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5\n";
}

std::int64_t peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::int64_t kibibytes = 0;
    if (word == "VmHWM:" && status >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

}  // namespace

std::optional<std::uint64_t> parse_image_count(const std::string& text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [behind, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc()) return std::nullopt;
  const std::string unit(behind, end);
  if (unit == "k" || unit == "K") {
    number *= 1e3;
  } else if (unit == "M") {
    number *= 1e6;
  } else if (unit == "G" || unit == "B") {
    number *= 1e9;
  } else if (!unit.empty()) {
    return std::nullopt;
  }
  // 1.1M is no double, and 1,100,000 all the same.
  const double whole = std::round(number);
  if (!(whole >= 1 && whole <= 1e15) || std::abs(whole - number) > 1e-9 * whole) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(whole);
}

SampleImages sample_images(const std::vector<std::string>& paths) {
  SampleImages images;
  if (paths.empty()) {
    for (unsigned seed = 0; seed < 8; ++seed) {
      images.files.push_back(std::make_shared<const std::string>(made_up_jpeg(seed)));
    }
    images.what = "made-up photographs of 640 x 480";
    return images;
  }
  std::uint64_t bytes = 0;
  clip::ImagePaths found([&, at = std::size_t{0}](std::string* path) mutable {
    if (at == paths.size()) return false;
    *path = paths[at++];
    return true;
  });
  for (clip::ImageSource source; images.files.size() < kMaxSamples && found.next(&source);) {
    if (source.error) throw clip::Error(*source.error);
    auto file = std::make_shared<const std::string>(clip::read_file(source.name));
    clip::decode_bytes(*file, source.name, {});  // so that a bad one is named
    bytes += file->size();
    images.files.push_back(std::move(file));
    if (bytes >= kMaxSampleBytes) break;
  }
  if (images.files.empty()) {
    throw clip::Error(clip::ErrorCode::kNotFound,
                      fmt::format("no image was found in {}", paths.front()));
  }
  images.what =
      fmt::format("{} image{}, {} each", images.files.size(), images.files.size() == 1 ? "" : "s",
                  size_text(bytes / images.files.size()));
  return images;
}

MeasuredRates measure_rates(const std::shared_ptr<const clip::Model>& model,
                            const ModelOptions& options, clip::Precision precision,
                            const SampleImages& images, double seconds) {
  const clip::Preprocessing& rule = model->config().preprocessing;
  clip::EncoderOptions encoder = encoder_options(options);
  encoder.precision = precision;
  MeasuredRates rates;
  rates.wanted = precision;
  rates.engine = clip::resolve_engine(*model, encoder).name;
  rates.computed = clip::resolve_precision(*model, encoder);
  rates.decode = decode_rate(images, rule, threads(options), seconds);
  rates.encode = encode_rate(model, encoder, input_of(*images.files.front(), rule), seconds);
  forget_peak();
  rates.both = whole_rate(model, encoder, images, seconds);
  rates.peak_memory = peak_memory();
  return rates;
}

VectorBytes vector_bytes(std::uint64_t images, std::int64_t dim) {
  const auto numbers = static_cast<std::uint64_t>(dim);
  return {images * numbers * 4, images * numbers * 2, images * (numbers + 4)};
}

clip::Json plan_json(std::uint64_t images, std::size_t threads, const MeasuredRates& rates) {
  const double hours = static_cast<double>(images) / rates.both / 3600;
  return {{"precision", name_of(rates.wanted)},
          {"computed_in", name_of(rates.computed)},
          {"engine", rates.engine},
          {"decode_per_second", rates.decode},
          {"encode_per_second", rates.encode},
          {"images_per_second", rates.both},
          {"hours", hours},
          {"core_hours", hours * static_cast<double>(threads)},
          {"peak_memory_bytes", rates.peak_memory}};
}

}  // namespace clip_cli
