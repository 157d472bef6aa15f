// Which model a command uses, and how it is computed.
#pragma once

#include <CLI/App.hpp>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "clip/engine.h"
#include "clip/model.h"

namespace clip_cli {

struct ModelOptions {
  std::string named;       // --model, else the variable CLIP_MODEL: a path, a name, or nothing
  clip::OpenOptions open;  // --arch, --image-size
  clip::EncoderOptions encoder;
};

void add_model_options(CLI::App* command, ModelOptions* options);

// For a command that takes several precisions, separated by commas, one after the other; replaces
// --precision where add_model_options has added it.
void add_precision_list(CLI::App* command, std::vector<std::string>* precisions,
                        const char* description);

// How many threads the options ask for: all processors where they name none.
std::size_t threads(const ModelOptions& options);

// Opens the model that the options name (model_lookup.h), and tells stderr what had to be assumed,
// and which model it is where they name none, unless `quiet`. Throws clip::Error when there is
// none, or the file is not a usable model.
std::shared_ptr<const clip::Model> open_model(const ModelOptions& options, bool quiet = false);

// What people call a model: its name, else its path.
std::string title_of(const clip::Model& model);

// For the encoders of a run: with notices that go to stderr, each once.
clip::EncoderOptions encoder_options(const ModelOptions& options);

}  // namespace clip_cli
