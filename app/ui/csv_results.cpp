// CSV as RFC 4180 has it, but with lines that end in \n, as other tools here write and read them.
#include "ui/classified.h"

namespace clip_cli {
namespace {

std::string quoted(const std::string& field) {
  // Blanks at the ends are quoted, too: some readers take them off.
  const bool plain = field.find_first_of(",\"\r\n") == std::string::npos &&
                     (field.empty() || (field.front() != ' ' && field.back() != ' '));
  if (plain) return field;
  std::string result = "\"";
  for (const char c : field) {
    if (c == '"') result += '"';
    result += c;
  }
  return result + '"';
}

std::string record(const std::vector<std::string>& fields) {
  std::string line;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) line += ',';
    line += quoted(fields[i]);
  }
  return line + '\n';
}

class CsvResults : public ResultFormat {
 public:
  explicit CsvResults(const ResultColumns& columns) : columns_(columns) {}
  std::string header() const override { return record(column_names(columns_)); }
  std::string row(const Classified& result) const override {
    return record(column_values(result, columns_));
  }

 private:
  const ResultColumns columns_;
};

}  // namespace

std::unique_ptr<ResultFormat> csv_results(const ResultColumns& columns) {
  return std::make_unique<CsvResults>(columns);
}

}  // namespace clip_cli
