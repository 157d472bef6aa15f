#include <fmt/format.h>

#include <map>
#include <memory>

#include "commands/models.h"
#include "error.h"
#include "errors.h"
#include "model/catalog.h"
#include "model/model_file.h"
#include "model/sha256.h"
#include "model_lookup.h"
#include "ui/json.h"
#include "ui/text.h"

namespace clip_cli {
namespace {

struct InspectOptions {
  std::string path;
  bool json = false;
};

const char* kind_name(clip::VisionKind kind) {
  switch (kind) {
    case clip::VisionKind::kTransformer:
      return "ViT";
    case clip::VisionKind::kResNet:
      return "ModifiedResNet";
    case clip::VisionKind::kUnknown:
      break;
  }
  return "unknown";
}

// Tensors and elements of each type that the weights are stored in.
std::map<std::string, std::int64_t> count_types(const clip::Weights& weights) {
  std::map<std::string, std::int64_t> elements;
  for (const auto& [name, weight] : weights.all()) {
    elements[clip::name_of(weight.type)] += clip::element_count(weight.shape);
  }
  return elements;
}

Json describe(const clip::ModelFile& model) {
  const clip::ModelConfig& config = model.config();
  const clip::VisionConfig& vision = config.vision;
  const std::string sha256 = clip::sha256(model.file().data(), model.file().size());
  const clip::PublishedModel* published = clip::find_by_sha256(sha256);
  const clip::PublishedModel* same_shape = clip::find_by_shape(config);

  Json json;
  json["file"] = model.path();
  json["bytes"] = model.file().size();
  json["sha256"] = sha256;
  json["published"] = published != nullptr ? Json(published->name) : Json(nullptr);
  json["same_shape_as"] = same_shape != nullptr ? Json(same_shape->name) : Json(nullptr);
  json["name"] = config.name.empty() ? Json(nullptr) : Json(config.name);
  json["recognised"] = config.recognised;
  if (!config.recognised) json["unrecognised_because"] = config.unrecognised;
  json["parameters"] = model.weights().parameter_count();
  json["weight_types"] = count_types(model.weights());
  json["embedding_dim"] = config.embedding_dim;
  json["logit_scale"] = config.logit_scale;
  json["activation"] = config.activation == clip::Activation::kGelu ? "gelu" : "quick_gelu";
  json["image"] = {
      {"size", vision.image_size},
      {"resize",
       config.resize == clip::ResizeMode::kSquash ? "squash-bicubic" : "shortest-side-bicubic"},
      {"mean", config.mean},
      {"std", config.deviation},
  };
  Json tower = {{"kind", kind_name(vision.kind)}};
  if (vision.kind == clip::VisionKind::kTransformer) {
    tower["patch_size"] = vision.patch_size;
    tower["width"] = vision.width;
    tower["heads"] = vision.heads;
    tower["layers"] = vision.layers;
  } else if (vision.kind == clip::VisionKind::kResNet) {
    tower["width"] = vision.width;
    tower["blocks"] = vision.stages;
    tower["pool_heads"] = vision.heads;
  }
  json["vision"] = tower;
  json["text"] = {{"context_length", config.text.context_length},
                  {"vocab_size", config.text.vocab_size},
                  {"width", config.text.width},
                  {"heads", config.text.heads},
                  {"layers", config.text.layers},
                  {"start_of_text", config.start_of_text},
                  {"end_of_text", config.end_of_text}};
  json["assumed"] = config.assumed;
  return json;
}

// A published model's file, or other weights in its shape, or something else.
std::string identity(const Json& json) {
  if (json["published"].is_string()) return json["published"].get<std::string>() + ", as published";
  if (json["same_shape_as"].is_string()) {
    return fmt::format("the shape of {}, with other weights or in another file",
                       json["same_shape_as"].get<std::string>());
  }
  return json["recognised"]
             ? "a CLIP of a shape that OpenAI has not published"
             : "not CLIP's own structure: " + json["unrecognised_because"].get<std::string>();
}

void print_row(const char* label, const std::string& value) {
  fmt::print("{:<14}{}\n", label, printable(value));
}

void print_description(const Json& json) {
  const Json& vision = json["vision"];
  const Json& text = json["text"];
  const Json& image = json["image"];
  print_row("file", json["file"]);
  print_row("size", fmt::format("{} bytes ({:.1f} MiB)", json["bytes"].get<std::uint64_t>(),
                                json["bytes"].get<double>() / (1 << 20)));
  print_row("sha256", json["sha256"]);
  print_row("model", identity(json));
  if (json["name"].is_string()) print_row("name", json["name"]);
  print_row("parameters", fmt::format("{}", json["parameters"].get<std::int64_t>()));
  std::string types;
  for (const auto& [type, count] : json["weight_types"].items()) {
    types += fmt::format("{}{} x {}", types.empty() ? "" : ", ", count.get<std::int64_t>(), type);
  }
  print_row("weights", types);
  print_row("embedding", fmt::format("{}", json["embedding_dim"].get<std::int64_t>()));
  print_row("image size",
            fmt::format("{} x {} pixels, {}", image["size"].get<std::int64_t>(),
                        image["size"].get<std::int64_t>(), image["resize"].get<std::string>()));
  std::string tower = vision["kind"];
  if (vision.contains("patch_size")) {
    tower += fmt::format(", patch {}, width {}, {} heads, {} layers",
                         vision["patch_size"].get<int>(), vision["width"].get<int>(),
                         vision["heads"].get<int>(), vision["layers"].get<int>());
  } else if (vision.contains("blocks")) {
    tower += fmt::format(", width {}, blocks {}, {} heads in the pool", vision["width"].get<int>(),
                         vision["blocks"].dump(), vision["pool_heads"].get<int>());
  }
  print_row("vision", tower);
  std::string text_tower;
  if (text["layers"].get<int>() > 0) {
    text_tower = fmt::format(", width {}, {} heads, {} layers", text["width"].get<int>(),
                             text["heads"].get<int>(), text["layers"].get<int>());
  }
  print_row("text", fmt::format("context {}, vocabulary {}{}", text["context_length"].get<int>(),
                                text["vocab_size"].get<int>(), text_tower));
  print_row("activation", json["activation"]);
  print_row("logit scale", fmt::format("{:.4f}", json["logit_scale"].get<double>()));
  for (const auto& assumed : json["assumed"]) print_row("assumed", assumed);
}

int run_inspect(const InspectOptions& options) {
  const clip::ModelFile model(model_path(options.path));
  const Json json = describe(model);
  if (options.json) {
    print_json(json);
  } else {
    print_description(json);
  }
  return kDone;
}

}  // namespace

void setup_models_inspect(CLI::App* models, std::function<int()>* command) {
  CLI::App* inspect = models->add_subcommand(
      "inspect", "Check a model file and print its dimensions, without running any of its code");
  auto options = std::make_shared<InspectOptions>();
  inspect->add_option("MODEL", options->path, "A path, or the name of a model that is there")
      ->type_name("")
      ->required();
  inspect->add_flag("--json", options->json, "Print one JSON object");
  inspect->footer("Example:\n  clip-cli models inspect --json ViT-B-32.pt");
  inspect->callback([=] { *command = [=] { return run_inspect(*options); }; });
}

}  // namespace clip_cli
