#include "hub/architectures.h"

#include "base/embedded_file.h"
#include "base/table.h"
#include "clip/error.h"

extern "C" const clip::EmbeddedFile clip_hub_tables[], clip_hub_tables_end[];

namespace clip {
namespace {

std::vector<Architecture> read_architectures() {
  std::vector<Architecture> all;
  for (const auto& row : table_rows(clip_hub_tables, clip_hub_tables_end, "architectures", 14)) {
    Architecture one;
    one.name = row[0];
    one.image_size = table_number(row[1]);
    one.embedding_dim = table_number(row[2]);
    one.resnet = row[3] == "ModifiedResNet";
    one.patch_size = table_number(row[4]);
    one.width = table_number(row[5]);
    one.layers = table_numbers(row[6]);
    one.mlp_width = table_number(row[8]);
    one.text_width = table_number(row[9]);
    one.text_layers = table_number(row[11]);
    one.context_length = table_number(row[12]);
    one.vocab_size = table_number(row[13]);
    all.push_back(std::move(one));
  }
  return all;
}

// Parameters and operations of an image tower, added up layer by layer.
struct Sum {
  double parameters = 0, flops = 0;

  // `positions` times a product with a matrix [in, out], and a bias where there is one.
  void linear(double positions, double in, double out, bool bias) {
    parameters += in * out + (bias ? out : 0);
    flops += 2 * positions * in * out;
  }

  void layer_norm(double width) { parameters += 2 * width; }

  // Without a bias, and followed by a batch norm, as in all of ModifiedResNet.
  void convolution(double edge, double in, double out, double kernel) {
    linear(edge * edge, in * kernel * kernel, out, false);
    parameters += 2 * out;
  }

  // Pre-norm block: attention over `tokens` tokens, and an MLP.
  void block(double tokens, double width, double mlp_width) {
    layer_norm(width);
    linear(tokens, width, 3 * width, true);
    flops += 4 * tokens * tokens * width;
    linear(tokens, width, width, true);
    layer_norm(width);
    linear(tokens, width, mlp_width, true);
    linear(tokens, mlp_width, width, true);
  }
};

Sum vit(const Architecture& a) {
  const auto width = static_cast<double>(a.width);
  const double patch = static_cast<double>(a.patch_size);
  const auto edge = static_cast<double>(a.image_size / a.patch_size);
  const double tokens = edge * edge + 1;
  Sum sum;
  sum.linear(edge * edge, 3 * patch * patch, width, false);
  sum.parameters += width + tokens * width;  // class and position embeddings
  sum.layer_norm(width);
  for (std::int64_t i = 0; i < a.layers.front(); ++i) {
    sum.block(tokens, width, static_cast<double>(a.mlp_width));
  }
  sum.layer_norm(width);
  sum.linear(1, width, static_cast<double>(a.embedding_dim), false);
  return sum;
}

// A stem of three convolutions, bottleneck blocks with an average pool before each stride, and
// attention in place of the last pool (Radford et al. 2021, section 2.4).
Sum modified_resnet(const Architecture& a) {
  const auto width = static_cast<double>(a.width);
  double edge = static_cast<double>(a.image_size) / 2;
  Sum sum;
  sum.convolution(edge, 3, width / 2, 3);
  sum.convolution(edge, width / 2, width / 2, 3);
  sum.convolution(edge, width / 2, width, 3);
  edge /= 2;
  double in = width, planes = width;
  for (std::size_t stage = 0; stage < a.layers.size(); ++stage, planes *= 2) {
    for (std::int64_t i = 0; i < a.layers[stage]; ++i) {
      sum.convolution(edge, in, planes, 1);
      sum.convolution(edge, planes, planes, 3);
      if (i == 0 && stage > 0) edge /= 2;
      sum.convolution(edge, planes, 4 * planes, 1);
      if (i == 0) sum.convolution(edge, in, 4 * planes, 1);
      in = 4 * planes;
    }
  }
  const double tokens = edge * edge + 1;
  sum.parameters += tokens * in;
  sum.linear(1, in, in, true);           // the query of the mean alone
  sum.linear(tokens, in, 2 * in, true);  // keys and values
  sum.flops += 4 * tokens * in;
  sum.linear(1, in, static_cast<double>(a.embedding_dim), true);
  return sum;
}

Sum image_tower(const Architecture& a) {
  return a.resnet ? modified_resnet(a) : vit(a);
}

Sum text_tower(const Architecture& a) {
  const auto width = static_cast<double>(a.text_width);
  const auto tokens = static_cast<double>(a.context_length);
  Sum sum;
  sum.parameters += (static_cast<double>(a.vocab_size) + tokens) * width;
  for (std::int64_t i = 0; i < a.text_layers; ++i) sum.block(tokens, width, 4 * width);
  sum.layer_norm(width);
  sum.linear(1, width, static_cast<double>(a.embedding_dim), false);
  return sum;
}

}  // namespace

const std::vector<Architecture>& architectures() {
  static const std::vector<Architecture> all = read_architectures();
  return all;
}

const Architecture* find_architecture(const std::string& name) {
  for (const Architecture& each : architectures()) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

std::int64_t parameters_of(const Architecture& architecture) {
  constexpr double kLogitScale = 1;
  return static_cast<std::int64_t>(image_tower(architecture).parameters +
                                   text_tower(architecture).parameters + kLogitScale);
}

double image_flops_of(const Architecture& architecture) {
  return image_tower(architecture).flops;
}

double text_flops_of(const Architecture& architecture) {
  return text_tower(architecture).flops;
}

}  // namespace clip
