// The outputs of one run: the results in one format, and beside them a page, where one is asked
// for.
#pragma once

#include <memory>
#include <string>

#include "options/output_options.h"
#include "writers/output.h"
#include "writers/record.h"

namespace clip_cli {

class Results {
 public:
  // `output`: where results in `format` go; the page goes to the options' --report.
  Results(Output output, const OutputFormat& format, const OutputOptions& options,
          const WriterContext& context);

  // Where the options say: standard output, or a file that is replaced when it is complete.
  static Output output_of(const OutputOptions& options);
  // Whether any of the formats shows thumbnails, and how large: pixels, or 0.
  static int thumbnail_side(const OutputFormat& format, const OutputOptions& options);

  bool on_terminal() const { return output_.is_terminal(); }

  void begin();
  void write(const Record& record);
  // The two parts of that: to the output, and to the page, where there is one.
  void write_rows(const Record& record);
  void write_to_page(const Record& record);
  void flush() { output_.flush(); }
  void finish(const RunSummary& summary);  // all is on its way to the disk, under its own name

 private:
  Output output_;
  const std::unique_ptr<RecordWriter> writer_;
  std::unique_ptr<Output> page_output_;  // null: there is no page
  std::unique_ptr<RecordWriter> page_;
};

}  // namespace clip_cli
