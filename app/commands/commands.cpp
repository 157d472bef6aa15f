#include "commands/commands.h"

namespace clip_cli {
namespace {

struct Row {
  const char* name;
  const char* description;
  void (*setup)(CLI::App*, Command*);
};

// In the order of help.
constexpr Row kCommands[] = {
    {"score",
     "Print how similar images and prompts are: 100 x cosine for each pair, and with several "
     "prompts the probability of each",
     setup_score},
    {"classify", "Tell images apart by labels, zero-shot: the likeliest labels of each",
     setup_classify},
    {"explain", "Show which parts of an image carry its score with a prompt", setup_explain},
    {"search", "Find images in a folder by what they show, best first", setup_search},
    {"index", "Build or refresh the index of a folder, which search and duplicates use",
     setup_index},
    {"duplicates", "Print groups of images that are nearly the same, the largest group first",
     setup_duplicates},
    {"embed",
     "Print the embeddings of images, or of texts: vectors of length 1 whose dot products are "
     "cosines",
     setup_embed},
    {"evaluate", "Measure zero-shot accuracy on a folder that has a folder for each class",
     setup_evaluate},
    {"probe", "Linear classifiers on embeddings: train them, and apply them", setup_probe},
    {"batch", "Run jobs for scripts: one JSON object per line in, one per line out, in order",
     setup_batch},
    {"tokenize", "Print the token ids of texts and the pieces they stand for", setup_tokenize},
    {"models", "Published models, and the contents of model files", setup_models},
    {"benchmark", "Measure how fast a model runs here, beside its matrix products alone",
     setup_benchmark},
};

}  // namespace

void setup_commands(CLI::App* app, Command* command) {
  for (const Row& row : kCommands) {
    CLI::App* named = app->add_subcommand(row.name, row.description);
    named->preparse_callback([=, ready = false](std::size_t) mutable {
      if (!ready) row.setup(named, command);
      ready = true;
    });
  }
}

}  // namespace clip_cli
