#include "commands/benchmark.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "encoder/yardstick.h"
#include "errors.h"
#include "options.h"
#include "pipeline/prompts.h"
#include "text/tokenizer.h"
#include "ui/input_lists.h"
#include "ui/json.h"
#include "ui/text.h"

namespace clip_cli {
namespace {

constexpr std::int64_t kShortPrompts = 256;  // "a photo of a <word>"
constexpr std::int64_t kFullPrompts = 32;    // of the whole context length
constexpr int kLeastRounds = 3;

struct BenchmarkOptions {
  std::vector<std::int64_t> batches = {1, 4, 16};
  double seconds = 2;
  std::string texts;
  bool json = false;
  ModelOptions model;
};

// A thing to encode, and the yardstick beside it.
struct Workload {
  std::string name;
  std::int64_t count, length;  // pictures or prompts, and their tokens (pictures: 0)
  std::function<void()> encode;
};

struct Measured {
  double seconds = 0;              // median of the rounds, for all `count`
  std::optional<double> products;  // the same of the matrix products alone
};

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double timed(const std::function<void()>& work) {
  const double start = now();
  work();
  return now() - start;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// The most memory that this process has had, in bytes: VmHWM of proc(5).
std::int64_t peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::int64_t kibibytes = 0;
    if (word == "VmHWM:" && status >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

// Turn by turn, so that whatever else the machine does meets both alike.
Measured measure(const Workload& workload, clip::Yardstick* yardstick, double seconds) {
  std::vector<double> encoding, products;
  const double end = now() + seconds;
  for (int round = 0; round < kLeastRounds || now() < end; ++round) {
    encoding.push_back(timed(workload.encode));
    if (yardstick != nullptr) products.push_back(timed([&] { yardstick->run(); }));
  }
  Measured measured;
  measured.seconds = median(encoding);
  if (yardstick != nullptr) measured.products = median(products);
  return measured;
}

std::vector<clip::TokenIds> short_prompts(std::mt19937* random) {
  const clip::Tokenizer tokenizer;
  // Ids of whole words and parts of words: neither bytes nor the special ones.
  std::uniform_int_distribution<std::int32_t> word(1000, 40000);
  std::vector<clip::TokenIds> prompts;
  for (std::int64_t i = 0; i < kShortPrompts; ++i) {
    clip::TokenIds ids = tokenizer.encode_for_context("a photo of a", 77, false);
    ids.insert(ids.end() - 1, word(*random));
    prompts.push_back(ids);
  }
  return prompts;
}

std::vector<clip::TokenIds> full_prompts(std::int64_t context_length, std::mt19937* random) {
  std::uniform_int_distribution<std::int32_t> word(1000, 40000);
  std::vector<clip::TokenIds> prompts;
  for (std::int64_t i = 0; i < kFullPrompts; ++i) {
    clip::TokenIds ids = {clip::Tokenizer::kStartOfText};
    while (static_cast<std::int64_t>(ids.size()) + 1 < context_length) ids.push_back(word(*random));
    ids.push_back(clip::Tokenizer::kEndOfText);
    prompts.push_back(ids);
  }
  return prompts;
}

void print_header(const Json& json) {
  fmt::print("{:<14}{}\n", "model", printable(json["model"].get<std::string>()));
  fmt::print("{:<14}{}, {}, {} threads\n", "engine", json["engine"].get<std::string>(),
             json["precision"].get<std::string>(), json["threads"].get<int>());
  fmt::print("{:<14}{:.2f} s\n", "load", json["load_seconds"].get<double>());
  fmt::print("{:<14}{:.0f} MiB\n\n", "peak memory",
             json["peak_memory_bytes"].get<double>() / (1 << 20));
  fmt::print("{:<36}{:>12}{:>12}{:>16}{:>8}\n", "", "ms each", "a second", "products alone",
             "ratio");
}

void print_row(const Json& row) {
  fmt::print("{:<36}{:>12.3f}{:>12.1f}", row["what"].get<std::string>(),
             1000 * row["seconds_each"].get<double>(), row["per_second"].get<double>());
  if (!row["ratio"].is_null()) {
    fmt::print("{:>13.3f} ms{:>8.2f}", 1000 * row["products_seconds_each"].get<double>(),
               row["ratio"].get<double>());
  }
  fmt::print("\n");
}

Json to_json(const Workload& workload, const Measured& measured) {
  const auto count = static_cast<double>(workload.count);
  Json row = {{"what", workload.name},
              {"batch", workload.count},
              {"seconds_each", measured.seconds / count},
              {"per_second", count / measured.seconds}};
  if (workload.length > 0) row["tokens"] = workload.length;
  const bool known = measured.products.has_value();
  row["products_seconds_each"] = known ? Json(*measured.products / count) : Json(nullptr);
  row["ratio"] = known ? Json(measured.seconds / *measured.products) : Json(nullptr);
  return row;
}

int run_benchmark(const BenchmarkOptions& options) {
  const double start = now();
  const auto model = open_model(options.model);
  const auto encoder = open_encoder(model, options.model);
  const double load_seconds = now() - start;
  const clip::ModelConfig& config = model->config();

  std::mt19937 random(1);
  const std::int64_t side = config.vision.image_size;
  const std::int64_t most = *std::max_element(options.batches.begin(), options.batches.end());
  std::vector<float> pixels(static_cast<std::size_t>(most * 3 * side * side));
  std::uniform_real_distribution<float> value(-1.8F, 2.2F);
  for (float& pixel : pixels) pixel = value(random);
  const auto short_ids = short_prompts(&random);
  const auto full_ids = full_prompts(config.text.context_length, &random);

  std::vector<clip::TokenIds> given_ids;
  if (!options.texts.empty()) {
    given_ids = clip::tokenize_prompts(clip::Tokenizer(), config, read_texts(options.texts), false);
    if (given_ids.empty()) throw UsageError(options.texts + " holds no prompts");
  }

  std::vector<Workload> workloads;
  for (const std::int64_t batch : options.batches) {
    workloads.push_back({fmt::format("pictures, {} at once", batch), batch, 0,
                         [&, batch] { encoder->encode_images(pixels.data(), batch); }});
  }
  const auto prompts = [&](const char* what, const std::vector<clip::TokenIds>& ids) {
    const auto length = static_cast<std::int64_t>(ids[0].size());
    workloads.push_back({fmt::format("prompts of {} tokens, {}", length, what),
                         static_cast<std::int64_t>(ids.size()), length,
                         [&] { encoder->encode_texts(ids); }});
  };
  prompts("\"a photo of a ...\"", short_ids);
  prompts("all different", full_ids);
  if (!given_ids.empty()) {
    std::size_t tokens = 0;
    for (const clip::TokenIds& ids : given_ids) tokens += ids.size();
    const auto count = static_cast<std::int64_t>(given_ids.size());
    // The yardstick's prompts all have the average length, rounded up.
    const auto length =
        static_cast<std::int64_t>((tokens + given_ids.size() - 1) / given_ids.size());
    workloads.push_back({fmt::format("{} prompts of the file", count), count, length,
                         [&] { encoder->encode_texts(given_ids); }});
  }

  // Once each, so that all is built and the memory's peak is known before the yardsticks take any.
  for (const Workload& workload : workloads) workload.encode();
  Json json = {{"model", model->path()},
               {"engine", encoder->engine()},
               {"precision", encoder->precision() == clip::Precision::kFloat32 ? "fp32" : "bf16"},
               {"threads", threads(options.model)},
               {"load_seconds", load_seconds},
               {"peak_memory_bytes", peak_memory()}};
  if (!options.json) print_header(json);

  Json rows = Json::array();
  for (const Workload& workload : workloads) {
    std::unique_ptr<clip::Yardstick> yardstick;
    if (config.recognised) {
      const auto tower =
          workload.length > 0 ? clip::Yardstick::Tower::kTexts : clip::Yardstick::Tower::kImages;
      yardstick = std::make_unique<clip::Yardstick>(*model, encoder->precision(), tower,
                                                    workload.count, workload.length);
      yardstick->run();
    }
    rows.push_back(to_json(workload, measure(workload, yardstick.get(), options.seconds)));
    if (!options.json) {
      print_row(rows.back());
      std::fflush(stdout);
    }
  }
  json["rows"] = rows;
  if (options.json) print_json(json);
  return kDone;
}

}  // namespace

void setup_benchmark(CLI::App* app, std::function<int()>* command) {
  CLI::App* benchmark = app->add_subcommand(
      "benchmark",
      "Measure how fast a model runs here, beside the time that its matrix products alone take");
  auto options = std::make_shared<BenchmarkOptions>();
  benchmark->add_option("--batch", options->batches, "Pictures at once, separated by commas")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024))
      ->type_name("N,...")
      ->capture_default_str();
  benchmark
      ->add_option("--texts", options->texts,
                   "File of prompts (-: stdin) to encode all at once, beside the made-up ones")
      ->type_name("FILE");
  benchmark->add_option("--seconds", options->seconds, "Time to spend on each row, at least")
      ->check(CLI::Range(0.0, 3600.0))
      ->type_name("S")
      ->capture_default_str();
  benchmark->add_flag("--json", options->json, "Print one JSON object");
  add_model_options(benchmark, &options->model);
  benchmark->footer(
      "Example:\n  clip-cli benchmark --model ViT-B-32.pt --batch 1,16 --precision bf16");
  benchmark->callback([=] { *command = [=] { return run_benchmark(*options); }; });
}

}  // namespace clip_cli
