#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/cpu.h"
#include "commands/models.h"
#include "engine/machine_speed.h"
#include "exit_code.h"
#include "hub/architectures.h"
#include "hub/catalog.h"
#include "options/model_lookup.h"
#include "options/ready_files.h"
#include "terminal/text.h"
#include "writers/print_json.h"

namespace clip_cli {
namespace {

struct ListOptions {
  bool all = false;
  bool json = false;
};

// What is shown of a model that can be run.
struct Row {
  const clip::CatalogModel* model;
  const clip::Architecture* dimensions;
  int megabytes;  // of the file that pull gets, or about, where nobody has published it
  double speed;   // images a second on this machine, about
  bool here;
  std::string path;
};

// The native engine takes 1.03 to 1.10 times as long as its matrix products alone (measured with
// ViT-B/32, B/16 and L/14@336px by `clip-cli benchmark`, on an EPYC with AVX-512).
constexpr double kEfficiency = 1 / 1.07;

Row row_of(const clip::CatalogModel& model, double flops) {
  Row row{&model, model.dimensions(), 0, 0, false, ""};
  const clip::PublishedModel* published = model.published();
  row.megabytes = published != nullptr
                      ? published->megabytes
                      : static_cast<int>(clip::bytes_of(*row.dimensions) / 1'000'000);
  row.speed = kEfficiency * flops / clip::image_flops_of(*row.dimensions);
  row.here = find_here(model, &row.path);
  if (!row.here && published != nullptr) row.path = model_store().path(*published);
  return row;
}

clip::Json json_of(const Row& row) {
  const clip::CatalogModel& model = *row.model;
  const clip::PublishedModel* published = model.published();
  clip::Json json = {
      {"name", title_of(model)},
      {"repository", model.repository},
      {"megabytes", row.megabytes},
      {"parameters", clip::parameters_of(*row.dimensions)},
      {"image_size", row.dimensions->image_size},
      {"imagenet_top1", model.imagenet_top1 ? clip::Json(*model.imagenet_top1) : clip::Json()},
      {"images_per_second", std::round(100 * row.speed) / 100},
      {"licence", model.licence.empty() ? clip::Json() : clip::Json(model.licence)},
      {"sha256", published != nullptr ? clip::Json(published->sha256) : clip::Json()},
      {"here", row.here}};
  if (published != nullptr) json["imagenet_top1"] = published->imagenet_top1;
  if (row.path.empty()) {
    json["path"] = nullptr;
  } else {
    clip::put_name(&json, "path", row.path);
  }
  return json;
}

std::string accuracy_of(const clip::CatalogModel& model) {
  const clip::PublishedModel* published = model.published();
  if (published != nullptr) return fmt::format("{:.1f} %", published->imagenet_top1);
  return model.imagenet_top1 ? fmt::format("{:.1f} %", *model.imagenet_top1) : "-";
}

std::string speed_of(const Row& row) {
  return row.speed < 10 ? fmt::format("{:.1f}", row.speed) : fmt::format("{:.0f}", row.speed);
}

void print_rows(const std::vector<Row>& rows) {
  std::size_t width = 5;
  for (const Row& row : rows) width = std::max(width, title_of(*row.model).size());
  fmt::print("{:<{}} {:>9} {:>12} {:>11} {:>11} {:>8}  {}\n", "model", width, "size", "parameters",
             "image size", "ImageNet", "images/s", "here");
  for (const Row& row : rows) {
    fmt::print("{:<{}} {:>6} MB {:>10.1f} M {:>8} px {:>11} {:>8}  {}\n", title_of(*row.model),
               width, row.megabytes,
               1e-6 * static_cast<double>(clip::parameters_of(*row.dimensions)),
               row.dimensions->image_size, accuracy_of(*row.model), speed_of(row),
               row.here ? "yes" : "no");
  }
}

clip::Json json_of(const ReadyFile& file) {
  clip::Json json = {{"ready", file.tower}, {"precision", file.precision}, {"bytes", file.bytes}};
  clip::put_name(&json, "model", file.model);
  clip::put_name(&json, "path", file.path);
  return json;
}

void print_ready(const std::vector<ReadyFile>& files) {
  if (files.empty()) return;
  fmt::print("\nReady weights (models prepare):\n");
  for (const ReadyFile& file : files) {
    fmt::print("{:<5} {:<6} {:>8.1f} MB  {}\n", file.precision, file.tower,
               static_cast<double>(file.bytes) / 1e6, printable(file.model));
  }
}

int run_list(const ListOptions& options) {
  const double flops = clip::matrix_flops(clip::usable_processors());
  std::vector<Row> rows;
  std::vector<const clip::CatalogModel*> refused;
  for (const clip::CatalogModel& model : clip::catalog()) {
    if (!model.runs()) {
      refused.push_back(&model);
      continue;
    }
    Row row = row_of(model, flops);
    if (options.all || model.listed || row.here) rows.push_back(std::move(row));
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return std::make_pair(-a.speed, a.model->imagenet_top1.value_or(0)) <
           std::make_pair(-b.speed, b.model->imagenet_top1.value_or(0));
  });
  if (!options.all) refused.clear();
  if (options.json) {
    for (const Row& row : rows) print_json(json_of(row));
    for (const ReadyFile& file : ready_files()) print_json(json_of(file));
    for (const clip::CatalogModel* model : refused) {
      print_json({{"name", model->name()},
                  {"repository", model->repository},
                  {"cannot_run", model->cannot_run}});
    }
    return kDone;
  }
  print_rows(rows);
  print_ready(ready_files());
  if (!refused.empty()) fmt::print("\nThese cannot be run:\n");
  for (const clip::CatalogModel* model : refused) {
    fmt::print("{}: {}\n", model->name(), model->cannot_run);
  }
  return kDone;
}

}  // namespace

void setup_models_list(CLI::App* models, Command* command) {
  CLI::App* list = models->add_subcommand(
      "list", "List models worth choosing, and those that are here: size, accuracy, speed");
  auto options = std::make_shared<ListOptions>();
  list->add_flag("--all", options->all,
                 "List every model of open_clip, with the reason where it cannot be run");
  list->add_flag("--json", options->json, "Print one JSON object per model");
  list->footer(
      "ImageNet is the published zero-shot accuracy. Images/s is what this machine can embed, in\n"
      "float32, estimated from how fast it multiplies matrices now; `benchmark` measures it.\n"
      "Sizes are of float32, but for OpenAI's own files.\n\n"
      "Examples:\n"
      "  clip-cli models list\n"
      "  clip-cli models list --all --json");
  list->callback([=] { *command = [=] { return run_list(*options); }; });
}

}  // namespace clip_cli
