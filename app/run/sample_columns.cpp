#include "run/sample_columns.h"

#include <algorithm>
#include <optional>
#include <string>

#include "clip/image_paths.h"

namespace clip_cli {
namespace {

bool is_archive(const std::string& named) {
  const std::optional<BraceList> list = brace_list(named);
  return clip::names_archive(list ? list->at(0) : named);
}

Cell cell_of(const std::optional<std::string>& text) {
  return text ? Cell(*text) : Cell();
}

}  // namespace

std::vector<Column> sample_columns(const ImageInputs& inputs) {
  std::vector<Column> columns(2);
  if (std::any_of(inputs.named.begin(), inputs.named.end(), is_archive) ||
      std::any_of(inputs.images.begin(), inputs.images.end(), is_archive)) {
    columns[0].name = "caption";
    columns[1].name = "class";
  }
  return columns;
}

std::vector<Cell> sample_cells(const clip::ResultTexts& texts) {
  if (texts == nullptr) return std::vector<Cell>(2);
  return {cell_of(texts->caption), cell_of(texts->cls)};
}

}  // namespace clip_cli
