// Rows in columns, for people. They are printed as they come, so the columns' widths are chosen
// beforehand.
#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "terminal/color.h"
#include "terminal/columns.h"
#include "terminal/text.h"
#include "writers/formats.h"

namespace clip_cli {
namespace {

class TableWriter : public RecordWriter {
 public:
  explicit TableWriter(const WriterContext& context) : context_(context) {}

  void begin(Output* output) override {
    if (!context_.table_header) return;
    std::vector<std::string> headings;
    for (const Column& column : context_.columns) {
      if (column.in_table) headings.push_back(padded(column.heading, column.width));
    }
    std::string heading = line(headings);
    heading.pop_back();
    output->write(colored(heading, Color::kBold, STDOUT_FILENO) + '\n');
  }

  void write(const Record& record, Output* output) override {
    if (!record.text.empty()) return output->write(record.text);
    if (!record.title.empty()) output->write(printable(record.title) + '\n');
    for (const std::vector<Cell>& row : record.rows) {
      std::vector<std::string> cells;
      for (std::size_t i = 0; i < context_.columns.size(); ++i) {
        if (context_.columns[i].in_table) cells.push_back(cell(row[i], context_.columns[i]));
      }
      // A row that says nothing here, such as that of an image that failed, is left to other
      // formats.
      const std::string text = line(cells);
      if (text != "\n") output->write(text);
    }
    if (!record.preview.empty()) output->write(record.preview);
  }

 private:
  static std::string cell(const Cell& value, const Column& column) {
    if (const auto* number = std::get_if<double>(&value)) {
      const bool percent = column.style == NumberStyle::kPercent;
      const std::string text = fmt::format("{:.{}f}{}", percent ? 100 * *number : *number,
                                           column.table_decimals, percent ? " %" : "");
      return fmt::format("{:>{}}", text, column.width);
    }
    if (std::holds_alternative<std::int64_t>(value)) {
      return fmt::format("{:>{}}", cell_text(value, 0), column.width);
    }
    std::string text = printable(cell_text(value, 0));
    if (column.width > 0) {
      text = column.cut_middle ? cut_middle(text, column.width) : cut_to_width(text, column.width);
    }
    return padded(text, column.width);
  }

  std::string line(const std::vector<std::string>& cells) const {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) line += (i > 0 ? "  " : "") + cells[i];
    if (context_.table_width > 0) line = cut_to_width(line, context_.table_width);
    line.erase(line.find_last_not_of(' ') + 1);
    return line + '\n';
  }

  const WriterContext context_;
};

}  // namespace

std::unique_ptr<RecordWriter> make_table(const WriterContext& context) {
  return std::make_unique<TableWriter>(context);
}

}  // namespace clip_cli
