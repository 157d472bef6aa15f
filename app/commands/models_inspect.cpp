#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/sha256.h"
#include "base/strings.h"
#include "checkpoint/checkpoint.h"
#include "clip/error.h"
#include "clip/model.h"
#include "commands/models.h"
#include "exit_code.h"
#include "hub/catalog.h"
#include "nn/loader.h"
#include "options/model_lookup.h"
#include "terminal/text.h"
#include "writers/print_json.h"

namespace clip_cli {
namespace {

struct InspectOptions {
  std::string path;
  clip::OpenOptions open;
  bool json = false;
};

// The published model with the same dimensions, or null.
const clip::PublishedModel* find_by_shape(const clip::ModelConfig& config) {
  const clip::VisionConfig& vision = config.vision;
  std::int64_t blocks = vision.layers;
  for (const std::int64_t stage : vision.stages) blocks += stage;
  for (const clip::PublishedModel& model : clip::published_models()) {
    if (std::string_view(model.vision) == name_of(vision.kind) &&
        model.image_size == vision.image_size && model.embedding_dim == config.embedding_dim &&
        model.vision_width == vision.width && model.patch_size == vision.patch_size &&
        model.blocks == blocks && model.text_width == config.text.width) {
      return &model;
    }
  }
  return nullptr;
}

bool holds_nan(const clip::Tensor& tensor) {
  constexpr std::int64_t kBlock = 1 << 16;
  std::vector<float> numbers(kBlock);
  const std::int64_t count = clip::element_count(tensor.shape);
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    const std::int64_t size = std::min(kBlock, count - begin);
    clip::convert_to_float(tensor, begin, size, numbers.data());
    if (std::any_of(numbers.begin(), numbers.begin() + size,
                    [](float number) { return std::isnan(number); })) {
      return true;
    }
  }
  return false;
}

// Encoders find NaN while they read the weights; here none is made.
void check_numbers(const clip::Checkpoint& checkpoint) {
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    if (!clip::is_floating_point(tensor.type) || !tensor.contiguous() || !holds_nan(tensor))
      continue;
    throw clip::Error(
        clip::ErrorCode::kCorrupt,
        fmt::format("{}: weight {} holds NaN, expected finite numbers", checkpoint.path(), name));
  }
}

// Elements of each type that the weights are stored in.
std::map<std::string, std::int64_t> count_types(const clip::Checkpoint& checkpoint) {
  std::map<std::string, std::int64_t> elements;
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    elements[clip::name_of(tensor.type)] += clip::element_count(tensor.shape);
  }
  return elements;
}

// A float32 as the double with the fewest digits that stands for it: 1e-05.
double in_short(float number) {
  return std::stod(fmt::format("{}", number));
}

clip::Json describe_vision(const clip::VisionConfig& vision) {
  clip::Json json = {{"kind", name_of(vision.kind)}};
  if (vision.kind == clip::VisionKind::kTransformer) {
    json["patch_size"] = vision.patch_size;
    json["width"] = vision.width;
    json["heads"] = vision.heads;
    json["layers"] = vision.layers;
    json["mlp_width"] = vision.mlp_width;
    json["activation"] = name_of(vision.activation);
    json["norm_epsilon"] = in_short(vision.norm_epsilon);
  } else if (vision.kind == clip::VisionKind::kResNet) {
    json["width"] = vision.width;
    json["blocks"] = vision.stages;
    json["pool_heads"] = vision.heads;
  }
  return json;
}

// What the file does not state and is taken nevertheless, for people who check a model.
std::vector<std::string> assumptions(const clip::Model& model) {
  std::vector<std::string> assumed = model.config().assumed;
  const clip::Checkpoint& checkpoint = model.checkpoint();
  if (model.config().recognised && checkpoint.has_code() &&
      checkpoint.documents().count("clip.json") == 0) {
    assumed.emplace_back(
        "activation, width of heads and preprocessing, as those of OpenAI's files; `models "
        "self-test` "
        "compares with the file's own code");
  }
  return assumed;
}

// The files of sharded weights, each with its size and digest.
clip::Json describe_files(const clip::Checkpoint& checkpoint) {
  clip::Json files = clip::Json::array();
  for (const auto& file : checkpoint.files()) {
    clip::Json json = {{"bytes", file->size()}, {"sha256", clip::sha256(file->bytes())}};
    clip::put_name(&json, "file", file->path());
    files.push_back(json);
  }
  return files;
}

clip::Json describe(const clip::Model& model) {
  const clip::ModelConfig& config = model.config();
  const clip::Checkpoint& checkpoint = model.checkpoint();
  const clip::Json files = describe_files(checkpoint);
  const std::string sha256 = files.size() == 1 ? files[0]["sha256"].get<std::string>() : "";
  std::uint64_t bytes = 0;
  for (const auto& file : checkpoint.files()) bytes += file->size();
  const clip::PublishedModel* published = clip::find_by_sha256(sha256);
  const clip::PublishedModel* same_shape = find_by_shape(config);
  const auto name_or_null = [](const clip::PublishedModel* published_model) {
    return published_model != nullptr ? clip::Json(published_model->name) : clip::Json(nullptr);
  };

  clip::Json json;
  clip::put_name(&json, "file", model.path());
  json["bytes"] = bytes;
  json["sha256"] = sha256.empty() ? clip::Json(nullptr) : clip::Json(sha256);
  if (files.size() > 1) json["files"] = files;
  json["published"] = name_or_null(published);
  json["same_shape_as"] = name_or_null(same_shape);
  json["name"] = config.name.empty() ? clip::Json(nullptr) : clip::Json(config.name);
  json["recognised"] = config.recognised;
  if (!config.recognised) json["unrecognised_because"] = config.unrecognised;
  json["parameters"] = checkpoint.parameter_count();
  json["weight_types"] = count_types(checkpoint);
  json["embedding_dim"] = config.embedding_dim;
  json["logit_scale"] = config.logit_scale;
  json["activation"] = name_of(config.text.activation);
  json["image"] = {
      {"size", config.vision.image_size},
      {"resize", name_of(config.preprocessing.resize, config.preprocessing.interpolation)},
      {"mean", config.preprocessing.mean},
      {"std", config.preprocessing.std},
  };
  json["vision"] = describe_vision(config.vision);
  json["text"] = {{"context_length", config.text.context_length},
                  {"vocab_size", config.text.vocab_size},
                  {"width", config.text.width},
                  {"heads", config.text.heads},
                  {"layers", config.text.layers},
                  {"mlp_width", config.text.mlp_width},
                  {"norm_epsilon", in_short(config.text.norm_epsilon)},
                  {"tokenizer", "CLIP's byte-pair encoding"},
                  {"start_of_text", config.text.start_of_text},
                  {"end_of_text", config.text.end_of_text}};
  json["assumed"] = assumptions(model);
  json["format"] = checkpoint.format();
  json["layout"] = config.layout;
  json["documents"] = clip::Json::array();
  for (const auto& [name, text] : checkpoint.documents()) {
    if (name != "clip.json" && !clip::ends_with(name, "config.json")) continue;
    json["documents"].push_back(name);
  }
  json["identity"] = model.identity();
  return json;
}

// A published model's file, or other weights in its shape, or something else.
std::string described(const clip::Json& json) {
  if (json["published"].is_string()) return json["published"].get<std::string>() + ", as published";
  if (json["same_shape_as"].is_string()) {
    return fmt::format("the shape of {}, with other weights or in another file",
                       json["same_shape_as"].get<std::string>());
  }
  return json["recognised"]
             ? "a CLIP of a shape that OpenAI has not published"
             : "not CLIP's own structure: " + json["unrecognised_because"].get<std::string>();
}

// How people call a layout.
std::string layout_title(const std::string& layout) {
  if (layout == "openai") return "OpenAI's and open_clip's files";
  if (layout == "open_clip_custom_text") return "open_clip's files with a custom text tower";
  if (layout == "hugging_face") return "Hugging Face transformers";
  return "no layout that is known";
}

void print_row(const char* label, const std::string& value) {
  fmt::print("{:<14}{}\n", label, printable(value));
}

void print_description(const clip::Json& json) {
  const clip::Json& vision = json["vision"];
  const clip::Json& text = json["text"];
  const clip::Json& image = json["image"];
  print_row("file", json["file"]);
  print_row("size", fmt::format("{} bytes ({:.1f} MiB)", json["bytes"].get<std::uint64_t>(),
                                json["bytes"].get<double>() / (1 << 20)));
  if (json["sha256"].is_string()) print_row("sha256", json["sha256"]);
  print_row("format", fmt::format("{}, names of tensors as in {}",
                                  json["format"].get<std::string>(), layout_title(json["layout"])));
  for (const auto& document : json["documents"]) print_row("config", document);
  print_row("model", described(json));
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
  print_row("mean, std",
            fmt::format("{:.7g}; {:.7g}", fmt::join(image["mean"].get<std::vector<double>>(), " "),
                        fmt::join(image["std"].get<std::vector<double>>(), " ")));
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
  std::string activation = json["activation"];
  if (vision.contains("activation") && vision["activation"] != json["activation"]) {
    activation += fmt::format(" (text), {} (image)", vision["activation"].get<std::string>());
  }
  print_row("activation", activation);
  print_row("tokenizer", text["tokenizer"]);
  print_row("logit scale", fmt::format("{:.4f}", json["logit_scale"].get<double>()));
  for (const auto& assumed : json["assumed"]) print_row("assumed", assumed);
}

int run_inspect(const InspectOptions& options) {
  const ModelLocation location = locate_model(options.path);
  const auto model = clip::Model::open(location.path, open_options(options.open, location));
  const clip::Json json = describe(*model);
  check_numbers(model->checkpoint());
  if (options.json) {
    print_json(json);
  } else {
    print_description(json);
  }
  return kDone;
}

}  // namespace

void setup_models_inspect(CLI::App* models, Command* command) {
  CLI::App* inspect = models->add_subcommand(
      "inspect", "Print what is in a model's file: dimensions, types, SHA-256; runs no code of it");
  auto options = std::make_shared<InspectOptions>();
  inspect->add_option("MODEL", options->path, "A model's name or path")->type_name("")->required();
  inspect
      ->add_option("--arch", options->open.architecture,
                   "Architecture of weights without a config beside them: ViT-B-32, ...")
      ->type_name("NAME");
  inspect->add_flag("--json", options->json, "Print one JSON object");
  inspect->footer("Example:\n  clip-cli models inspect --json ViT-B-32.pt");
  inspect->callback([=] { *command = [=] { return run_inspect(*options); }; });
}

}  // namespace clip_cli
