#include "hub/catalog.h"

#include <fmt/format.h>

#include <cstdlib>

#include "base/embedded_file.h"
#include "base/strings.h"
#include "base/table.h"
#include "clip/error.h"
#include "hub/architectures.h"

extern "C" const clip::EmbeddedFile clip_hub_tables[], clip_hub_tables_end[];

namespace clip {
namespace {

std::vector<CatalogModel> read_catalog() {
  std::vector<CatalogModel> all;
  for (const auto& row : table_rows(clip_hub_tables, clip_hub_tables_end, "catalog", 11)) {
    CatalogModel one;
    one.architecture = row[0];
    one.tag = row[1];
    one.repository = row[2];
    one.activation = row[3];
    one.mean_std = row[4];
    one.interpolation = row[5];
    one.resize = row[6];
    if (!row[7].empty()) one.imagenet_top1 = std::strtod(row[7].c_str(), nullptr);
    one.licence = row[8];
    one.listed = row[9] == "yes";
    one.cannot_run = row[10];
    all.push_back(std::move(one));
  }
  return all;
}

// "ViT-L-14-336" for OpenAI's "ViT-L/14@336px".
std::string open_clip_name(const PublishedModel& model) {
  std::string name = model.name;
  for (char& c : name) {
    if (c == '/' || c == '@') c = '-';
  }
  if (ends_with(name, "px")) name.resize(name.size() - 2);
  return name;
}

}  // namespace

// File names and SHA-256 are in the addresses that OpenAI's package downloads from
// (github.com/openai/CLIP, clip/clip.py); dimensions are those of the paper's tables 19 and 20,
// accuracies those of its table 11.
const std::vector<PublishedModel>& published_models() {
  constexpr const char *kViT = "ViT", *kResNet = "ModifiedResNet";
  static const std::vector<PublishedModel> models = {
      {"RN50", "RN50.pt", "afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762",
       102007137, 256, 59.6, 224, 1024, kResNet, 64, 0, 16, 512},
      {"RN101", "RN101.pt", "8fa8567bab74a42d41c5915025a8e4538c3bdbe8804a470a72f30b0d94fab599",
       119688033, 292, 62.2, 224, 512, kResNet, 64, 0, 33, 512},
      {"RN50x4", "RN50x4.pt", "7e526bd135e493cef0776de27d5f42653e6b4c8bf9e0f653bb11773263205fdd",
       178300601, 422, 65.8, 288, 640, kResNet, 80, 0, 26, 640},
      {"RN50x16", "RN50x16.pt", "52378b407f34354e150460fe41077663dd5b39c54cd0bfd2b27167a4a06ec9aa",
       290979217, 661, 70.5, 384, 768, kResNet, 96, 0, 40, 768},
      {"RN50x64", "RN50x64.pt", "be1cfb55d75a9666199fb2206c106743da0f6468c9d327f3e0d0a543a9919d9c",
       623258305, 1326, 73.6, 448, 1024, kResNet, 128, 0, 64, 1024},
      {"ViT-B/32", "ViT-B-32.pt",
       "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af", 151277313, 354, 63.2,
       224, 512, kViT, 768, 32, 12, 512},
      {"ViT-B/16", "ViT-B-16.pt",
       "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f", 149620737, 351, 68.6,
       224, 512, kViT, 768, 16, 12, 512},
      {"ViT-L/14", "ViT-L-14.pt",
       "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836", 427616513, 932, 75.3,
       224, 768, kViT, 1024, 14, 24, 768},
      {"ViT-L/14@336px", "ViT-L-14-336px.pt",
       "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02", 427944193, 934, 76.2,
       336, 768, kViT, 1024, 14, 24, 768},
  };
  return models;
}

const PublishedModel* find_by_sha256(const std::string& sha256) {
  for (const auto& model : published_models()) {
    if (sha256 == model.sha256) return &model;
  }
  return nullptr;
}

std::vector<std::string> addresses_of(const PublishedModel& model) {
  // A folder of OpenAI's is named by its file's SHA-256 (github.com/openai/CLIP, clip/clip.py). The
  // first host is reported to answer some of its users with 404 since October 2025; the last is a
  // copy of the same files.
  return {
      fmt::format("https://openaipublic.azureedge.net/clip/models/{}/{}", model.sha256, model.file),
      fmt::format("https://openaipublic.blob.core.windows.net/clip/models/{}/{}", model.sha256,
                  model.file),
      fmt::format("https://huggingface.co/jinaai/clip-models/resolve/main/{}", model.file)};
}

const Architecture* CatalogModel::dimensions() const {
  return runs() ? find_architecture(architecture) : nullptr;
}

const PublishedModel* CatalogModel::published() const {
  if (tag != "openai") return nullptr;
  for (const PublishedModel& model : published_models()) {
    if (open_clip_name(model) == architecture) return &model;
  }
  return nullptr;
}

const std::vector<CatalogModel>& catalog() {
  static const std::vector<CatalogModel> all = read_catalog();
  return all;
}

const CatalogModel* find_by_repository(const std::string& repository) {
  const std::string wanted = lower_ascii(repository);
  for (const CatalogModel& model : catalog()) {
    if (lower_ascii(model.repository) == wanted) return &model;
  }
  return nullptr;
}

const CatalogModel& in_catalog(const PublishedModel& model) {
  const std::string architecture = open_clip_name(model);
  for (const CatalogModel& each : catalog()) {
    if (each.tag == "openai" && each.architecture == architecture) return each;
  }
  throw Error(ErrorCode::kInternal, fmt::format("{} is missing from the catalog", model.name));
}

std::int64_t bytes_of(const Architecture& architecture) {
  return 4 * parameters_of(architecture);
}

}  // namespace clip
