// Results as lines of fields with a separator between them: what CSV and TSV have in common.
#pragma once

#include <string>
#include <vector>

#include "ui/classified.h"

namespace clip_cli {

class DelimitedResults : public ResultFormat {
 public:
  using Escape = std::string (*)(const std::string& field);

  DelimitedResults(const ResultColumns& columns, char separator, Escape escape)
      : columns_(columns), separator_(separator), escape_(escape) {}

  std::string header() const override { return line(column_names(columns_)); }
  std::string row(const Classified& result) const override {
    return line(column_values(result, columns_));
  }

 private:
  std::string line(const std::vector<std::string>& fields) const {
    std::string line;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (i > 0) line += separator_;
      line += escape_(fields[i]);
    }
    return line + '\n';
  }

  const ResultColumns columns_;
  const char separator_;
  const Escape escape_;
};

}  // namespace clip_cli
