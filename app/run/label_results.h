// Images with their likeliest labels, as every format writes them: what `classify` and `probe
// apply` share.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "service/result.h"
#include "writers/record.h"

namespace clip_cli {

// The label of an image whose likeliest one is not likely enough.
inline constexpr const char* kUnknownLabel = "unknown";

struct LabelColumns {
  std::vector<std::string> labels;  // all of them
  std::size_t choices = 0;          // of each image's ranking
  bool files = false;               // images are filed into folders
  double threshold = 0;
  std::vector<Column> sample = std::vector<Column>(2);  // sample_columns(), without names: none
};

// `model`: what people call it.
WriterContext label_context(const LabelColumns& columns, const std::string& model);

Record label_record(const clip::ClassifyResult& result, std::string thumbnail,
                    const LabelColumns& columns);

}  // namespace clip_cli
