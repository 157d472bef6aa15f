// Fields between tabs, for cut, sort and awk. A tab, a line break or a backslash in a field is
// written \t, \n, \r or \\, so that a line is a picture and a tab is a border, whatever the names
// hold.
#include "ui/classified.h"

namespace clip_cli {
namespace {

std::string escaped(const std::string& field) {
  std::string result;
  for (const char c : field) {
    switch (c) {
      case '\t':
        result += "\\t";
        break;
      case '\n':
        result += "\\n";
        break;
      case '\r':
        result += "\\r";
        break;
      case '\\':
        result += "\\\\";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string line(const std::vector<std::string>& fields) {
  std::string line;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) line += '\t';
    line += escaped(fields[i]);
  }
  return line + '\n';
}

class TsvResults : public ResultFormat {
 public:
  explicit TsvResults(const ResultColumns& columns) : columns_(columns) {}
  std::string header() const override { return line(column_names(columns_)); }
  std::string row(const Classified& result) const override {
    return line(column_values(result, columns_));
  }

 private:
  const ResultColumns columns_;
};

}  // namespace

std::unique_ptr<ResultFormat> tsv_results(const ResultColumns& columns) {
  return std::make_unique<TsvResults>(columns);
}

}  // namespace clip_cli
