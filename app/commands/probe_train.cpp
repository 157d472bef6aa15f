// `clip-cli probe train`: a linear classifier on embeddings that `embed` has stored.
#include <fmt/format.h>
#include <omp.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/cpu.h"
#include "base/strings.h"
#include "clip/error.h"
#include "commands/probe.h"
#include "embedding/npy_rows.h"
#include "exit_code.h"
#include "input/embedding_lines.h"
#include "input/label_table.h"
#include "options/encoding_option.h"
#include "probe/probe.h"
#include "probe/train.h"
#include "terminal/columns.h"
#include "terminal/interrupt.h"
#include "terminal/status_line.h"
#include "terminal/text.h"
#include "usage_error.h"
#include "writers/output.h"
#include "writers/print_json.h"

namespace clip_cli {
namespace {

struct ProbeTrainOptions {
  std::string embeddings, output, labels, encoding;
  double l2 = -1, held_out = 0.2;
  std::uint64_t seed = 0;
  int max_iterations = 1000, threads = 0;
  bool json = false, quiet = false;
};

// What a probe is trained on.
struct TrainingSet {
  std::vector<std::string> classes;    // sorted
  std::vector<std::int64_t> of_class;  // rows of each
  clip::LabelledRows rows;
  std::string model;
  std::uint64_t failed = 0;      // rows without an embedding
  std::uint64_t unlabelled = 0;  // rows that the table of labels does not have
  std::string first_unlabelled;
};

// "photos/cat/1.jpg": "cat".
std::string folder_of(const std::string& image) {
  const std::size_t slash = image.rfind('/');
  if (slash == std::string::npos || slash == 0) return "";
  return std::string(clip::base_name(std::string_view(image).substr(0, slash)));
}

// Numbers by their size, all else by bytes.
bool comes_before(const std::string& a, const std::string& b) {
  const auto is_number = [](const std::string& text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  };
  if (is_number(a) && is_number(b)) return std::tuple(a.size(), a) < std::tuple(b.size(), b);
  return a < b;
}

void check_row(const clip::NpyRows& vectors, std::int64_t row, const std::string& image,
               std::vector<float>* numbers) {
  vectors.read(row, 1, numbers->data());
  double square = 0;
  for (const float number : *numbers) square += double(number) * number;
  if (std::isfinite(square) && square > 0) return;
  throw clip::Error(clip::ErrorCode::kCorrupt,
                    fmt::format("{}, row {} ({}): the embedding {}, so nothing can be learned from "
                                "it; make it anew with `clip-cli embed`",
                                vectors.path(), row, image,
                                square == 0 ? "is all zeros" : "has numbers that are not finite"));
}

TrainingSet read_training_set(const ProbeTrainOptions& options, const clip::NpyRows& vectors,
                              const clip::CancelToken* stop) {
  std::unordered_map<std::string, std::string> labels;
  if (!options.labels.empty()) labels = read_label_table(options.labels, options.encoding, stop);
  TrainingSet set;
  std::unordered_map<std::string, std::int32_t> places;  // of classes, as they come
  std::vector<std::string> names;
  EmbeddingLines lines(options.embeddings, vectors.count(), stop);
  std::vector<float> numbers(static_cast<std::size_t>(vectors.dim()));
  for (EmbeddingLine line; lines.next(&line);) {
    if (stop->cancelled()) break;
    if (line.error) {
      ++set.failed;
      continue;
    }
    std::string label;
    if (!options.labels.empty()) {
      const auto found = labels.find(line.image);
      if (found == labels.end()) {
        if (set.unlabelled++ == 0) set.first_unlabelled = line.image;
        continue;
      }
      label = found->second;
    } else {
      label = line.label.empty() ? folder_of(line.image) : line.label;
      if (label.empty()) {
        throw clip::Error(clip::ErrorCode::kInvalidArgument,
                          fmt::format("{} lies in no folder that could name its class; name a "
                                      "table of labels with --labels",
                                      line.image));
      }
    }
    check_row(vectors, lines.row(), line.image, &numbers);
    const auto [place, is_new] = places.emplace(label, static_cast<std::int32_t>(places.size()));
    if (is_new) names.push_back(label);
    set.rows.rows.push_back(static_cast<std::uint32_t>(lines.row()));
    set.rows.classes.push_back(place->second);
  }
  if (stop->cancelled()) throw clip::Error(clip::ErrorCode::kCancelled, "interrupted");
  set.model = lines.model();
  set.classes = names;
  std::sort(set.classes.begin(), set.classes.end(), comes_before);
  std::vector<std::int32_t> sorted(names.size());
  for (std::size_t i = 0; i < set.classes.size(); ++i) {
    sorted[static_cast<std::size_t>(places.at(set.classes[i]))] = static_cast<std::int32_t>(i);
  }
  set.of_class.resize(set.classes.size());
  for (std::int32_t& each : set.rows.classes) {
    each = sorted[static_cast<std::size_t>(each)];
    ++set.of_class[static_cast<std::size_t>(each)];
  }
  return set;
}

// Tells what was left out, and throws where nothing can be learned.
void check_set(const ProbeTrainOptions& options, const TrainingSet& set) {
  if (set.unlabelled > 0 && (!options.quiet || set.classes.empty())) {
    notice(fmt::format("{} embedding{} left out, whose image {} does not have: {} for one",
                       set.unlabelled, set.unlabelled == 1 ? " was" : "s were", options.labels,
                       set.first_unlabelled));
  }
  if (set.failed > 0 && !options.quiet) {
    notice(fmt::format("{} row{} left out, whose image had failed", set.failed,
                       set.failed == 1 ? " was" : "s were"));
  }
  if (set.classes.empty()) {
    throw clip::Error(clip::ErrorCode::kNotFound,
                      fmt::format("{} has no embedding with a label", options.embeddings));
  }
  if (set.classes.size() == 1) {
    throw clip::Error(
        clip::ErrorCode::kInvalidArgument,
        fmt::format("all {} embeddings are of one class, {}; a probe tells at least two apart",
                    set.rows.count(), set.classes.front()));
  }
}

clip::Json json_of(const ProbeTrainOptions& options, const TrainingSet& set,
                   const clip::Trained& trained) {
  clip::Json json = clip::Json::object();
  clip::put_name(&json, "probe", options.output);
  json["model"] = set.model;
  json["rows"] = set.rows.count();
  json["failed"] = set.failed;
  json["unlabelled"] = set.unlabelled;
  json["l2"] = trained.l2;
  const bool swept = !trained.tried.empty();
  json["held_out"] = trained.validation.rows;
  json["validation_accuracy"] =
      swept ? clip::Json(trained.validation.accuracy()) : clip::Json(nullptr);
  json["training_accuracy"] = trained.training.accuracy();
  json["iterations"] = trained.iterations;
  json["converged"] = trained.converged;
  clip::Json classes = clip::Json::array(), sweep = clip::Json::array();
  for (std::size_t i = 0; i < set.classes.size(); ++i) {
    classes.push_back({{"label", set.classes[i]}, {"rows", set.of_class[i]}});
  }
  for (const clip::TriedStrength& each : trained.tried) {
    sweep.push_back({{"l2", each.l2},
                     {"accuracy", each.accuracy},
                     {"cross_entropy", each.cross_entropy},
                     {"iterations", each.iterations},
                     {"converged", each.converged}});
  }
  json["classes"] = std::move(classes);
  json["sweep"] = std::move(sweep);
  return json;
}

void print_text(const ProbeTrainOptions& options, const TrainingSet& set,
                const clip::Trained& trained) {
  const auto line = [](const char* what, const std::string& value) {
    fmt::print("{:<22}{}\n", what, value);
  };
  line("probe", printable(options.output));
  line("classes", fmt::format("{}", set.classes.size()));
  line("embeddings", fmt::format("{}", set.rows.count()));
  line("L2", fmt::format("{:.4g}{}", trained.l2, trained.tried.empty() ? ", as given" : ""));
  if (!trained.tried.empty()) {
    line("validation accuracy",
         fmt::format("{:.2f} % of {} held out", 100 * trained.validation.accuracy(),
                     trained.validation.rows));
  }
  line("training accuracy", fmt::format("{:.2f} %", 100 * trained.training.accuracy()));
  if (trained.tried.empty()) return;
  fmt::print("\n{:>12}  {:>10}  {:>14}  {:>10}\n", "L2", "accuracy", "cross-entropy", "iterations");
  for (const clip::TriedStrength& each : trained.tried) {
    fmt::print("{:>12.4g}  {:>8.2f} %  {:>14.4f}  {:>10}{}\n", each.l2, 100 * each.accuracy,
               each.cross_entropy, each.iterations, each.l2 == trained.l2 ? "  taken" : "");
  }
}

int run_probe_train(const ProbeTrainOptions& options) {
  if (clip::extension_of(options.embeddings) != "npy") {
    throw UsageError(
        fmt::format("{} is not NAME.npy, as `clip-cli embed --output NAME.npy` writes "
                    "embeddings",
                    options.embeddings));
  }
  catch_interrupts();
  clip::CancelToken stop(&interrupts());
  omp_set_num_threads(options.threads > 0 ? options.threads : clip::usable_processors());
  const clip::NpyRows vectors(options.embeddings);
  // Whatever cannot be written should be known before anything is computed.
  Output output = Output::replacing(options.output);
  const TrainingSet set = read_training_set(options, vectors, &stop);
  check_set(options, set);

  StatusLine status(options.quiet);
  clip::TrainOptions train;
  train.l2 = options.l2;
  train.held_out = options.held_out;
  train.seed = options.seed;
  train.max_iterations = options.max_iterations;
  train.stop = &stop;
  train.progress = [&](int step, int steps) {
    status.show(fmt::format("training {} of {}", step, steps));
  };
  const clip::Trained trained =
      train_probe(vectors, set.rows, static_cast<std::int64_t>(set.classes.size()), train);
  status.clear();
  if (!trained.converged && !options.quiet) {
    notice(
        fmt::format("{} iterations were not enough to reach the minimum; --max-iterations "
                    "allows more",
                    trained.iterations));
  }

  clip::Probe probe;
  probe.classifier = trained.classifier;
  probe.classes = set.classes;
  probe.model = set.model;
  probe.l2 = trained.l2;
  if (!trained.tried.empty()) probe.validation_accuracy = trained.validation.accuracy();
  output.write(probe_file(probe));
  output.commit();
  if (options.json) {
    print_json(json_of(options, set, trained));
  } else {
    print_text(options, set, trained);
  }
  return kDone;
}

}  // namespace

void setup_probe_train(CLI::App* probe, Command* command) {
  CLI::App* train = probe->add_subcommand(
      "train", "Train a linear classifier on embeddings that `embed` has written");
  auto options = std::make_shared<ProbeTrainOptions>();
  train
      ->add_option("EMBEDDINGS", options->embeddings,
                   "NAME.npy, with NAME.jsonl beside it, as `embed --output` writes them")
      ->required()
      ->type_name("");
  train
      ->add_option("-o,--output", options->output, "The file to write the probe to, in safetensors")
      ->required()
      ->type_name("FILE");
  train
      ->add_option(
          "--labels", options->labels,
          "Table of labels: CSV with image and label [the images' folders]\n"
          "Or FILE.jsonl with the fields image and label, such as `classify` writes. Without it, "
          "the folder that an image lies in is its label.")
      ->type_name("FILE")
      ->group("Labels");
  add_encoding_option(train, &options->encoding, "Labels");
  train
      ->add_option("--l2", options->l2,
                   "Strength of the penalty on the weights [the best of 1e-6 to 1e6]\n"
                   "It is 1/C of scikit-learn's LogisticRegression. The best one is found by the "
                   "embeddings that are held out.")
      ->check(CLI::Range(0.0, 1e12))
      ->type_name("L2");
  train
      ->add_option("--held-out", options->held_out,
                   "Share of each class that is held out to choose the strength")
      ->check(CLI::Range(0.001, 0.999))
      ->type_name("SHARE")
      ->capture_default_str();
  train->add_option("--seed", options->seed, "Number that decides which embeddings are held out")
      ->type_name("N")
      ->capture_default_str();
  train
      ->add_option("--max-iterations", options->max_iterations,
                   "Maximum iterations of L-BFGS for each strength")
      ->check(CLI::Range(1, 1000000))
      ->type_name("N")
      ->capture_default_str();
  train
      ->add_option("--threads", options->threads,
                   "Threads to compute with [one for each processor]\n"
                   "Processors are those that this process may use.")
      ->check(CLI::Range(1, 1024))
      ->type_name("N");
  train->add_flag("--json", options->json, "Print one JSON object");
  train->add_flag("-q,--quiet", options->quiet, "Print no progress and no notices");
  train->footer(
      "The strength of the penalty is swept as in CLIP's paper: by the accuracy on what is held "
      "out, of\nequal ones by the cross-entropy; then the probe is trained on all embeddings.\n\n"
      "Example:\n"
      "  clip-cli embed pets/train --output pets.npy && clip-cli probe train pets.npy --output "
      "pets.safetensors");
  train->callback([=] { *command = [=] { return run_probe_train(*options); }; });
}

}  // namespace clip_cli
