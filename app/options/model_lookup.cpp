#include "options/model_lookup.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/home_folder.h"
#include "base/strings.h"
#include "checkpoint/model_files.h"
#include "clip/error.h"
#include "hub/architectures.h"
#include "terminal/text.h"
#include "usage_error.h"

namespace clip_cli {
namespace {

constexpr const char* kDefaultModel = "ViT-B/32";
constexpr const char* kDemoModel = "demo";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

ModelLocation default_model(bool quiet) {
  const clip::CatalogModel& model = clip::in_catalog(*clip::find_by_name(kDefaultModel));
  ModelLocation location;
  if (find_here(model, &location.path)) {
    location.catalog = &model;
    if (!quiet) notice(fmt::format("the model is {}; --model names another", kDefaultModel));
    return location;
  }
  location.path = shipped_file(kDemoFile);
  if (location.path.empty()) {
    throw UsageError(fmt::format(
        "no model: get one with `clip-cli models pull {}`, or name a file with --model or in the "
        "variable CLIP_MODEL",
        kDefaultModel));
  }
  if (!quiet) {
    notice(fmt::format(
        "this is the demo model, which knows drawings, not photographs; `clip-cli models pull {}` "
        "gets the real one",
        kDefaultModel));
  }
  return location;
}

std::string demo_model() {
  std::string demo = shipped_file(kDemoFile);
  if (demo.empty()) {
    throw clip::Error(clip::ErrorCode::kNotFound,
                      fmt::format("the demo model is missing; it comes with clip-cli, as "
                                  "share/clip-cli/{0} or the sources' data/{0}",
                                  kDemoFile));
  }
  return demo;
}

}  // namespace

clip::ModelStore model_store() {
  const std::string folder = variable("CLIP_CACHE");
  if (!folder.empty()) return clip::ModelStore(folder);
  const std::string home = clip::home_folder();
  return clip::ModelStore((home.empty() ? "." : home) + "/.cache/clip");
}

clip::HubCache hub_cache() {
  return clip::HubCache(clip::hub_cache_folder());
}

clip::ModelName model_named(const std::string& named) {
  try {
    return clip::parse_model_name(named);
  } catch (const clip::Error& error) {
    if (error.code() != clip::ErrorCode::kNotFound) throw;
    const std::string message = error.what();
    throw clip::Error(error.code(),
                      fmt::format("{}{} `clip-cli models list --all` names them all", message,
                                  clip::ends_with(message, "?") ? "" : ";"),
                      error.hint());
  }
}

const clip::PublishedModel& published_model(const std::string& name) {
  const clip::PublishedModel* model = clip::find_by_name(name);
  if (model != nullptr) return *model;
  const std::string similar = clip::similar_name(name, clip::published_names());
  throw UsageError(fmt::format("there is no published model {}; {}", name,
                               similar.empty() ? "`clip-cli models list` shows what is here"
                                               : fmt::format("did you mean {}?", similar)));
}

std::string shipped_file(const std::string& name) {
  std::error_code error;
  const std::filesystem::path binary = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return "";
  const std::filesystem::path folder = binary.parent_path().parent_path();
  for (const auto& data : {folder / "share/clip-cli", folder.parent_path() / "data"}) {
    std::string path = data / name;
    if (clip::exists(path)) return path;
  }
  return "";
}

bool find_here(const clip::CatalogModel& model, std::string* path) {
  const clip::ModelStore store = model_store();
  const clip::PublishedModel* published = model.published();
  if (published != nullptr && store.has(*published)) {
    *path = store.path(*published);
    return true;
  }
  try {
    const clip::CachedModel cached = hub_cache().find_model(model.repository, "main");
    *path = cached.folder;
    return cached.state == clip::CachedModel::State::kWhole;
  } catch (const clip::Error&) {
    return false;  // an index that is damaged: whoever asks for the model is told
  }
}

std::string title_of(const clip::CatalogModel& model) {
  const clip::PublishedModel* published = model.published();
  return published != nullptr ? published->name : model.name();
}

std::string best_model(bool quiet) {
  const clip::CatalogModel* best = nullptr;
  for (const clip::CatalogModel& model : clip::catalog()) {
    std::string path;
    const double accuracy = model.imagenet_top1.value_or(0);
    const bool is_better = best == nullptr ? accuracy > 0 : accuracy > *best->imagenet_top1;
    if (model.runs() && is_better && find_here(model, &path)) best = &model;
  }
  if (best == nullptr) return default_model(quiet).path;
  if (!quiet) {
    notice(
        fmt::format("the model is {}, the best one here; --model names another", title_of(*best)));
  }
  return title_of(*best);
}

namespace {

ModelLocation locate_published(const std::string& named, const clip::ModelName& name) {
  ModelLocation location;
  location.catalog = name.catalog;
  if (find_here(*name.catalog, &location.path)) return location;
  if (clip::has_model_extension(named)) {  // whoever opens it says that it is missing
    location.path = named;
    return location;
  }
  const clip::PublishedModel& model = *name.published;
  throw clip::Error(
      clip::ErrorCode::kNotFound,
      fmt::format("{} is neither in {} nor in the hub's cache; `clip-cli models pull {}` gets it "
                  "({} MB)",
                  model.name, model_store().folder(), model.name, model.megabytes));
}

ModelLocation locate_repository(const clip::ModelName& name) {
  const clip::HubCache cache = hub_cache();
  const clip::CachedModel cached = cache.find_model(name.repository, name.revision);
  if (cached.state == clip::CachedModel::State::kWhole) return {cached.folder, name.catalog};
  const std::string revision = name.revision == "main" ? "" : "@" + name.revision;
  const bool known = name.catalog != nullptr && revision.empty();
  const std::string id = known ? title_of(*name.catalog) : "hf:" + name.repository + revision;
  if (cached.state == clip::CachedModel::State::kPartial) {
    throw clip::Error(
        clip::ErrorCode::kNotFound,
        fmt::format("{} is incomplete: {} lacks {}; `clip-cli models pull {}` gets it", id,
                    cached.folder, fmt::join(cached.missing, ", "), id));
  }
  std::string size;
  if (name.catalog != nullptr) {
    size = fmt::format(" ({} MB)", clip::bytes_of(*name.catalog->dimensions()) / 1'000'000);
  }
  throw clip::Error(clip::ErrorCode::kNotFound,
                    fmt::format("{} is not in the hub's cache, {}; `clip-cli models pull {}` gets "
                                "it{}",
                                id, cache.folder(), id, size));
}

}  // namespace

ModelLocation locate_model(const std::string& named, bool quiet) {
  if (named.empty()) return default_model(quiet);
  const bool file = clip::exists(named) && !clip::is_folder(named);
  if (!file && clip::lower_ascii(named) == kDemoModel) return {demo_model(), nullptr};
  const clip::ModelName name = model_named(named);
  switch (name.kind) {
    case clip::ModelName::Kind::kPath:
      break;
    case clip::ModelName::Kind::kPublished:
      return locate_published(named, name);
    case clip::ModelName::Kind::kRepository:
      return locate_repository(name);
  }
  return {name.path, nullptr};
}

clip::OpenOptions open_options(clip::OpenOptions options, const ModelLocation& location) {
  if (location.catalog == nullptr || !location.catalog->runs()) return options;
  const clip::CatalogModel& model = *location.catalog;
  clip::KnownModel known;
  known.architecture = model.architecture;
  if (model.activation == name_of(clip::Activation::kQuickGelu)) known.architecture += "-quickgelu";
  if (model.mean_std == "imagenet") {
    known.preprocessing.mean = {0.485F, 0.456F, 0.406F};
    known.preprocessing.std = {0.229F, 0.224F, 0.225F};
  } else if (model.mean_std == "half") {
    known.preprocessing.mean = known.preprocessing.std = {0.5F, 0.5F, 0.5F};
  } else if (model.mean_std == "zero_one") {
    known.preprocessing.mean = {0, 0, 0};
    known.preprocessing.std = {1, 1, 1};
  }
  if (model.interpolation == "bilinear") {
    known.preprocessing.interpolation = clip::Interpolation::kBilinear;
  }
  if (model.resize == "squash") known.preprocessing.resize = clip::ResizeMode::kSquash;
  options.known = known;
  return options;
}

std::string model_path(const std::string& named) {
  return locate_model(named).path;
}

}  // namespace clip_cli
