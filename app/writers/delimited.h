// Rows as lines of fields with a separator between them: what CSV and TSV have in common.
#pragma once

#include <string>
#include <vector>

#include "writers/record.h"

namespace clip_cli {

class DelimitedWriter : public RecordWriter {
 public:
  using Escape = std::string (*)(const std::string& field);

  DelimitedWriter(const WriterContext& context, char separator, Escape escape)
      : columns_(context.columns), separator_(separator), escape_(escape) {}

  void begin(Output* output) override {
    std::vector<std::string> names;
    for (const Column& column : columns_) {
      if (!column.name.empty()) names.push_back(column.name);
    }
    output->write(line(names));
  }

  void write(const Record& record, Output* output) override {
    for (const std::vector<Cell>& row : record.rows) {
      std::vector<std::string> fields;
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        if (!columns_[i].name.empty()) fields.push_back(cell_text(row[i], columns_[i].decimals));
      }
      output->write(line(fields));
    }
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

  const std::vector<Column> columns_;
  const char separator_;
  const Escape escape_;
};

}  // namespace clip_cli
