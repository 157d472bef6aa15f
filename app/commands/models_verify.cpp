#include <fmt/format.h>

#include <memory>
#include <string>

#include "commands/models.h"
#include "error.h"
#include "errors.h"
#include "model/mapped_file.h"
#include "model/sha256.h"
#include "model_lookup.h"
#include "ui/json.h"
#include "ui/text.h"

namespace clip_cli {
namespace {

struct VerifyOptions {
  std::string model;
  bool json = false;
};

int run_verify(const VerifyOptions& options) {
  const std::string path = model_path(options.model);
  const clip::MappedFile file(path);
  const std::string sha256 = clip::sha256(file.data(), file.size());
  const clip::PublishedModel* published = clip::find_by_sha256(sha256);
  // A file that goes by a published model's name should be that model.
  const clip::PublishedModel* named = clip::find_by_name(options.model);
  const std::string base = path.substr(path.rfind('/') + 1);
  for (const clip::PublishedModel& each : clip::published_models()) {
    if (base == each.file) named = &each;
  }
  const bool right = published != nullptr && (named == nullptr || named == published);
  if (options.json) {
    print_json({{"file", path},
                {"sha256", sha256},
                {"published", published != nullptr ? Json(published->name) : Json(nullptr)},
                {"right", right}});
  } else if (right) {
    fmt::print("{} is {}, as published\n", printable(path), published->name);
  }
  if (right) return kDone;
  if (published != nullptr) {
    notice(fmt::format("{} is {}, not {}", path, published->name, named->name));
  } else if (named != nullptr) {
    notice(fmt::format("{} is not {} as published: its SHA-256 is {}, expected {}", path,
                       named->name, sha256, named->sha256));
  } else {
    notice(fmt::format("{} is none of the published files: its SHA-256 is {}", path, sha256));
  }
  return kFailed;
}

}  // namespace

void setup_models_verify(CLI::App* models, std::function<int()>* command) {
  CLI::App* verify =
      models->add_subcommand("verify", "Check that a file is what was published, by its SHA-256");
  auto options = std::make_shared<VerifyOptions>();
  verify->add_option("MODEL", options->model, "A name, or a path")->type_name("")->required();
  verify->add_flag("--json", options->json, "Print one JSON object");
  verify->footer("Example:\n  clip-cli models verify ViT-B/32");
  verify->callback([=] { *command = [=] { return run_verify(*options); }; });
}

}  // namespace clip_cli
