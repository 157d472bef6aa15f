#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "commands/models.h"
#include "error.h"
#include "errors.h"
#include "image/file_bytes.h"
#include "image/preprocess.h"
#include "model/sha256.h"
#include "model_lookup.h"
#include "options.h"
#include "pipeline/image_batch.h"
#include "pipeline/prompts.h"
#include "ui/json.h"
#include "ui/text.h"
#include "zero_shot/similarity.h"

namespace clip_cli {
namespace {

// Of 100 x cosine: what the two engines may differ by, and what the demo model's scores may differ
// by from those that were stored with it.
constexpr double kEngines = 0.01;
constexpr double kStored = 0.01;

// OpenAI's README: ViT-B/32 on the package's CLIP.png.
const std::vector<std::string> kKnownPrompts = {"a diagram", "a dog", "a cat"};
constexpr double kKnownProbabilities[] = {0.9927937, 0.00421068, 0.00299572};
constexpr double kKnownTolerance = 0.002;

const std::vector<std::string> kPrompts = {"a photo of a cat", "a photo of a dog", "a diagram",
                                           "a bowl of fruit on a table"};

struct CheckOptions {
  std::string picture;
  bool json = false;
  ModelOptions model;
};

class Checker {
 public:
  explicit Checker(const CheckOptions& options)
      : options_(options), model_(open_model(options.model)) {}

  int run() {
    if (!options_.picture.empty()) {
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

  // 100 x cosine of one picture with the prompts.
  std::vector<double> score(clip::Engine engine, const std::string& picture,
                            const std::vector<std::string>& prompts) {
    auto& encoder = encoders_[engine];
    if (encoder == nullptr) {
      ModelOptions options = options_.model;
      options.encoder.engine = engine;
      encoder = open_encoder(model_, options);
    }
    const clip::ModelConfig& config = model_->config();
    const auto pixels =
        clip::preprocess(clip::decode_file(picture, {}), clip::preprocess_rule(config));
    clip::Embeddings image = encoder->encode_images(pixels.data(), 1);
    clip::normalize(&image);
    const auto texts = clip::embed_prompts(
        encoder.get(), clip::tokenize_prompts(clip::Tokenizer(), config, prompts, false));
    std::vector<double> scores = clip::cosines_with(image.row(0), texts);
    for (double& each : scores) each *= 100;
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

  static double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
    double largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::fabs(a[i] - b[i]));
    return largest;
  }

  std::string shipped(const std::string& name) {
    const std::string path = shipped_file(name);
    if (path.empty()) {
      throw clip::Error(fmt::format(
          "{} is not there; it comes with clip-cli, in share/clip-cli or the sources' data", name));
    }
    return path;
  }

  void check_engines() {
    const std::string picture = shipped("photos/chelsea.jpg");
    report("native against torchscript, photos/chelsea.jpg, 100 x cosine",
           largest_difference(score(clip::Engine::kNative, picture, kPrompts),
                              score(clip::Engine::kTorchScript, picture, kPrompts)),
           kEngines);
  }

  void check_known_answers() {
    const std::string sha256 = clip::sha256(model_->file().data(), model_->file().size());
    const clip::PublishedModel* published = clip::find_by_sha256(sha256);
    if (published == nullptr || published != clip::find_by_name("ViT-B/32")) {
      throw clip::Error(fmt::format(
          "answers to --picture are known of the published ViT-B/32 alone, which {} is not",
          model_->path()));
    }
    for (const auto engine : {clip::Engine::kNative, clip::Engine::kTorchScript}) {
      std::vector<double> cosines = score(engine, options_.picture, kKnownPrompts);
      for (double& each : cosines) each /= 100;
      const auto found =
          clip::probabilities(cosines.data(), cosines.size(), model_->config().logit_scale);
      report(fmt::format("{} against OpenAI's probabilities for CLIP.png", name_of(engine)),
             largest_difference(found,
                                {std::begin(kKnownProbabilities), std::end(kKnownProbabilities)}),
             kKnownTolerance);
    }
  }

  // The demo model's pictures, prompts and scores lie beside it.
  void check_stored_scores() {
    const auto stored = Json::parse(clip::read_file(shipped("demo/expected_scores.json")));
    const auto prompts = stored.at("texts").get<std::vector<std::string>>();
    for (const auto engine : {clip::Engine::kNative, clip::Engine::kTorchScript}) {
      double largest = 0;
      for (const auto& picture : stored.at("images")) {
        const std::string path = shipped("demo/" + picture.at("image").get<std::string>());
        largest =
            std::max(largest, largest_difference(score(engine, path, prompts),
                                                 picture.at("scores").get<std::vector<double>>()));
      }
      report(fmt::format("{} against the stored scores, 100 x cosine", name_of(engine)), largest,
             kStored);
    }
  }

  static const char* name_of(clip::Engine engine) {
    return engine == clip::Engine::kNative ? "native" : "torchscript";
  }

  const CheckOptions& options_;
  const std::shared_ptr<const clip::ModelFile> model_;
  std::map<clip::Engine, std::unique_ptr<clip::Encoder>> encoders_;  // opened when asked for
  bool passed_ = true;
};

int run_check(const CheckOptions& options) {
  return Checker(options).run();
}

}  // namespace

void setup_models_check(CLI::App* models, std::function<int()>* command) {
  CLI::App* check = models->add_subcommand(
      "check", "Prove an installation: score a picture in both engines, and compare");
  auto options = std::make_shared<CheckOptions>();
  check->add_option("MODEL", options->model.named, "A name, or a path [the default model]")
      ->type_name("");
  check
      ->add_option("--picture", options->picture,
                   "OpenAI's CLIP.png, for which ViT-B/32's probabilities are known")
      ->type_name("FILE");
  check->add_flag("--json", options->json, "Print an object a comparison");
  check->footer(
      "Examples:\n"
      "  clip-cli models check demo\n"
      "  clip-cli models check ViT-B/32\n"
      "  clip-cli models check ViT-B/32 --picture CLIP.png");
  check->callback([=] { *command = [=] { return run_check(*options); }; });
}

}  // namespace clip_cli
