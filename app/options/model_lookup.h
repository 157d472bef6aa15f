// Which file people mean by a model's name, or by none.
#pragma once

#include <string>

#include "clip/model.h"
#include "hub/catalog.h"
#include "hub/hub_cache.h"
#include "hub/model_name.h"
#include "hub/store.h"

namespace clip_cli {

// In $CLIP_CACHE, else ~/.cache/clip, where OpenAI's Python package keeps the same files.
clip::ModelStore model_store();

// The Hugging Face Hub's, where Python keeps it.
clip::HubCache hub_cache();

// What a model is named by (hub/model_name.h). Throws clip::Error, which says how to see all names.
clip::ModelName model_named(const std::string& named);

// OpenAI's file of that name, however it is spelt. Throws UsageError, with a similar name,
// where there is none.
const clip::PublishedModel& published_model(const std::string& name);

// Of the demo model, for shipped_file().
constexpr const char* kDemoFile = "demo/demo-model.pt";

struct ModelLocation {
  std::string path;  // of a file, or of a folder with weights and JSON
  // What is known of the model by its name, or null. A snapshot that open_clip fetched has no
  // open_clip_config.json: architecture, activation and preprocessing are then these.
  const clip::CatalogModel* catalog = nullptr;
};

// The place of a model that is named by its path, a name (hub/model_name.h), or "demo". OpenAI's
// names are looked up in the store, then in the hub's cache. Of none, ViT-B/32 if it is in either,
// else the demo model, with a notice that says so, unless `quiet`. Throws clip::Error that says how
// to get a model that is missing or incomplete, or which name may have been meant, and UsageError
// where no model is named and none can be found.
ModelLocation locate_model(const std::string& named, bool quiet = false);

// The options, with what the catalog knows of the model.
clip::OpenOptions open_options(clip::OpenOptions options, const ModelLocation& location);

// Its path alone.
std::string model_path(const std::string& named);

// Whether all files of a model of the catalog are on this machine, in the store or the hub's cache;
// then where.
bool find_here(const clip::CatalogModel& model, std::string* path);

// What people call a model of the catalog: OpenAI's name, else open_clip's.
std::string title_of(const clip::CatalogModel& model);

// The best model that is on this machine, in the store or the hub's cache, as locate_model() takes
// it: the one with the highest zero-shot accuracy; else what is taken for no name. Says which,
// unless `quiet`.
std::string best_model(bool quiet = false);

// A file that comes with clip-cli, such as "demo/cat.png": from the folder it was installed in, or,
// for a binary in its build folder, from the sources' data/. Empty where it is missing.
std::string shipped_file(const std::string& name);

}  // namespace clip_cli
