// Where results go, and in which format.
#pragma once

#include <CLI/App.hpp>
#include <map>
#include <string>

#include "writers/formats.h"

namespace clip_cli {

struct OutputOptions {
  std::string format;  // --json, --csv, --tsv; empty where none is given
  std::string output;  // -o
  std::string report;  // --report
};

// An option for each format that has help, -o, and, with `report`, --report. `help`: what to say of
// a format's option, by its name, where the format's own words do not fit the command.
void add_output_options(CLI::App* command, OutputOptions* options, bool report,
                        const std::map<std::string, const char*>& help = {});

// The format that the options ask for, else that of the file's extension, else tab-separated values
// in a file and the format named `otherwise` on standard output.
const OutputFormat& format_of(const OutputOptions& options, const char* otherwise);

// Throws UsageError where --report and -o name the same file.
void check(const OutputOptions& options);

}  // namespace clip_cli
