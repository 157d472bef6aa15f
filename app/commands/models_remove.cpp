#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "clip/error.h"
#include "commands/models.h"
#include "exit_code.h"
#include "options/model_lookup.h"
#include "options/model_options.h"
#include "options/ready_files.h"
#include "options/value_words.h"
#include "terminal/text.h"
#include "usage_error.h"
#include "writers/print_json.h"

namespace clip_cli {
namespace {

struct RemoveOptions {
  std::string name;
  bool ready = false;
  bool json = false;
};

// Deletes the file, and the part of it that an unfinished download has left.
void remove(const clip::PublishedModel& model, const std::string& path) {
  const bool whole = std::remove(path.c_str()) == 0;
  const int error = errno;
  const bool part = std::remove((path + ".part").c_str()) == 0;
  if (!whole && error != ENOENT) throw clip::file_error("remove", path, error);
  if (!whole && !part) {
    throw clip::Error(clip::ErrorCode::kNotFound,
                      fmt::format("{} is not here: {}", model.name, path));
  }
  notice(fmt::format("removed {}{}", path, whole ? "" : ".part"));
  for (const std::string& ready : remove_ready_files("", path)) notice("removed " + ready);
}

// The hub's cache belongs to Python's programs as much as to this one.
void refuse_what_is_shared(const std::string& named) {
  clip::ModelName name;
  try {
    name = clip::parse_model_name(named);
  } catch (const clip::Error&) {
    return;  // published_model() refuses it
  }
  if (name.kind != clip::ModelName::Kind::kRepository) return;
  throw UsageError(fmt::format(
      "remove deletes OpenAI's own files alone; {} is in the hub's cache, which Python's programs "
      "use too: delete {}",
      name.repository, hub_cache().repository_folder(name.repository)));
}

// Only what models prepare has written of any model.
int run_remove_ready(const RemoveOptions& options) {
  ModelOptions named;
  named.named = options.name;
  const auto model = open_model(named);
  const std::vector<std::string> removed = remove_ready_files(model->identity(), model->path());
  if (options.json) {
    clip::Json json = {{"removed", !removed.empty()}, {"paths", clip::Json::array()}};
    clip::put_name(&json, "name", model->path());
    for (const std::string& path : removed) json["paths"].push_back(path);
    print_json(json);
  } else {
    for (const std::string& path : removed) notice("removed " + path);
  }
  if (!removed.empty()) return kDone;
  if (!options.json) notice(fmt::format("there are no ready weights of {}", title_of(*model)));
  return kFailed;
}

int run_remove(const RemoveOptions& options) {
  if (options.ready) return run_remove_ready(options);
  refuse_what_is_shared(options.name);
  const clip::PublishedModel& model = published_model(options.name);
  const std::string path = model_store().path(model);
  if (!options.json) {
    remove(model, path);
    return kDone;
  }
  clip::Json json = {{"name", model.name}};
  clip::put_name(&json, "path", path);
  try {
    remove(model, path);
    json["removed"] = true;
  } catch (const clip::Error& error) {
    notice(error.what());
    json["removed"] = false;
    json["error"] = error_json(error);
  }
  print_json(json);
  return json["removed"] ? kDone : kFailed;
}

}  // namespace

void setup_models_remove(CLI::App* models, Command* command) {
  CLI::App* remove = models->add_subcommand(
      "remove", "Delete a model of OpenAI that was downloaded, or a model's ready weights");
  auto options = std::make_shared<RemoveOptions>();
  remove->add_option("NAME", options->name, "A name of `models list`; with --ready also a path")
      ->type_name("")
      ->required();
  value_words(remove->get_option("NAME")).kind = Words::kModel;
  remove->add_flag("--ready", options->ready,
                   "Delete only its ready weights, which `models prepare` wrote");
  remove->add_flag("--json", options->json, "Print one JSON object");
  remove->footer("Example:\n  clip-cli models remove RN50x64");
  remove->callback([=] { *command = [=] { return run_remove(*options); }; });
}

}  // namespace clip_cli
