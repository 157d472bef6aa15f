#include "commands/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "class_folders.h"
#include "error.h"
#include "errors.h"
#include "interrupt.h"
#include "label_options.h"
#include "options.h"
#include "picture_options.h"
#include "ui/columns.h"
#include "ui/confusion_picture.h"
#include "ui/input_lists.h"
#include "ui/json.h"
#include "ui/output.h"
#include "ui/progress.h"
#include "ui/text.h"
#include "zero_shot/accuracy.h"
#include "zero_shot/ranking.h"
#include "zero_shot/similarity.h"

namespace clip_cli {
namespace {

constexpr std::size_t kTopK = 5;
constexpr std::size_t kConfusedPairs = 10;

struct EvaluateOptions {
  std::string folder, labels_file, confusion;
  bool json = false;
  TemplateOptions templates;
  RunOptions run;
  ModelOptions model;
  ImageOptions image;
};

std::vector<ClassFolder> classes_of(const EvaluateOptions& options) {
  std::vector<ClassFolder> classes = read_class_folders(options.folder);
  if (options.labels_file.empty()) return classes;
  const auto others = name_classes(read_whole(options.labels_file), options.labels_file, &classes);
  if (!others.empty()) {
    notice(fmt::format("{} names {} folder{} that {} does not have, {} for one: left out",
                       options.labels_file, others.size(), others.size() == 1 ? "" : "s",
                       options.folder, others.front()));
  }
  return classes;
}

// A share for people: two decimals of a percent, or a dash where there is none.
std::string percent(double share) {
  return std::isnan(share) ? "-" : fmt::format("{:.2f} %", 100 * share);
}

Json number_or_null(double share) {
  return std::isnan(share) ? Json(nullptr) : Json(share);
}

void print_report(const clip::Accuracy& accuracy, const std::vector<ClassFolder>& classes) {
  fmt::print("{:<12}{:>10}  of {} pictures in {} classes\n", "top-1", percent(accuracy.top_k(1)),
             accuracy.pictures(), classes.size());
  fmt::print("{:<12}{:>10}\n", "top-5", percent(accuracy.top_k(kTopK)));
  fmt::print("{:<12}{:>10}  over the classes\n\n", "mean recall", percent(accuracy.mean_recall()));

  constexpr int kWidest = 40;
  int width = 5;
  for (const ClassFolder& each : classes) {
    width = std::min(kWidest, std::max(width, display_width(printable(each.label))));
  }
  const auto name = [&](std::size_t index) {
    return padded(cut_to_width(printable(classes[index].label), width), width);
  };
  fmt::print("{}  {:>8}  {:>10}\n", padded("class", width), "pictures", "recall");
  for (std::size_t i = 0; i < classes.size(); ++i) {
    fmt::print("{}  {:>8}  {:>10}\n", name(i), accuracy.pictures(i), percent(accuracy.recall(i)));
  }
  const auto pairs = accuracy.most_confused(kConfusedPairs);
  if (pairs.empty()) return;
  fmt::print("\n{}  {}  {:>8}  {:>10}\n", padded("class", width), padded("taken for", width),
             "pictures", "of class");
  for (const auto& pair : pairs) {
    const double share = double(pair.pictures) / double(accuracy.pictures(pair.truth));
    fmt::print("{}  {}  {:>8}  {:>10}\n", name(pair.truth), name(pair.predicted), pair.pictures,
               percent(share));
  }
}

void print_json_report(const clip::Accuracy& accuracy, const std::vector<ClassFolder>& classes,
                       const std::string& model, std::uint64_t failed) {
  Json per_class = Json::array(), confused = Json::array(), confusion = Json::array();
  for (std::size_t i = 0; i < classes.size(); ++i) {
    per_class.push_back({{"folder", classes[i].folder},
                         {"label", classes[i].label},
                         {"pictures", accuracy.pictures(i)},
                         {"recall", number_or_null(accuracy.recall(i))}});
  }
  for (const auto& pair : accuracy.most_confused(kConfusedPairs)) {
    confused.push_back({{"label", classes[pair.truth].label},
                        {"taken_for", classes[pair.predicted].label},
                        {"pictures", pair.pictures}});
  }
  for (const auto& cell : accuracy.confusion()) {
    confusion.push_back(Json::array({cell.truth, cell.predicted, cell.pictures}));
  }
  print_json({{"model", model},
              {"pictures", accuracy.pictures()},
              {"failed", failed},
              {"top_1", number_or_null(accuracy.top_k(1))},
              {"top_5", number_or_null(accuracy.top_k(kTopK))},
              {"mean_recall", number_or_null(accuracy.mean_recall())},
              {"classes", per_class},
              {"confused", confused},
              {"confusion", confusion}});
}

int run_evaluate(const EvaluateOptions& options) {
  const std::vector<ClassFolder> classes = classes_of(options);
  std::vector<clip::Label> labels;
  std::vector<std::string> names;
  for (const ClassFolder& each : classes) {
    labels.push_back({each.label, {}});
    names.push_back(each.label);
  }
  templates(options.templates);  // a mistake in them is known before the model is loaded
  catch_interrupts();
  std::optional<Output> picture;
  if (!options.confusion.empty()) picture.emplace(Output::replacing(options.confusion));
  const auto model = open_model(options.model);
  const clip::ModelConfig& config = model->config();

  std::optional<PictureCount> count;
  Progress progress("picture", options.run.quiet,
                    [&] { return count ? count->total() : std::optional<std::uint64_t>(); });
  if (Progress::is_watched() && !options.run.quiet) {
    count.emplace([&, at = std::size_t{0}]() mutable {
      return clip::PicturePaths([&, at](std::string* path) mutable {
        if (at == classes.size()) return false;
        *path = options.folder + "/" + classes[at++].folder;
        return true;
      });
    });
  }
  ClassPictures pictures(options.folder, classes);
  clip::ImageStream stream(
      [&](clip::PicturePath* next) { return interrupted() == 0 && pictures.next(next); },
      clip::preprocess_rule(config),
      stream_options(options.run, options.model, options.image, config));
  const auto encoder = open_encoder(model, options.model);
  const clip::Embeddings embedded =
      embed_labels(labels, options.templates, encoder.get(), config, &progress);

  clip::Accuracy accuracy(classes.size());
  progress.show();
  for_each_picture(
      &stream, encoder.get(), options.run.batch,
      [&](const clip::ImageResult& result, const float* embedding) {
        progress.add(embedding == nullptr);
        if (embedding == nullptr) {
          progress.clear();
          notice(result.error);
          return;
        }
        const std::vector<double> cosines = clip::cosines_with(embedding, embedded);
        accuracy.add(result.tag,
                     clip::rank_labels(cosines.data(), cosines.size(), config.logit_scale, kTopK));
      },
      [&] { progress.show(); });
  progress.clear();
  if (accuracy.pictures() == 0) {
    progress.finish(interrupted() != 0);
    throw clip::Error(
        fmt::format("{} has no picture in its folders that could be read", options.folder));
  }
  if (options.json) {
    print_json_report(accuracy, classes, model->path(), progress.failed());
  } else {
    print_report(accuracy, classes);
  }
  if (picture) {
    picture->write(confusion_png(accuracy, names));
    picture->commit();
  }
  progress.finish(interrupted() != 0);
  return progress.failed() == 0 ? kDone : kFailed;
}

}  // namespace

void setup_evaluate(CLI::App* app, std::function<int()>* command) {
  CLI::App* evaluate = app->add_subcommand(
      "evaluate", "Measure zero-shot accuracy on a folder that has a folder for each class");
  auto options = std::make_shared<EvaluateOptions>();
  evaluate->add_option("DIR", options->folder, "The folder of class folders")
      ->required()
      ->type_name("");
  evaluate
      ->add_option("--labels-file", options->labels_file,
                   "File of lines folder<TAB>label (-: stdin); without it folders' names are the "
                   "labels, with blanks for underscores")
      ->type_name("FILE")
      ->group("Labels");
  add_template_options(evaluate, &options->templates);
  evaluate->add_flag("--json", options->json, "Print one object")->group("Output");
  evaluate
      ->add_option("--confusion", options->confusion,
                   "Draw which classes are taken for which, as a picture")
      ->type_name("FILE.png")
      ->group("Output");
  add_run_options(evaluate, &options->run);
  add_model_options(evaluate, &options->model);
  add_image_options(evaluate, &options->image);
  evaluate->footer(
      "Example:\n"
      "  clip-cli evaluate imagenet/val --labels-file names.tsv --template-set openai_imagenet "
      "--confusion confusion.png");
  evaluate->callback([=] { *command = [=] { return run_evaluate(*options); }; });
}

}  // namespace clip_cli
