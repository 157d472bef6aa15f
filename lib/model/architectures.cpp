#include "model/architectures.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <string_view>

#include "base/embedded_file.h"
#include "base/strings.h"
#include "clip/error.h"

extern "C" const clip::EmbeddedFile clip_architecture_table[];

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
using Row = std::array<std::string_view, kColumns>;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

const std::vector<Row>& rows() {
  static const std::vector<Row> all = [] {
    std::vector<Row> found;
    Lines lines(clip_architecture_table[0].bytes());
    for (std::string_view line; lines.next(&line);) {
      if (line.empty() || line[0] == '#') continue;
      const auto fields = split(line, '\t');
      if (fields.size() != kColumns) {
        throw Error(
            ErrorCode::kInternal,
            fmt::format("the table of architectures is damaged in line {}", lines.number()));
      }
      Row row;
      std::copy(fields.begin(), fields.end(), row.begin());
      found.push_back(row);
    }
    return found;
  }();
  return all;
}

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

ModelConfig config_of(const Row& row, Activation activation) {
  ModelConfig config;
  config.embedding_dim = number(row[kEmbedding]);
  VisionConfig& vision = config.vision;
  vision.image_size = number(row[kImageSize]);
  vision.width = number(row[kVisionWidth]);
  vision.activation = activation;
  if (row[kVision] == name_of(VisionKind::kResNet)) {
    vision.kind = VisionKind::kResNet;
    const auto stages = split(row[kVisionLayers], ',');
    for (std::size_t i = 0; i < vision.stages.size(); ++i) vision.stages[i] = number(stages.at(i));
    vision.heads = vision.width * 32 / number(row[kHeadWidth]);
  } else {
    vision.kind = VisionKind::kTransformer;
    vision.patch_size = number(row[kPatch]);
    vision.layers = number(row[kVisionLayers]);
    vision.heads = vision.width / number(row[kHeadWidth]);
    vision.mlp_width = number(row[kVisionMlp]);
  }
  TextConfig& text = config.text;
  text.width = number(row[kTextWidth]);
  text.heads = number(row[kTextHeads]);
  text.layers = number(row[kTextLayers]);
  text.mlp_width = 4 * text.width;
  text.context_length = number(row[kContext]);
  text.vocab_size = number(row[kVocabulary]);
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
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("there is no architecture {}; did you mean {}? They are named as open_clip "
                  "names them, with -quickgelu behind it for OpenAI's activation",
                  name, nearest_name(name, architecture_names())));
}

}  // namespace clip
