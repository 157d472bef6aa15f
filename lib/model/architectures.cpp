#include "model/architectures.h"

#include <fmt/format.h>

#include <string_view>

#include "base/embedded_file.h"
#include "base/strings.h"
#include "base/table.h"
#include "clip/error.h"

extern "C" const clip::EmbeddedFile clip_architecture_table[], clip_architecture_table_end[];

namespace clip {
namespace {

constexpr std::string_view kQuickGelu = "-quickgelu";

// The columns of the table, as its first line names them.
enum Column {
  kName,
  kImageSize,
  kEmbedding,
  kVision,
  kPatch,
  kVisionWidth,
  kVisionLayers,
  kHeadWidth,
  kVisionMlp,
  kTextWidth,
  kTextHeads,
  kTextLayers,
  kContext,
  kVocabulary,
  kColumns
};
using Row = std::vector<std::string>;

const std::vector<Row>& rows() {
  static const std::vector<Row> all =
      table_rows(clip_architecture_table, clip_architecture_table_end, "architectures", kColumns);
  return all;
}

ModelConfig config_of(const Row& row, Activation activation) {
  ModelConfig config;
  config.embedding_dim = table_number(row[kEmbedding]);
  VisionConfig& vision = config.vision;
  vision.image_size = table_number(row[kImageSize]);
  vision.width = table_number(row[kVisionWidth]);
  vision.activation = activation;
  if (row[kVision] == name_of(VisionKind::kResNet)) {
    vision.kind = VisionKind::kResNet;
    const std::vector<std::int64_t> stages = table_numbers(row[kVisionLayers]);
    for (std::size_t i = 0; i < vision.stages.size(); ++i) vision.stages[i] = stages.at(i);
    vision.heads = vision.width * 32 / table_number(row[kHeadWidth]);
  } else {
    vision.kind = VisionKind::kTransformer;
    vision.patch_size = table_number(row[kPatch]);
    vision.layers = table_number(row[kVisionLayers]);
    vision.heads = vision.width / table_number(row[kHeadWidth]);
    vision.mlp_width = table_number(row[kVisionMlp]);
  }
  TextConfig& text = config.text;
  text.width = table_number(row[kTextWidth]);
  text.heads = table_number(row[kTextHeads]);
  text.layers = table_number(row[kTextLayers]);
  text.mlp_width = 4 * text.width;
  text.context_length = table_number(row[kContext]);
  text.vocab_size = table_number(row[kVocabulary]);
  text.activation = activation;
  config.preprocessing.image_size = static_cast<int>(vision.image_size);
  return config;
}

}  // namespace

std::vector<std::string> architecture_names() {
  std::vector<std::string> names;
  for (const Row& row : rows()) names.emplace_back(row[kName]);
  return names;
}

ModelConfig architecture(const std::string& name) {
  std::string wanted = lower_ascii(name);
  const bool quick = ends_with(wanted, kQuickGelu);
  if (quick) wanted.resize(wanted.size() - kQuickGelu.size());
  for (const Row& row : rows()) {
    if (wanted != lower_ascii(row[kName])) continue;
    return config_of(row, quick ? Activation::kQuickGelu : Activation::kGelu);
  }
  const std::string similar = similar_name(name, architecture_names());
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("there is no architecture {}{} They are named as open_clip names them, "
                  "with -quickgelu behind it for OpenAI's activation",
                  name, similar.empty() ? "." : fmt::format("; did you mean {}?", similar)));
}

}  // namespace clip
