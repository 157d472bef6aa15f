#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "clip/engine.h"
#include "clip/error.h"
#include "clip/tokenizer.h"
#include "commands/commands.h"
#include "engine/gemm_baseline.h"
#include "exit_code.h"
#include "input/input_lists.h"
#include "options/encoding_option.h"
#include "options/model_options.h"
#include "run/throughput_plan.h"
#include "terminal/text.h"
#include "usage_error.h"
#include "writers/print_json.h"

namespace clip_cli {
namespace {

constexpr std::int64_t kShortPrompts = 256;  // "a photo of a <word>"
constexpr std::int64_t kFullPrompts = 32;    // as long as the context
constexpr int kMinRounds = 3;

struct BenchmarkOptions {
  std::vector<std::int64_t> batches = {1, 4, 16};
  double seconds = 2;
  std::string texts, encoding;
  std::vector<std::string> precisions;  // none: fp32, and for a plan fp32, bf16 and int8
  std::string plan;                     // a number of images
  std::vector<std::string> images;      // that a plan is measured with
  bool json = false;
  ModelOptions model;
};

// Encoding that is measured, and what its baseline is made of.
struct Workload {
  std::string name;
  std::int64_t count, length;  // images or prompts, and their tokens (images: 0)
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

// The peak of this process's memory, in bytes: VmHWM of proc(5).
std::int64_t peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::int64_t kibibytes = 0;
    if (word == "VmHWM:" && status >> kibibytes) return kibibytes * 1024;
  }
  return 0;
}

// Turn by turn, so that whatever else the machine does meets both alike.
Measured measure(const Workload& workload, clip::GemmBaseline* baseline, double seconds) {
  std::vector<double> encoding, products;
  const double end = now() + seconds;
  for (int round = 0; round < kMinRounds || now() < end; ++round) {
    encoding.push_back(timed(workload.encode));
    if (baseline != nullptr) products.push_back(timed([&] { baseline->run(); }));
  }
  Measured measured;
  measured.seconds = median(encoding);
  if (baseline != nullptr) measured.products = median(products);
  return measured;
}

// Makes up prompts of a model's vocabulary. What its words mean is no matter for the time.
class PromptMaker {
 public:
  // Throws clip::Error for a model whose context is too short for a prompt.
  PromptMaker(const clip::TextConfig& text, std::mt19937* random)
      : text_(text), random_(random), any_(0, static_cast<std::int32_t>(text.vocab_size - 1)) {
    if (text.context_length < 3 || text.vocab_size < 3) {
      throw clip::Error(clip::ErrorCode::kUnsupported,
                        fmt::format("a context of {} tokens and a vocabulary of {} are too small "
                                    "for a prompt",
                                    text.context_length, text.vocab_size));
    }
  }

  // `count` prompts that begin with the same four words and differ in the fifth, as those of a
  // template do: an encoder may compute what they have in common once.
  std::vector<clip::TokenIds> alike(std::int64_t count) {
    const clip::TokenIds common = words(std::min<std::int64_t>(4, text_.context_length - 3));
    std::vector<clip::TokenIds> prompts;
    for (std::int64_t i = 0; i < count; ++i) {
      clip::TokenIds ids = common;
      ids.push_back(word());
      prompts.push_back(framed(ids));
    }
    return prompts;
  }

  // `count` prompts that fill the context, with nothing in common.
  std::vector<clip::TokenIds> full(std::int64_t count) {
    std::vector<clip::TokenIds> prompts;
    for (std::int64_t i = 0; i < count; ++i) {
      prompts.push_back(framed(words(text_.context_length - 2)));
    }
    return prompts;
  }

 private:
  std::int32_t word() {
    std::int32_t id = 0;
    do {
      id = any_(*random_);
    } while (id == text_.start_of_text || id == text_.end_of_text);
    return id;
  }

  clip::TokenIds words(std::int64_t count) {
    clip::TokenIds ids;
    for (std::int64_t i = 0; i < count; ++i) ids.push_back(word());
    return ids;
  }

  clip::TokenIds framed(clip::TokenIds ids) const {
    ids.insert(ids.begin(), static_cast<std::int32_t>(text_.start_of_text));
    ids.push_back(static_cast<std::int32_t>(text_.end_of_text));
    return ids;
  }

  const clip::TextConfig& text_;
  std::mt19937* const random_;
  std::uniform_int_distribution<std::int32_t> any_;
};

// Those of a file, as the text tower reads them.
std::vector<clip::TokenIds> prompts_of(const TextFile& file, const clip::Model& model) {
  std::vector<clip::TokenIds> prompts;
  for (const std::string& text : read_texts(file)) {
    prompts.push_back(model.tokenizer().encode_prompt(text, model.config().text.context_length,
                                                      /*truncate=*/false));
  }
  if (prompts.empty()) throw UsageError(file.path + " holds no prompts");
  return prompts;
}

void print_header(const clip::Json& json) {
  fmt::print("{:<14}{}\n", "model", printable(json["model"].get<std::string>()));
  fmt::print("{:<14}{}, {}, {} threads\n", "engine", json["engine"].get<std::string>(),
             json["precision"].get<std::string>(), json["threads"].get<int>());
  fmt::print("{:<14}{:.2f} s\n", "load", json["load_seconds"].get<double>());
  fmt::print("{:<14}{:.0f} MiB\n\n", "peak memory",
             json["peak_memory_bytes"].get<double>() / (1 << 20));
  fmt::print("{:<42}{:>12}{:>12}{:>16}{:>8}\n", "", "ms each", "a second", "products alone",
             "ratio");
}

void print_row(const clip::Json& row) {
  fmt::print("{:<42}{:>12.3f}{:>12.1f}", row["what"].get<std::string>(),
             1000 * row["seconds_each"].get<double>(), row["per_second"].get<double>());
  if (!row["ratio"].is_null()) {
    fmt::print("{:>13.3f} ms{:>8.2f}", 1000 * row["products_seconds_each"].get<double>(),
               row["ratio"].get<double>());
  }
  fmt::print("\n");
}

clip::Json to_json(const Workload& workload, const Measured& measured) {
  const auto count = static_cast<double>(workload.count);
  clip::Json row = {{"what", workload.name},
                    {"batch", workload.count},
                    {"seconds_each", measured.seconds / count},
                    {"per_second", count / measured.seconds}};
  if (workload.length > 0) row["tokens"] = workload.length;
  const bool known = measured.products.has_value();
  row["products_seconds_each"] =
      known ? clip::Json(*measured.products / count) : clip::Json(nullptr);
  row["ratio"] = known ? clip::Json(measured.seconds / *measured.products) : clip::Json(nullptr);
  return row;
}

// Standard normal, about, as normalized pixels are.
std::vector<float> made_up_pixels(std::int64_t images, std::int64_t side, std::mt19937* random) {
  std::vector<float> pixels(static_cast<std::size_t>(images * 3 * side * side));
  std::uniform_real_distribution<float> value(-1.8F, 2.2F);
  for (float& pixel : pixels) pixel = value(*random);
  return pixels;
}

// One precision: a table, or a JSON object.
void measure_precision(const BenchmarkOptions& options, clip::Precision wanted) {
  const double start = now();
  const auto model = open_model(options.model);
  clip::EncoderOptions encoder = encoder_options(options.model);
  encoder.precision = wanted;
  const auto images = clip::open_image_encoder(model, encoder);
  const auto texts = clip::open_text_encoder(model, encoder);
  const double load_seconds = now() - start;
  const clip::ModelConfig& config = model->config();
  const char* engine = clip::resolve_engine(*model, encoder).name;
  const clip::Precision precision = clip::resolve_precision(*model, encoder);

  std::mt19937 random(1);
  const std::int64_t max = *std::max_element(options.batches.begin(), options.batches.end());
  const std::vector<float> pixels = made_up_pixels(max, config.vision.image_size, &random);
  PromptMaker maker(config.text, &random);
  const std::vector<clip::TokenIds> short_ids = maker.alike(kShortPrompts);
  const std::vector<clip::TokenIds> full_ids = maker.full(kFullPrompts);
  std::vector<clip::TokenIds> given_ids;
  if (!options.texts.empty()) given_ids = prompts_of({options.texts, options.encoding}, *model);

  std::vector<Workload> workloads;
  for (const std::int64_t batch : options.batches) {
    workloads.push_back({fmt::format("images, {} at once", batch), batch, 0,
                         [&, batch] { images->encode(pixels.data(), batch); }});
  }
  const auto prompts = [&](const char* kind, const std::vector<clip::TokenIds>& ids) {
    const auto length = static_cast<std::int64_t>(ids[0].size());
    workloads.push_back({fmt::format("prompts of {} tokens, {}", length, kind),
                         static_cast<std::int64_t>(ids.size()), length,
                         [&] { texts->encode(ids); }});
  };
  prompts("\"a photo of a ...\"", short_ids);
  prompts("all different", full_ids);
  if (!given_ids.empty()) {
    std::size_t tokens = 0;
    for (const clip::TokenIds& ids : given_ids) tokens += ids.size();
    const auto count = static_cast<std::int64_t>(given_ids.size());
    // The baseline's prompts all have the average length, rounded up.
    const auto length =
        static_cast<std::int64_t>((tokens + given_ids.size() - 1) / given_ids.size());
    workloads.push_back({fmt::format("{} prompts of the file", count), count, length,
                         [&] { texts->encode(given_ids); }});
  }

  // Once each, so that all is built and the memory's peak is known before the baselines take any.
  for (const Workload& workload : workloads) workload.encode();
  clip::Json json = {{"model", model->path()},          {"engine", engine},
                     {"precision", name_of(precision)}, {"threads", threads(options.model)},
                     {"load_seconds", load_seconds},    {"peak_memory_bytes", peak_memory()}};
  if (!options.json) print_header(json);

  clip::Json rows = clip::Json::array();
  for (const Workload& workload : workloads) {
    std::unique_ptr<clip::GemmBaseline> baseline;
    if (config.recognised && encoder.device == "cpu") {
      const auto tower = workload.length > 0 ? clip::GemmBaseline::Tower::kTexts
                                             : clip::GemmBaseline::Tower::kImages;
      baseline = std::make_unique<clip::GemmBaseline>(*model, clip::available_precision(precision),
                                                      tower, workload.count, workload.length);
      baseline->run();
    }
    rows.push_back(to_json(workload, measure(workload, baseline.get(), options.seconds)));
    if (!options.json) {
      print_row(rows.back());
      std::fflush(stdout);
    }
  }
  json["rows"] = rows;
  if (options.json) print_json(json);
}

// "1.9 days", "3.2 hours", "12 minutes".
std::string long_duration(double hours) {
  if (hours >= 48) return fmt::format("{:.1f} days", hours / 24);
  if (hours >= 1) return fmt::format("{:.1f} hours", hours);
  return fmt::format("{:.1f} minutes", 60 * hours);
}

void print_plan_row(const clip::Json& row) {
  const auto number = [&](const char* name) { return row[name].get<double>(); };
  fmt::print("{:<10}{:>10.1f}{:>10.1f}{:>10.1f}{:>14}{:>12.1f}{:>9.0f} MiB\n",
             row["precision"].get<std::string>(), number("decode_per_second"),
             number("encode_per_second"), number("images_per_second"),
             long_duration(number("hours")), number("core_hours"),
             number("peak_memory_bytes") / (1 << 20));
  std::fflush(stdout);
}

int print_plan(const BenchmarkOptions& options) {
  const auto images = parse_image_count(options.plan);
  if (!images) {
    throw UsageError(
        fmt::format("--plan takes a number of images, such as 250000, 2.5e6 or 100M; "
                    "'{}' is none",
                    options.plan));
  }
  const SampleImages samples = sample_images(options.images);
  const auto model = open_model(options.model);
  const std::int64_t dim = model->config().embedding_dim;
  const VectorBytes bytes = vector_bytes(*images, dim);
  const std::size_t cores = threads(options.model);
  if (!options.json) {
    fmt::print("{} images with {}, {} threads, measured with {}\n\n", *images,
               printable(title_of(*model)), cores, samples.what);
    fmt::print("{:<10}{:>10}{:>10}{:>10}{:>14}{:>12}{:>13}\n", "precision", "decode/s", "encode/s",
               "images/s", "takes", "core-hours", "memory");
  }
  std::vector<std::string> precisions = options.precisions;
  if (precisions.empty()) precisions = {"fp32", "bf16", "int8"};
  clip::Json rows = clip::Json::array();
  std::vector<std::string> notes;
  for (const std::string& name : precisions) {
    try {
      const MeasuredRates rates = measure_rates(model, options.model, *clip::precision_named(name),
                                                samples, options.seconds);
      rows.push_back(plan_json(*images, cores, rates));
      if (!options.json) print_plan_row(rows.back());
      if (rates.computed != rates.wanted) {
        notes.push_back(fmt::format("{} is computed in {} here", name, name_of(rates.computed)));
      }
    } catch (const clip::Error& error) {
      // What was asked for by name must be there.
      if (!options.precisions.empty() || error.code() != clip::ErrorCode::kUnsupported) throw;
      notes.push_back(fmt::format("{} is not there: {}", name, error.what()));
    }
  }
  if (options.json) {
    clip::Json json = clip::Json::object();
    clip::put_name(&json, "model", model->path());
    json["images"] = *images;
    json["threads"] = cores;
    json["measured_with"] = samples.what;
    json["plans"] = std::move(rows);
    json["vectors"] = {{"dim", dim},
                       {"float32_bytes", bytes.float32},
                       {"float16_bytes", bytes.float16},
                       {"int8_bytes", bytes.int8}};
    print_json(json);
    return kDone;
  }
  for (const std::string& note : notes) fmt::print("{}\n", note);
  fmt::print(
      "\nvectors of {} numbers: {} in float32, {} in float16, {} in int8 with a scale each\n", dim,
      size_text(bytes.float32), size_text(bytes.float16), size_text(bytes.int8));
  return kDone;
}

int run_benchmark(const BenchmarkOptions& options) {
  if (!options.plan.empty()) return print_plan(options);
  if (!options.images.empty()) throw UsageError("--image is for --plan");
  const std::vector<std::string> precisions =
      options.precisions.empty() ? std::vector<std::string>{"fp32"} : options.precisions;
  for (std::size_t i = 0; i < precisions.size(); ++i) {
    if (i > 0 && !options.json) fmt::print("\n");
    measure_precision(options, *clip::precision_named(precisions[i]));
  }
  return kDone;
}

}  // namespace

void setup_benchmark(CLI::App* benchmark, Command* command) {
  auto options = std::make_shared<BenchmarkOptions>();
  benchmark
      ->add_option("--batch", options->batches,
                   "Numbers of images encoded at once, separated by commas")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024))
      ->type_name("N,...")
      ->capture_default_str();
  benchmark
      ->add_option("--texts", options->texts,
                   "A file of prompts to encode all at once; - is standard input\n"
                   "Besides the made-up ones.")
      ->type_name("FILE");
  add_encoding_option(benchmark, &options->encoding);
  benchmark->add_option("--seconds", options->seconds, "Seconds to measure each row for, at least")
      ->check(CLI::Range(0.0, 3600.0))
      ->type_name("S")
      ->capture_default_str();
  benchmark
      ->add_option("--plan", options->plan,
                   "Print what embedding so many images takes: 250000, 2.5e6, 100M\n"
                   "On a machine like this one, from rates that are measured here.")
      ->type_name("IMAGES")
      ->group("Plan");
  benchmark
      ->add_option("--image", options->images,
                   "Images or folders to measure a plan with [made-up photographs]")
      ->type_name("PATH")
      ->group("Plan");
  benchmark->add_flag("--json", options->json, "Print one JSON object");
  add_model_options(benchmark, &options->model);
  add_precision_list(benchmark, &options->precisions,
                     "fp32, bf16, int8, fp16, or several [fp32; for --plan fp32,bf16,int8]");
  benchmark->footer(
      "\"Products alone\" is what the matrix products of the same work take by themselves, in the "
      "same\n"
      "precision; the ratio says what everything else adds. Memory is the peak so far.\n\n"
      "Examples:\n"
      "  clip-cli benchmark --model ViT-B-32.pt --batch 1,16 --precision fp32,bf16,int8\n"
      "  clip-cli benchmark --model ViT-B-32.pt --plan 100M --image photos");
  benchmark->callback([=] { *command = [=] { return run_benchmark(*options); }; });
}

}  // namespace clip_cli
