#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "commands/models.h"
#include "error.h"
#include "errors.h"
#include "model_lookup.h"
#include "ui/text.h"

namespace clip_cli {
namespace {

int run_remove(const std::string& name) {
  const clip::PublishedModel* model = clip::find_by_name(name);
  if (model == nullptr) {
    throw UsageError(fmt::format(
        "there is no published model {}; did you mean {}? Files elsewhere are yours to delete",
        name, clip::nearest_name(name)));
  }
  const std::string path = model_store().path(*model);
  // What a download left goes, too.
  const bool whole = std::remove(path.c_str()) == 0;
  const int error = errno;
  const bool part = std::remove((path + ".part").c_str()) == 0;
  if (!whole && error != ENOENT) {
    throw clip::Error(fmt::format("cannot remove {}: {}", path, std::strerror(error)));
  }
  if (!whole && !part) throw clip::Error(fmt::format("{} is not here: {}", model->name, path));
  notice(fmt::format("removed {}{}", path, whole ? "" : ".part"));
  return kDone;
}

}  // namespace

void setup_models_remove(CLI::App* models, std::function<int()>* command) {
  CLI::App* remove =
      models->add_subcommand("remove", "Delete a published model's file from the cache folder");
  auto name = std::make_shared<std::string>();
  remove->add_option("NAME", *name, "As models list names it")->type_name("")->required();
  remove->footer("Example:\n  clip-cli models remove RN50x64");
  remove->callback([=] { *command = [=] { return run_remove(*name); }; });
}

}  // namespace clip_cli
