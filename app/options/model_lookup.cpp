#include "options/model_lookup.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/strings.h"
#include "clip/error.h"
#include "terminal/text.h"
#include "usage_error.h"

namespace clip_cli {
namespace {

constexpr const char* kDefaultModel = "ViT-B/32";
constexpr const char* kDemoModel = "demo";
constexpr const char* kModelExtensions[] = {"pt", "pth"};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Whether a name that is no model's was meant as a path: only messages about files help then.
bool looks_like_a_path(const std::string& named) {
  const char first = named.front();
  return first == '/' || first == '.' || first == '~' || has_model_extension(named);
}

std::string default_model() {
  const clip::ModelStore store = model_store();
  const clip::PublishedModel& model = *clip::find_by_name(kDefaultModel);
  if (store.has(model)) return store.path(model);
  const std::string demo = shipped_file(kDemoFile);
  if (demo.empty()) {
    throw UsageError(fmt::format(
        "no model: get one with `clip-cli models pull {}`, or name a file with --model or in the "
        "variable CLIP_MODEL",
        kDefaultModel));
  }
  notice(fmt::format(
      "this is the demo model, which knows drawings, not photographs; `clip-cli models pull {}` "
      "gets the real one",
      kDefaultModel));
  return demo;
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
  const std::string home = variable("HOME");
  return clip::ModelStore((home.empty() ? "." : home) + "/.cache/clip");
}

bool has_model_extension(std::string_view path) {
  const std::string extension = clip::extension_of(path);
  for (const char* known : kModelExtensions) {
    if (extension == known) return true;
  }
  return false;
}

const clip::PublishedModel& published_model(const std::string& name) {
  const clip::PublishedModel* model = clip::find_by_name(name);
  if (model != nullptr) return *model;
  throw UsageError(fmt::format("there is no published model {}; did you mean {}?", name,
                               clip::nearest_name(name, clip::published_names())));
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

std::string best_model_path() {
  const clip::ModelStore store = model_store();
  const clip::PublishedModel* best = nullptr;
  for (const clip::PublishedModel& model : clip::published_models()) {
    const bool is_better = best == nullptr || model.imagenet_top1 > best->imagenet_top1;
    if (is_better && store.has(model)) best = &model;
  }
  return best != nullptr ? store.path(*best) : default_model();
}

std::string model_path(const std::string& named) {
  if (named.empty()) return default_model();
  const bool folder = clip::is_folder(named);
  if (clip::exists(named) && !folder) return named;  // a folder "demo" is no model
  if (clip::lower_ascii(named) == kDemoModel) return demo_model();
  if (const clip::PublishedModel* model = clip::find_by_name(named)) {
    const clip::ModelStore store = model_store();
    if (store.has(*model)) return store.path(*model);
    if (!looks_like_a_path(named)) {
      throw clip::Error(clip::ErrorCode::kNotFound,
                        fmt::format("{} is not in {}; `clip-cli models pull {}` gets it ({} MB)",
                                    model->name, store.folder(), model->name, model->megabytes));
    }
  }
  // Whoever opens it says that it is missing, or a folder.
  if (folder || looks_like_a_path(named)) return named;
  throw clip::Error(
      clip::ErrorCode::kNotFound,
      fmt::format("there is neither a file nor a published model {}; did you mean {}? `clip-cli "
                  "models list` names them all",
                  named, clip::nearest_name(named, clip::published_names())));
}

}  // namespace clip_cli
