// A row a picture, as wide as the terminal: the picture, its label, how sure, and what else it
// could be. Rows are printed as they come, so the columns' widths are chosen beforehand.
#include <fmt/format.h>

#include <algorithm>

#include "ui/classified.h"
#include "ui/columns.h"
#include "ui/text.h"

namespace clip_cli {
namespace {

class TableResults : public ResultFormat {
 public:
  explicit TableResults(const ResultColumns& columns)
      : columns_(columns),
        label_width_(std::clamp(columns.longest_label, 7, 24)),
        path_width_(std::clamp(columns.width - label_width_ - 40, 16, 50)) {}

  std::string header() const override {
    return cut(padded("picture", path_width_) + "  " + padded("label", label_width_) +
               "  probability  or");
  }

  std::string row(const Classified& result) const override {
    std::string line = padded(cut_middle(printable(result.image), path_width_), path_width_) + "  ";
    // The whole of what went wrong is a notice of its own.
    if (result.ranking.empty()) return cut(line + "failed");
    line += padded(cut_to_width(printable(result.label), label_width_), label_width_);
    line += fmt::format("  {:9.2f} %  ", 100 * result.probability());
    if (columns_.filed)
      return cut(line + (result.filed.empty() ? "failed" : printable(result.filed)));
    // Where the label is "unknown", the first choice is among what it could be.
    const std::size_t first = result.label == result.ranking.front().label ? 1 : 0;
    for (std::size_t i = first; i < result.ranking.size(); ++i) {
      const Choice& choice = result.ranking[i];
      line += fmt::format("{}{} {:.1f} %", i == first ? "" : ", ", printable(choice.label),
                          100 * choice.probability);
    }
    return cut(line);
  }

 private:
  std::string cut(const std::string& line) const {
    std::string cut = cut_to_width(line, columns_.width);
    cut.erase(cut.find_last_not_of(' ') + 1);
    return cut + '\n';
  }

  const ResultColumns columns_;
  const int label_width_, path_width_;
};

}  // namespace

std::unique_ptr<ResultFormat> table_results(const ResultColumns& columns) {
  return std::make_unique<TableResults>(columns);
}

}  // namespace clip_cli
