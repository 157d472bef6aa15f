#include "commands/commands.h"

#include <memory>

#include "options/general_options.h"

namespace clip_cli {
namespace {

struct Row {
  const char* name;
  const char* description;
  void (*setup)(CLI::App*, Command*);
  bool configurable = true;
};

// In the order of help.
constexpr Row kCommands[] = {
    {"score",
     "Score images against prompts: 100 x cosine, and the probability of each prompt\n"
     "A score is 100 x the cosine of the embeddings of image and prompt. With several prompts, the "
     "probability is the softmax over all of them with the model's logit scale.",
     setup_score},
    {"classify",
     "Classify images by labels of your own, zero-shot\n"
     "For each image the likeliest labels, with their probabilities. Labels are words; templates "
     "make prompts of them.",
     setup_classify},
    {"explain",
     "Show which parts of an image carry its score with a prompt\n"
     "Parts of the image are covered, or patches of a ViT left out: what the score loses is what "
     "they "
     "carry.",
     setup_explain},
    {"search", "Find the images in a folder that show what a text or an image says", setup_search},
    {"index", "Build, refresh, check or remove the index that search uses", setup_index},
    {"duplicates", "Find groups of images that are nearly the same", setup_duplicates},
    {"embed",
     "Print the embeddings of images or texts: vectors of length 1\n"
     "The dot product of two of them is their cosine.",
     setup_embed},
    {"evaluate", "Measure zero-shot accuracy, or retrieval, on a data set", setup_evaluate},
    {"probe", "Train and apply linear classifiers on embeddings", setup_probe},
    {"batch", "Answer jobs for scripts: a JSON object per line in, and one per line out",
     setup_batch},
    {"tokenize", "Print the token ids of texts, and the pieces they stand for", setup_tokenize},
    {"models", "List, download, check and remove models", setup_models},
    {"benchmark", "Measure how fast a model runs on this machine", setup_benchmark},
    {"config", "Print the defaults that a configuration file and the environment set", setup_config,
     false},
    {"completions", "Print a script that completes command lines in bash, zsh or fish",
     setup_completions, false},
    {"manual", "Print the manual page of a command", setup_manual, false},
};

void describe_program(CLI::App* app) {
  app->description("CLIP on the command line: image-text similarity and zero-shot labels");
  app->set_version_flag("-V,--version", "clip-cli " CLIP_VERSION, "Print the version, and end");
  app->get_help_ptr()->description("Print this help, and end");
  app->require_subcommand(1);
  app->footer("Example:\n  clip-cli score image.jpg \"a photo of a cat\" \"a photo of a dog\"");
}

void add_general_options_below(CLI::App* command) {
  const auto below = command->get_subcommands([](const CLI::App*) { return true; });
  for (CLI::App* each : below) add_general_options_below(each);
  if (below.empty()) add_general_options(command);
}

}  // namespace

void setup_program(CLI::App* app, Command* command, const std::function<void(CLI::App*)>& ready) {
  describe_program(app);
  for (const Row& row : kCommands) {
    CLI::App* named = app->add_subcommand(row.name, row.description);
    named->preparse_callback([=, done = false](std::size_t) mutable {
      if (done) return;
      row.setup(named, command);
      add_general_options_below(named);
      ready(named);
      done = true;
    });
  }
}

CLI::App& whole_program() {
  static Command unused;
  static const std::unique_ptr<CLI::App> app = [] {
    auto whole = std::make_unique<CLI::App>("", "clip-cli");
    describe_program(whole.get());
    for (const Row& row : kCommands) {
      CLI::App* named = whole->add_subcommand(row.name, row.description);
      row.setup(named, &unused);
      add_general_options_below(named);
    }
    return whole;
  }();
  return *app;
}

CommandText describe_program() {
  return describe(whole_program());
}

bool is_configurable(const CLI::App& command) {
  for (const Row& row : kCommands) {
    if (command.get_name() == row.name) return row.configurable;
  }
  return true;
}

}  // namespace clip_cli
