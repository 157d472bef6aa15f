// The formats that results are written in: one row each in formats.cpp. A new format is a file
// beside this one, which derives from RecordWriter, and a row.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "writers/record.h"

namespace clip_cli {

struct OutputFormat {
  const char* name;                     // --NAME asks for it, where there is help
  std::vector<const char*> extensions;  // of files that are written in it
  const char* help;                     // of --NAME; null: there is no such option
  bool has_thumbnails;
  std::unique_ptr<RecordWriter> (*make)(const WriterContext& context);
};

const std::vector<OutputFormat>& output_formats();

// Null where there is none.
const OutputFormat* format_named(const std::string& name);
const OutputFormat* format_of_extension(const std::string& path);

// One for each format.
std::unique_ptr<RecordWriter> make_table(const WriterContext& context);
std::unique_ptr<RecordWriter> make_tsv(const WriterContext& context);
std::unique_ptr<RecordWriter> make_csv(const WriterContext& context);
std::unique_ptr<RecordWriter> make_json_lines(const WriterContext& context);
std::unique_ptr<RecordWriter> make_html(const WriterContext& context);

}  // namespace clip_cli
