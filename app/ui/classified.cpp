#include "ui/classified.h"

#include <fmt/format.h>

namespace clip_cli {
namespace {

std::string share(double probability) {
  return fmt::format("{:.6f}", probability);
}

}  // namespace

std::vector<std::string> column_names(const ResultColumns& columns) {
  std::vector<std::string> names = {"image", "label", "probability", "error"};
  if (columns.filed) names.emplace_back("filed");
  for (std::size_t i = 1; i <= columns.top_k; ++i) {
    names.push_back(fmt::format("label_{}", i));
    names.push_back(fmt::format("probability_{}", i));
  }
  return names;
}

std::vector<std::string> column_values(const Classified& result, const ResultColumns& columns) {
  const bool ranked = !result.ranking.empty();
  std::vector<std::string> values = {result.image, result.label,
                                     ranked ? share(result.probability()) : "", result.error};
  if (columns.filed) values.push_back(result.filed);
  for (std::size_t i = 0; i < columns.top_k; ++i) {
    const bool there = i < result.ranking.size();
    values.push_back(there ? result.ranking[i].label : "");
    values.push_back(there ? share(result.ranking[i].probability) : "");
  }
  return values;
}

}  // namespace clip_cli
