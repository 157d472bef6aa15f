#include "run/label_results.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "run/sample_columns.h"
#include "terminal/columns.h"
#include "terminal/text.h"

namespace clip_cli {
namespace {

// What else it could be, or where the image has been filed.
std::string alternatives_of(const clip::ClassifyResult& result, bool files) {
  if (files) return result.filed.empty() ? "failed" : result.filed;
  std::string text;
  // Where the label is "unknown", the first choice is among what it could be.
  const std::size_t first = result.label == result.ranking.front().label ? 1 : 0;
  for (std::size_t i = first; i < result.ranking.size(); ++i) {
    text += fmt::format("{}{} {:.1f} %", i == first ? "" : ", ", result.ranking[i].label,
                        100 * result.ranking[i].probability);
  }
  return text;
}

}  // namespace

WriterContext label_context(const LabelColumns& columns, const std::string& model) {
  int label_width = 0;
  WriterContext context;
  for (const std::string& name : columns.labels) {
    label_width = std::max(label_width, display_width(printable(name)));
  }
  context.labels = columns.labels;
  context.model = model;
  context.threshold = columns.threshold;
  context.table_width = terminal_width(STDOUT_FILENO);

  Column image, label, probability, error, filed, alternatives;
  image.name = image.heading = "image";
  label.name = label.heading = "label";
  probability.name = probability.heading = "probability";
  image.in_table = label.in_table = probability.in_table = alternatives.in_table = true;
  label.width = std::clamp(label_width, 7, 24);
  image.width = std::clamp(context.table_width - label.width - 40, 16, 50);
  image.cut_middle = true;
  probability.width = 11;
  probability.style = NumberStyle::kPercent;
  error.name = "error";
  if (columns.files) filed.name = "filed";
  alternatives.heading = "or";
  context.columns = {image, label, probability, error, filed};
  context.columns.insert(context.columns.end(), columns.sample.begin(), columns.sample.end());
  for (std::size_t i = 1; i <= columns.choices; ++i) {
    Column choice;
    choice.name = fmt::format("label_{}", i);
    context.columns.push_back(choice);
    choice.name = fmt::format("probability_{}", i);
    context.columns.push_back(choice);
  }
  context.columns.push_back(alternatives);
  return context;
}

Record label_record(const clip::ClassifyResult& result, std::string thumbnail,
                    const LabelColumns& columns) {
  const bool ranked = !result.ranking.empty();
  Record record;
  record.json = to_json(result);
  record.thumbnail = std::move(thumbnail);
  record.file = result.filed.empty() ? result.image : result.filed;
  std::vector<Cell> row = {result.image, result.label, ranked ? Cell(result.probability()) : Cell(),
                           result.error ? Cell(result.error->message) : Cell(), result.filed};
  for (Cell& cell : sample_cells(result.texts)) row.push_back(std::move(cell));
  for (std::size_t i = 0; i < columns.choices; ++i) {
    const bool there = i < result.ranking.size();
    row.push_back(there ? Cell(result.ranking[i].label) : Cell());
    row.push_back(there ? Cell(result.ranking[i].probability) : Cell());
  }
  // The whole of what went wrong is a notice of its own.
  row.push_back(ranked ? alternatives_of(result, columns.files) : "failed");
  record.rows.push_back(std::move(row));
  return record;
}

}  // namespace clip_cli
