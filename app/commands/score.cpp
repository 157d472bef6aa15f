#include "commands/score.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "errors.h"
#include "options.h"
#include "pipeline/image_batch.h"
#include "pipeline/prompts.h"
#include "ui/input_lists.h"
#include "ui/json.h"
#include "ui/text.h"
#include "zero_shot/similarity.h"

namespace clip_cli {
namespace {

// Pictures scored at once; the same number again is decoded beside them.
constexpr std::size_t kBatch = 16;

struct ScoreOptions {
  std::string positional_image;         // the first argument, whatever it turns out to be
  std::vector<std::string> positional;  // the others
  std::vector<std::string> images, texts;
  std::string image_list, text_list;
  bool json = false, truncate = false, nul_separated = false;
  ModelOptions model;
  ImageOptions image;
};

struct Inputs {
  std::vector<std::string> images, texts;
};

bool is_file(const std::string& path) {
  struct stat info = {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

bool looks_like_picture_name(const std::string& text) {
  for (const char* ending : {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}) {
    const std::string suffix = ending;
    if (text.size() > suffix.size() &&
        text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0) {
      return true;
    }
  }
  return false;
}

// IMAGE... TEXT...: the first argument is a picture, and so is each one after it that names a file,
// up to the first that does not. Where options name the pictures, or the prompts, all arguments are
// of the other kind.
void sort_positional(const ScoreOptions& options, Inputs* inputs) {
  std::vector<std::string> all = options.positional;
  if (!options.positional_image.empty()) all.insert(all.begin(), options.positional_image);
  auto split = all.begin();
  if (!options.texts.empty() || !options.text_list.empty()) {
    split = all.end();
  } else if (inputs->images.empty() && options.image_list.empty() && !all.empty()) {
    split = std::find_if_not(all.begin() + 1, all.end(), is_file);
  }
  inputs->images.insert(inputs->images.begin(), all.begin(), split);
  inputs->texts.insert(inputs->texts.begin(), split, all.end());
  for (auto text = split; text != all.end(); ++text) {
    if (looks_like_picture_name(*text)) {
      notice(fmt::format("'{}' is taken as a prompt; name pictures with --image", *text));
    }
  }
}

Inputs gather(const ScoreOptions& options) {
  if (options.image_list == "-" && options.text_list == "-") {
    throw UsageError("--images and --texts cannot both read standard input");
  }
  Inputs inputs{options.images, options.texts};
  sort_positional(options, &inputs);
  if (!options.image_list.empty()) {
    PathList list(options.image_list, options.nul_separated);
    for (std::string path; list.next(&path);) inputs.images.push_back(path);
  }
  if (!options.text_list.empty()) {
    const auto listed = read_texts(options.text_list);
    inputs.texts.insert(inputs.texts.end(), listed.begin(), listed.end());
  }
  if (inputs.images.empty()) throw UsageError("no picture: give one, or a list with --images FILE");
  if (inputs.texts.empty()) throw UsageError("no prompt: give one, or a list with --texts FILE");
  return inputs;
}

// One picture's row of the matrix, ready to print.
struct Scores {
  const std::string& image;
  const double* cosines;
  std::vector<double> probabilities;
};

Json to_json(const Scores& scores, const Inputs& inputs, const std::string& model) {
  Json pairs = Json::array();
  for (std::size_t i = 0; i < inputs.texts.size(); ++i) {
    pairs.push_back({{"text", inputs.texts[i]},
                     {"cosine", scores.cosines[i]},
                     {"score", 100 * scores.cosines[i]},
                     {"probability", scores.probabilities[i]}});
  }
  return {{"image", scores.image}, {"model", model}, {"scores", pairs}};
}

void print_pairs(const Scores& scores, const Inputs& inputs) {
  if (inputs.images.size() > 1) fmt::print("{}\n", printable(scores.image));
  for (std::size_t i = 0; i < inputs.texts.size(); ++i) {
    fmt::print("{:9.4f}", 100 * scores.cosines[i]);
    if (inputs.texts.size() > 1) fmt::print("  {:8.4f} %", 100 * scores.probabilities[i]);
    fmt::print("  {}\n", printable(inputs.texts[i]));
  }
}

void report_failure(const clip::ImageResult& result, const ScoreOptions& options,
                    const std::string& model) {
  notice(result.error);
  if (options.json) {
    print_json({{"image", result.path}, {"model", model}, {"error", result.error}});
  }
}

int run_score(const ScoreOptions& options) {
  const Inputs inputs = gather(options);
  const auto model = open_model(options.model);
  const clip::ModelConfig& config = model->config();
  // Prompts first: one that is too long should not cost the wait for the weights.
  const auto ids =
      clip::tokenize_prompts(clip::Tokenizer(), config, inputs.texts, options.truncate);
  // The first pictures are decoded while the weights are read.
  auto path = inputs.images.begin();
  clip::StreamOptions stream_options;
  stream_options.decode = decode_options(options.image, config);
  stream_options.workers =
      static_cast<int>(std::min<std::size_t>(inputs.images.size(), threads(options.model)));
  stream_options.ahead = 2 * kBatch;
  clip::ImageStream stream(
      [&](clip::PicturePath* next) {
        if (path == inputs.images.end()) return false;
        next->path = *path++;
        return true;
      },
      clip::preprocess_rule(config), stream_options);
  const auto encoder = open_encoder(model, options.model);
  const clip::Embeddings prompts = clip::embed_prompts(encoder.get(), ids);

  bool failed = false;
  for (clip::ImageBatch batch; clip::embed_next(&stream, encoder.get(), kBatch, &batch);) {
    const std::vector<double> cosines = clip::cosine_matrix(batch.embeddings, prompts);
    const double* row = cosines.data();
    for (const clip::ImageResult& result : batch.results) {
      if (!result.error.empty()) {
        failed = true;
        report_failure(result, options, model->path());
        continue;
      }
      const Scores scores{result.path, row,
                          clip::probabilities(row, inputs.texts.size(), config.logit_scale)};
      if (options.json) {
        print_json(to_json(scores, inputs, model->path()));
      } else {
        print_pairs(scores, inputs);
      }
      row += inputs.texts.size();
    }
    std::fflush(stdout);
  }
  return failed ? kFailed : kDone;
}

}  // namespace

void setup_score(CLI::App* app, std::function<int()>* command) {
  CLI::App* score = app->add_subcommand(
      "score",
      "Print how similar pictures and prompts are: 100 x cosine for each pair, and with "
      "several prompts the probability of each");
  auto options = std::make_shared<ScoreOptions>();
  score
      ->add_option("IMAGE", options->positional_image,
                   "A picture; arguments behind it that name files are pictures too")
      ->type_name("");
  score->add_option("TEXT", options->positional, "Prompts")->type_name("");
  score->add_option("--image", options->images, "A picture; repeatable")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->take_all();
  score->add_option("--text", options->texts, "A prompt; repeatable")
      ->type_name("TEXT")
      ->allow_extra_args(false)
      ->take_all();
  score->add_option("--images", options->image_list, "File of picture paths, one a line (-: stdin)")
      ->type_name("FILE");
  score->add_flag("-0,--null", options->nul_separated,
                  "Paths in --images end with a NUL, as `find -print0` writes them");
  score
      ->add_option("--texts", options->text_list,
                   "File of prompts (-: stdin): one a line, or JSON Lines with a field `text` when "
                   "its name ends in .jsonl; empty ones are left out")
      ->type_name("FILE");
  score->add_flag("--json", options->json, "Print an object a picture");
  score->add_flag("--truncate", options->truncate,
                  "Cut prompts that are longer than the model's context instead of refusing them");
  add_model_options(score, &options->model);
  add_image_options(score, &options->image);
  score->footer(
      "Example:\n  clip-cli score --model ViT-B-32.pt image.jpg \"a photo of a cat\" \"a photo of "
      "a dog\"");
  score->callback([=] { *command = [=] { return run_score(*options); }; });
}

}  // namespace clip_cli
