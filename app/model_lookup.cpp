#include "model_lookup.h"

#include <fmt/format.h>
#include <strings.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "error.h"
#include "errors.h"
#include "ui/text.h"

namespace clip_cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDefaultModel = "ViT-B/32";
constexpr const char* kDemoModel = "demo";

bool is_there(const std::string& path) {
  struct stat info = {};
  return ::stat(path.c_str(), &info) == 0;
}

bool is_folder(const std::string& path) {
  struct stat info = {};
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Whether a name that is no model's was meant as a path: only such messages about files help then.
bool looks_like_a_path(const std::string& named) {
  return named.front() == '/' || named.front() == '.' || named.front() == '~' ||
         fs::path(named).extension() == ".pt" || fs::path(named).extension() == ".pth";
}

}  // namespace

clip::ModelStore model_store() {
  const std::string folder = variable("CLIP_CACHE");
  if (!folder.empty()) return clip::ModelStore(folder);
  const std::string home = variable("HOME");
  return clip::ModelStore((home.empty() ? "." : home) + "/.cache/clip");
}

std::string shipped_file(const std::string& name) {
  std::error_code error;
  const fs::path binary = fs::read_symlink("/proc/self/exe", error);
  if (error) return "";
  const fs::path folder = binary.parent_path();
  for (const fs::path& data :
       {folder.parent_path() / "share/clip-cli", folder.parent_path().parent_path() / "data"}) {
    const std::string path = data / name;
    if (is_there(path)) return path;
  }
  return "";
}

std::string model_path(const std::string& named) {
  const clip::ModelStore store = model_store();
  if (named.empty()) {
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
  if (is_there(named) && !is_folder(named)) return named;  // a folder "demo" is no model
  if (::strcasecmp(named.c_str(), kDemoModel) == 0) {
    const std::string demo = shipped_file(kDemoFile);
    if (!demo.empty()) return demo;
    throw clip::Error(
        fmt::format("the demo model is not there; it comes with clip-cli, as "
                    "share/clip-cli/{0} or the sources' data/{0}",
                    kDemoFile));
  }
  if (const clip::PublishedModel* model = clip::find_by_name(named)) {
    if (store.has(*model)) return store.path(*model);
    if (!looks_like_a_path(named)) {
      throw clip::Error(fmt::format("{} is not in {}; `clip-cli models pull {}` gets it ({} MB)",
                                    model->name, store.folder(), model->name, model->megabytes));
    }
  }
  // What opens it says that it is not there, or a folder.
  if (looks_like_a_path(named) || is_folder(named)) return named;
  throw clip::Error(
      fmt::format("there is neither a file nor a published model {}; did you mean {}? `clip-cli "
                  "models list` names them all",
                  named, clip::nearest_name(named)));
}

}  // namespace clip_cli
