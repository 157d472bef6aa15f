#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/sha256.h"
#include "checkpoint/checkpoint.h"
#include "clip/embeddings.h"
#include "clip/error.h"
#include "clip/image_embedder.h"
#include "clip/text_embedder.h"
#include "clip/zero_shot.h"
#include "commands/models.h"
#include "exit_code.h"
#include "options/input_options.h"
#include "options/label_options.h"
#include "options/model_lookup.h"
#include "options/model_options.h"
#include "run/precision_check.h"
#include "terminal/interrupt.h"
#include "terminal/text.h"
#include "writers/print_json.h"
#include "zero_shot/prompt_templates.h"

namespace clip_cli {
namespace {

using Scores = std::vector<std::vector<double>>;  // of each image with each prompt

constexpr const char* kNative = "native";
constexpr const char* kTorchScript = "torchscript";
constexpr const char* kLibTorch = "libtorch";

// Allowed differences of 100 x cosine: between the two engines, and of the demo model's scores from
// those that are stored with it.
constexpr double kMaxEngineDifference = 0.01;
constexpr double kMaxStoredDifference = 0.01;

// OpenAI's README: ViT-B/32 on the package's CLIP.png.
std::vector<std::string> known_prompts() {
  return {"a diagram", "a dog", "a cat"};
}
std::vector<double> known_probabilities() {
  return {0.9927937, 0.00421068, 0.00299572};
}
constexpr double kMaxKnownDifference = 0.002;

std::vector<std::string> check_prompts() {
  return {"a photo of a cat", "a photo of a dog", "a diagram", "a bowl of fruit on a table"};
}

struct CheckOptions {
  std::string image;
  ImageInputs images;  // by which precisions are compared
  std::vector<std::string> precisions = {"bf16", "int8"};
  LabelOptions labels;
  bool json = false;
  ModelOptions model;
};

constexpr const char* kDefaultLabels = "cifar100";
constexpr const char* kPrompt = "a photo of a {}";

class Checker {
 public:
  explicit Checker(const CheckOptions& options)
      : options_(options), model_(open_model(options.model)) {}

  int run() {
    if (!options_.image.empty()) {
      check_known_answers();
    } else if (is_demo()) {
      check_stored_scores();
    } else {
      check_engines();
    }
    return passed_ ? kDone : kFailed;
  }

 private:
  bool is_demo() const {
    const std::string demo = shipped_file(kDemoFile);
    std::error_code error;
    return !demo.empty() && std::filesystem::equivalent(model_->path(), demo, error);
  }

  // 100 x cosine of each image with each prompt, as an engine computes it.
  Scores scores(const std::string& engine, const std::vector<std::string>& images,
                const std::vector<std::string>& prompts) {
    return scores_of(model_, engine, images, prompts);
  }

  Scores scores_of(const std::shared_ptr<const clip::Model>& model, const std::string& engine,
                   const std::vector<std::string>& images,
                   const std::vector<std::string>& prompts) {
    clip::TextOptions text;
    text.encoder = encoder_options(options_.model);
    text.encoder.engine = engine;
    const clip::Embeddings embedded = clip::TextEmbedder(model, text).embed(prompts);

    Scores scores;
    clip::EmbedOptions embed;
    embed.encoder = text.encoder;
    std::size_t given = 0;
    const auto next_image = [&](clip::ImageSource* source) {
      if (given == images.size()) return false;
      source->name = images[given++];
      return true;
    };
    clip::ImageEmbedder embedder(model, next_image, embed);
    for (std::vector<clip::ImageResult> batch; embedder.next(&batch);) {
      for (const clip::ImageResult& result : batch) {
        if (result.error) throw *result.error;
        scores.push_back(clip::cosines_with(result.embedding, embedded));
        for (double& score : scores.back()) score *= 100;
      }
    }
    return scores;
  }

  void report(const std::string& what, double difference, double allowed) {
    const bool passed = difference <= allowed;
    passed_ = passed_ && passed;
    if (options_.json) {
      print_json(
          {{"check", what}, {"difference", difference}, {"allowed", allowed}, {"passed", passed}});
    } else {
      fmt::print("{:<60} {:.6f} (at most {}) {}\n", printable(what), difference, allowed,
                 passed ? "ok" : "WRONG");
    }
  }

  static double max_difference(const std::vector<double>& a, const std::vector<double>& b) {
    double max = 0;
    for (std::size_t i = 0; i < a.size(); ++i) max = std::max(max, std::fabs(a[i] - b[i]));
    return max;
  }

  std::string shipped(const std::string& name) {
    const std::string path = shipped_file(name);
    if (path.empty()) {
      throw clip::Error(
          clip::ErrorCode::kNotFound,
          fmt::format(
              "{} is missing; it comes with clip-cli, in share/clip-cli or the sources' data",
              name));
    }
    return path;
  }

  void check_engines() {
    const std::vector<std::string> images = {shipped("photos/chelsea.jpg")};
    // Weights without code of their own are computed by LibTorch's operators.
    const bool has_code = model_->checkpoint().has_code();
    const char* other = has_code ? kTorchScript : kLibTorch;
    const std::vector<double> wanted = scores(other, images, check_prompts())[0];
    const double difference = max_difference(scores(kNative, images, check_prompts())[0], wanted);
    report(fmt::format("native against {}, photos/chelsea.jpg, 100 x cosine", other), difference,
           kMaxEngineDifference);
    if (has_code && difference > kMaxEngineDifference) warn_of_activation(images, wanted);
  }

  // A TorchScript file does not state its activation; where its own code computes as another one
  // would, that is why the engines differ.
  void warn_of_activation(const std::vector<std::string>& images,
                          const std::vector<double>& wanted) {
    const clip::Activation assumed = model_->config().text.activation;
    for (const clip::Activation activation :
         {clip::Activation::kQuickGelu, clip::Activation::kGelu, clip::Activation::kGeluTanh}) {
      clip::OpenOptions open = options_.model.open;
      open.assumed_activation = activation;
      const auto model = clip::Model::open(model_->path(), open);
      if (model->config().text.activation == assumed) continue;
      const double difference =
          max_difference(scores_of(model, kNative, images, check_prompts())[0], wanted);
      if (difference > kMaxEngineDifference) continue;
      notice(
          fmt::format("the code of {} computes with {}, and {} is assumed; --engine torchscript "
                      "runs it as it is, and scripts/export_torchscript.py writes exports that "
                      "state their activation",
                      model_->path(), name_of(activation), name_of(assumed)));
    }
  }

  void check_known_answers() {
    const std::string sha256 = clip::sha256(model_->checkpoint().files().front()->bytes());
    const clip::PublishedModel* published = clip::find_by_sha256(sha256);
    if (published == nullptr || published != clip::find_by_name("ViT-B/32")) {
      throw clip::Error(
          clip::ErrorCode::kInvalidArgument,
          fmt::format(
              "answers to --image are known of the published ViT-B/32 alone, which {} is not",
              model_->path()));
    }
    for (const char* engine : {kNative, kTorchScript}) {
      std::vector<double> cosines = scores(engine, {options_.image}, known_prompts())[0];
      for (double& each : cosines) each /= 100;
      const auto found =
          clip::probabilities(cosines.data(), cosines.size(), model_->config().logit_scale);
      report(fmt::format("{} against OpenAI's probabilities for CLIP.png", engine),
             max_difference(found, known_probabilities()), kMaxKnownDifference);
    }
  }

  // The demo model's images, prompts and scores lie beside it.
  void check_stored_scores() {
    const clip::Json stored =
        clip::parse_json(clip::read_file(shipped("demo/expected_scores.json")));
    const auto prompts = stored.at("texts").get<std::vector<std::string>>();
    std::vector<std::string> images;
    Scores expected;
    for (const clip::Json& image : stored.at("images")) {
      images.push_back(shipped("demo/" + image.at("image").get<std::string>()));
      expected.push_back(image.at("scores").get<std::vector<double>>());
    }
    for (const char* engine : {kNative, kTorchScript}) {
      const Scores found = scores(engine, images, prompts);
      double max = 0;
      for (std::size_t i = 0; i < found.size(); ++i) {
        max = std::max(max, max_difference(found[i], expected[i]));
      }
      report(fmt::format("{} against the stored scores, 100 x cosine", engine), max,
             kMaxStoredDifference);
    }
  }

  const CheckOptions& options_;
  const std::shared_ptr<const clip::Model> model_;
  bool passed_ = true;
};

clip::Json json_of(const PrecisionQuality& quality) {
  return {{"precision", name_of(quality.precision)},
          {"mean_image_cosine", quality.mean_image_cosine},
          {"min_image_cosine", quality.min_image_cosine},
          {"mean_text_cosine", quality.mean_text_cosine},
          {"min_text_cosine", quality.min_text_cosine},
          {"mean_score_difference", quality.mean_score_difference},
          {"max_score_difference", quality.max_score_difference},
          {"same_first", quality.same_first},
          {"same_order", quality.same_order}};
}

std::vector<std::string> prompts_of(LabelOptions options) {
  if (options.list.empty() && options.file.empty() && options.set.empty()) {
    options.set = kDefaultLabels;
  }
  std::vector<std::string> prompts;
  for (const clip::Label& label : read_labels(options)) {
    if (label.prompts.empty()) {
      prompts.push_back(clip::fill_template(kPrompt, label.name));
    } else {
      prompts.push_back(label.prompts.front());
    }
  }
  return prompts;
}

// What precisions cost this model, on the images that are named.
int compare_precisions(const CheckOptions& options) {
  clip::CancelToken stop(&interrupts());
  ImageSources sources = image_sources(options.images, walk_options(options.images, &stop), &stop);
  clip::EmbedOptions embed;
  embed.encoder = encoder_options(options.model);
  const std::vector<std::string> prompts = prompts_of(options.labels);
  const auto model = open_model(options.model);
  PrecisionCheck check(
      model, [&](clip::ImageSource* source) { return sources.next(source); }, prompts, embed);
  if (!options.json) {
    fmt::print("{} images, {} prompts, against fp32\n", check.images(), prompts.size());
    fmt::print("{:<10}{:>22}{:>22}{:>20}{:>12}{:>12}\n", "precision", "image cosine", "text cosine",
               "score difference", "same first", "same order");
    fmt::print("{:<10}{:>22}{:>22}{:>20}\n", "", "mean       min", "mean       min",
               "mean      max");
  }
  for (const std::string& name : options.precisions) {
    const PrecisionQuality quality = check.quality_in(*clip::precision_named(name));
    if (options.json) {
      clip::Json json = json_of(quality);
      json["images"] = check.images();
      json["prompts"] = prompts.size();
      print_json(json);
      continue;
    }
    fmt::print(
        "{:<10}{:>11.6f}{:>11.6f}{:>11.6f}{:>11.6f}{:>10.3f}{:>10.3f}{:>10.1f} %{:>10.1f} %\n",
        name, quality.mean_image_cosine, quality.min_image_cosine, quality.mean_text_cosine,
        quality.min_text_cosine, quality.mean_score_difference, quality.max_score_difference,
        100 * quality.same_first, 100 * quality.same_order);
  }
  return check.failed() > 0 ? kFailed : kDone;
}

int run_check(const CheckOptions& options) {
  if (!options.images.named.empty() || !options.images.list.empty()) {
    return compare_precisions(options);
  }
  return Checker(options).run();
}

}  // namespace

namespace {

void set_up(CLI::App* check, Command* command) {
  auto options = std::make_shared<CheckOptions>();
  check->add_option("MODEL", options->model.named, "A model's name or path [the default model]")
      ->envname("CLIP_MODEL")
      ->type_name("");
  check
      ->add_option("IMAGE", options->images.named,
                   "Images and folders: compare precisions on them instead")
      ->type_name("");
  add_precision_list(check, &options->precisions,
                     "Precisions to compare with fp32, on images [bf16,int8]");
  add_label_options(check, &options->labels);
  check
      ->add_option("--image", options->image,
                   "CLIP.png of OpenAI's package: compare with its published scores")
      ->type_name("FILE");
  check->add_flag("--json", options->json, "Print one JSON object per comparison");
  check->footer(
      "With images, the embeddings and scores in other precisions are compared with those in fp32: "
      "how\n"
      "far they move, how many images keep their first prompt of \"a photo of a LABEL\", and how "
      "many\n"
      "pairs of prompts their order. The labels are those of CIFAR-100 unless others are named.\n\n"
      "Examples:\n"
      "  clip-cli models self-test demo\n"
      "  clip-cli models self-test ViT-B/32 photos/\n"
      "  clip-cli models self-test ViT-B/32\n"
      "  clip-cli models self-test ViT-B/32 --image CLIP.png");
  check->callback([=] { *command = [=] { return run_check(*options); }; });
}

}  // namespace

void setup_models_self_test(CLI::App* models, Command* command) {
  set_up(models->add_subcommand("self-test",
                                "Compare engines on an image, or precisions on images of your own"),
         command);
  // Its old name, in scripts.
  set_up(models->add_subcommand("check", "")->group(""), command);
}

}  // namespace clip_cli
