// Tables with a header: comma-separated values (RFC 4180), or the same with tabs, which is told by
// the header. Read a record at a time, however many there are. A quoted field may hold the
// separator, quotes that are doubled, and line breaks, which become \n.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

#include "clip/cancel.h"
#include "input/line_reader.h"

namespace clip_cli {

class CsvReader {
 public:
  // Reads the header. "-" is standard input; `encoding` and `stop`: as LineReader has them. Throws
  // clip::Error, naming the file, where there is no header.
  CsvReader(const std::string& path, const std::string& encoding = "",
            const clip::CancelToken* stop = nullptr);

  const std::vector<std::string>& header() const { return header_; }

  // The place of the first of these names that the header has, in any case. Throws clip::Error
  // (kCorrupt), which says what the header has, where it has none of them.
  std::size_t column(std::initializer_list<const char*> names) const;

  // The next record, which has as many fields as the header; empty lines are passed over. False at
  // the end. Throws clip::Error naming file and line for what is no such record, or has more than
  // 4 MiB.
  bool next(std::vector<std::string>* fields);

  std::size_t line() const { return line_; }  // that the record began in, from 1
  const std::string& name() const { return reader_.name(); }

 private:
  bool read_record(std::vector<std::string>* fields);
  bool take_line(std::string* line);

  LineReader reader_;
  char separator_ = ',';
  std::vector<std::string> header_;
  std::size_t line_ = 0;
};

}  // namespace clip_cli
