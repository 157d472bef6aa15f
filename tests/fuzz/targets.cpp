#include "targets.h"

#include <fstream>

#include "checkpoint/checkpoint.h"
#include "checkpoint/formats.h"
#include "clip/model.h"
#include "clip_archive.h"
#include "model/canonical.h"
#include "model/layouts/hugging_face.h"
#include "zip_writer.h"

namespace clip_fuzz {
namespace {

using clip_test::Tensors;

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

Tensors few_tensors() {
  Tensors tensors;
  tensors["logit_scale"] = {{}, {4.6F}};
  tensors["a.weight"] = {{2, 3}, {1, 2, 3, 4, 5, 6}};
  tensors["b"] = {{4}, {1, 2, 3, 4}};
  return tensors;
}

// Reads what a model's opening reads.
void use(const clip::Checkpoint& checkpoint) {
  static_cast<void>(checkpoint.content_digest(true));
  static_cast<void>(checkpoint.parameter_count());
}

std::size_t open_file(const std::string& path, const std::string& bytes) {
  write(path, bytes);
  use(*clip::open_checkpoint_file(path));
  return bytes.size();
}

// A pickle as the archives hold it, out of one that the project's tests write.
std::string state_pickle() {
  std::string pickle = "\x80\x02}(";
  const auto text = [](const std::string& value) {
    return std::string("X") + static_cast<char>(value.size()) + std::string(3, '\0') + value;
  };
  for (const char* name : {"logit_scale", "module.w"}) {
    pickle += text(name) + "ctorch._utils\n_rebuild_tensor_v2\nq\x01((" + text("storage") +
              "ctorch\nFloatStorage\nq\x02" + text("0") + text("cpu") + "K\x01tQ" +
              std::string("K\0", 2) +
              "K\x01\x85K\x01\x85\x89"
              "ccollections\nOrderedDict\n)Rtq\x03R";
  }
  return pickle + "u.";
}

// A folder with the weights of a small ViT, and the documents beside them.
class Folder {
 public:
  Folder(std::string path, const Tensors& tensors) : path_(std::move(path)) {
    const std::string bytes = clip_test::safetensors_file(tensors);
    size_ = bytes.size();
    write(path_ + "/model.safetensors", bytes);
  }

  std::size_t open(const std::string& document, const std::string& text) const {
    write(path_ + "/" + document, text);
    const auto model = clip::Model::open(path_);
    static_cast<void>(model->identity());
    return size_ + text.size();
  }

 private:
  std::string path_;
  std::size_t size_;
};

const char* const kOpenClip =
    R"({"model_cfg": {"embed_dim": 8, "quick_gelu": true, "custom_text": false,
  "vision_cfg": {"image_size": 8, "layers": 1, "width": 64, "head_width": 32, "patch_size": 4,
                 "mlp_ratio": 4.0, "norm_kwargs": {"eps": 1e-6}, "act_kwargs": null},
  "text_cfg": {"context_length": 5, "vocab_size": 10, "width": 64, "heads": 4, "layers": 1}},
  "preprocess_cfg": {"mean": [0.5, 0.4, 0.3], "std": [0.1, 0.2, 0.3], "interpolation": "bilinear",
                     "resize_mode": "longest", "fill_color": 0}})";

const char* const kTransformers = R"({"model_type": "clip", "projection_dim": 8, "text_config": {
  "hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 1, "num_attention_heads": 1,
  "max_position_embeddings": 5, "vocab_size": 10, "hidden_act": "gelu", "eos_token_id": 2},
  "vision_config": {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 1,
  "num_attention_heads": 1, "image_size": 8, "patch_size": 4, "hidden_act": "quick_gelu",
  "layer_norm_eps": 1e-5}})";

// The small ViT's weights under transformers' names.
Tensors transformers_weights() {
  Tensors tensors;
  const clip::Layout layout = clip::hugging_face_layout();
  for (const auto& weight :
       clip::canonical_weights(clip_test::small_config(clip::VisionKind::kTransformer))) {
    const clip::StoredWeight stored = clip::stored_weight(layout, weight);
    const auto count = static_cast<std::size_t>(clip::element_count(stored.shape));
    tensors[stored.name] = {stored.shape, std::vector<float>(count, 0.5F)};
  }
  return tensors;
}

}  // namespace

std::vector<Target> targets(const std::string& folder) {
  const std::string path = folder + "/model";
  std::vector<Target> all;

  Target target;
  target.name = "safetensors";
  target.seeds = {clip_test::safetensors_file(few_tensors())};
  target.words = {"{",
                  "}",
                  "[",
                  "]",
                  ":",
                  ",",
                  "\"",
                  "\"dtype\":\"F16\",",
                  "F8",
                  "{}",
                  "\"shape\"",
                  "I64",
                  "null",
                  "[[[[[",
                  "\"__metadata__\"",
                  "\\u0000"};
  target.open = [=](const std::string& input) { return open_file(path, input); };
  all.push_back(target);

  target.name = "zip";
  target.seeds = {clip_test::zip(clip_test::module_records(few_tensors())),
                  clip_test::zip({{"r/data.pkl", state_pickle()}, {"r/data/0", "0123"}})};
  target.words = {std::string("PK\x01\x02", 4), std::string("PK\x05\x06", 4),
                  std::string("PK\x06\x07", 4), std::string(8, '\xff'), std::string(8, '\0')};
  all.push_back(target);

  target.name = "pickle";
  target.seeds = {state_pickle()};
  for (const auto& [name, bytes] : clip_test::module_records(few_tensors())) {
    if (name.find("data.pkl") != std::string::npos) target.seeds.push_back(bytes);
  }
  target.words = {"(",
                  "t",
                  "u",
                  "R",
                  "Q",
                  "b",
                  "h\x01",
                  "q\x01",
                  "}",
                  "\x85",
                  "\x93",
                  "\x81",
                  "\x92",
                  "\x90",
                  "\x8f",
                  "0",
                  "1",
                  "2",
                  std::string("X\xff\xff\xff\x7f", 5),
                  std::string("\x8b\0\0\0\x10", 5),
                  "cos\nsystem\n",
                  std::string("X\x0a\0\0\0"
                              "state_dict",
                              15)};
  target.open = [=](const std::string& input) {
    return open_file(path, clip_test::zip({{"r/data.pkl", input}, {"r/data/0", "01234567"}}));
  };
  all.push_back(target);

  const std::vector<std::string> json = {"null",    "true",     "-1", "[]", "{}", "\"x\"", "1e400",
                                         "{\"a\":", "[[[[[[[[", ",",  ":",  "\"", "\xff"};
  target.name = "open_clip_config";
  target.seeds = {kOpenClip};
  target.words = json;
  for (const char* key : {"\"timm_model_name\":", "\"no_ln_pre\":true,", "\"head_width\":0,",
                          "\"pool_type\":", "\"image_size\":[8,8],", "\"layers\":[1,1,1,1],"}) {
    target.words.emplace_back(key);
  }
  const auto open_clip = std::make_shared<Folder>(
      folder, clip_test::small_weights(clip_test::small_config(clip::VisionKind::kTransformer)));
  target.open = [=](const std::string& input) {
    return open_clip->open("open_clip_config.json", input);
  };
  all.push_back(target);

  target.name = "transformers_config";
  target.seeds = {kTransformers};
  target.words = json;
  for (const char* key : {"\"text_config_dict\":{},", "\"hidden_act\":\"gelu_new\",",
                          "\"num_attention_heads\":0,", "\"eos_token_id\":49407,"}) {
    target.words.emplace_back(key);
  }
  const std::string second = folder + "/transformers";
  target.open = [=](const std::string& input) {
    static const Folder weights = [&] {
      write(second + "/preprocessor_config.json", R"({"size": 8, "crop_size": 8})");
      return Folder(second, transformers_weights());
    }();
    return weights.open("config.json", input);
  };
  all.push_back(target);
  return all;
}

}  // namespace clip_fuzz
