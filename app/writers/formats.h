// The formats that results are written in: one row each in formats.cpp. A new format is a file
// beside this one, which derives from RecordWriter, and a row.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "writers/record.h"

namespace clip_cli {

struct OutputFormat {
  const char* name;
  const char* option;                   // that asks for it; null: there is none of its own
  std::vector<const char*> extensions;  // of files that are written in it
  const char* help;                     // of the option
  bool has_thumbnails;
  bool paths_alone;  // only for commands whose results are files: the option is theirs
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
std::unique_ptr<RecordWriter> make_paths(const WriterContext& context);
std::unique_ptr<RecordWriter> make_nul_paths(const WriterContext& context);
std::unique_ptr<RecordWriter> make_pgvector(const WriterContext& context);

}  // namespace clip_cli
