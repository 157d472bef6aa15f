// Where results go, and in which format.
#pragma once

#include <CLI/App.hpp>
#include <map>
#include <string>
#include <vector>

#include "writers/formats.h"

namespace clip_cli {

struct OutputOptions {
  std::string format;  // by --json, --csv, --tsv, -l or -0; empty where none is given
  std::string output;  // -o
  std::string report;  // --report
};

// The options of formats, those of paths alone only with `paths`; -o; and, with `report`, --report.
// `help`: what to say of an option, by its format's name or "report", where the words that are
// there do not fit the command.
void add_output_options(CLI::App* command, OutputOptions* options, bool report,
                        const std::map<std::string, const char*>& help = {}, bool paths = false);

// The format that the options ask for, else that of the file's extension, else tab-separated values
// in a file and the format named `otherwise` on standard output.
const OutputFormat& format_of(const OutputOptions& options, const char* otherwise);

// Throws UsageError where --report and -o name the same file, where -o is called like an image or
// like vectors, and where --report is called like anything that is no page.
void check(const OutputOptions& options);

// Throws UsageError where a file of results is one of the inputs, which it would replace.
void check_outputs(const std::vector<std::string>& outputs, const std::vector<std::string>& inputs);

}  // namespace clip_cli
