#include "run/clip_benchmark.h"

#include <utility>

#include "base/strings.h"
#include "options/model_lookup.h"

namespace clip_cli {
namespace {

// What is known of the model by its name; of none, where the default has been taken.
const clip::CatalogModel* catalog_of(const ModelOptions& options, const std::string& path) {
  if (!options.named.empty()) return locate_model(options.named).catalog;
  const clip::CatalogModel& model = clip::in_catalog(*clip::find_by_name("ViT-B/32"));
  std::string found;
  return find_here(model, &found) && found == path ? &model : nullptr;
}

// "data/val/": "val".
std::string last_part(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return std::string(clip::base_name(path));
}

}  // namespace

void add_clip_benchmark_options(CLI::App* command, ClipBenchmarkOptions* options) {
  const char* kGroup = "Output";
  command
      ->add_option("--clip-benchmark", options->file,
                   "Also write the result as CLIP_benchmark does; - is standard output")
      ->type_name("FILE.json")
      ->group(kGroup);
  command
      ->add_option("--dataset", options->dataset,
                   "The data set's name in that file [that of its folder or file]")
      ->type_name("NAME")
      ->group(kGroup);
  command
      ->add_option("--language", options->language,
                   "The language of labels and captions in that file")
      ->type_name("NAME")
      ->capture_default_str()
      ->group(kGroup);
}

std::optional<Output> clip_benchmark_output(const ClipBenchmarkOptions& options) {
  if (options.file.empty()) return std::nullopt;
  return options.file == "-" ? Output::standard() : Output::replacing(options.file);
}

clip::Json clip_benchmark_json(const ClipBenchmarkOptions& options, const std::string& data,
                               const ModelOptions& named, const clip::Model& model,
                               const std::string& task, clip::Json metrics) {
  const clip::CatalogModel* const catalog = catalog_of(named, model.path());
  clip::Json json = clip::Json::object();
  clip::put_name(&json, "dataset", options.dataset.empty() ? last_part(data) : options.dataset);
  if (catalog != nullptr) {
    json["model"] = catalog->architecture;
    json["pretrained"] = catalog->tag;
  } else {
    const std::string file = last_part(model.path());
    const std::string stem = file.substr(0, file.rfind('.') == 0 ? file.npos : file.rfind('.'));
    clip::put_name(&json, "model",
                   named.open.architecture.empty() ? stem : named.open.architecture);
    clip::put_name(&json, "pretrained", file);
  }
  json["task"] = task;
  json["metrics"] = std::move(metrics);
  json["language"] = options.language;
  return json;
}

}  // namespace clip_cli
