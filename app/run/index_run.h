// What the commands that use an index do alike: find the model, bring the index up to date, and say
// how far that is.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "clip/model.h"
#include "index/index.h"
#include "index/refresh.h"
#include "options/decode_options.h"
#include "options/index_options.h"
#include "options/model_options.h"
#include "options/run_options.h"

namespace clip_cli {

struct IndexRunOptions {
  RunOptions run;
  ModelOptions model;
  ImageDecodeOptions decode;  // only its memory is an option: an index holds what a search finds
  bool no_update = false;
};

// --batch, -q, --max-memory and the model's options, and, with `update`, --no-update.
void add_index_run_options(CLI::App* command, IndexRunOptions* options, bool update);

// Thrown to give up waiting for another process that writes the index.
struct OtherWriter {};

// The model that the options name. Where they name none: of the models that the index has, the one
// with the most vectors whose file is still there, so that nothing is embedded that need not be;
// else the best that is on this machine.
std::shared_ptr<const clip::Model> open_index_model(const ModelOptions& options,
                                                    const IndexedFolder& folder, bool quiet);

// Whether errors of images are told one by one, or how many there were.
enum class Failures { kEach, kCount };

struct Refreshed {
  clip::RefreshReport report;
  double seconds = 0;
};

// Lines about what the index has so far.
using LiveLines = std::function<std::vector<std::string>(clip::Index*)>;

// Brings the index up to date, as far as the folder's part of it goes, with a progress line.
// `live`: on a terminal its lines are shown meanwhile, and replaced whenever more can be found than
// before.
Refreshed refresh_folder(clip::Index* index, const IndexedFolder& folder,
                         const std::shared_ptr<const clip::Model>& model,
                         const IndexRunOptions& options, clip::RefreshOptions refresh,
                         Failures failures, const LiveLines& live = nullptr);

// The index, brought up to date where that is asked for and possible, and open. A folder that
// cannot be written, and another process that is writing, are told, and what is there is used.
// Throws clip::Error where there is nothing.
std::unique_ptr<clip::Index> current_index(const IndexedFolder& folder,
                                           const std::shared_ptr<const clip::Model>& model,
                                           const IndexRunOptions& options,
                                           const LiveLines& live = nullptr);

}  // namespace clip_cli
