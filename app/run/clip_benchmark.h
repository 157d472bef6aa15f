// Results as CLIP_benchmark writes them (github.com/LAION-AI/CLIP_benchmark,
// clip_benchmark/cli.py), one object a file: {"dataset", "model", "pretrained", "task", "metrics",
// "language"}.
#pragma once

#include <CLI/App.hpp>
#include <optional>
#include <string>

#include "options/model_options.h"
#include "service/json.h"
#include "writers/output.h"

namespace clip_cli {

struct ClipBenchmarkOptions {
  std::string file;  // where it goes, "-": standard output; empty: nowhere
  std::string dataset, language = "en";
};

// --clip-benchmark, --dataset and --language.
void add_clip_benchmark_options(CLI::App* command, ClipBenchmarkOptions* options);

// The file, opened before anything is computed; nothing where none is asked for.
std::optional<Output> clip_benchmark_output(const ClipBenchmarkOptions& options);

// `data`: the path of the data set, after which it is called where the options do not name it.
// "model" and "pretrained" are open_clip's names of a published model; of any other, its
// architecture, where that is named, or else the file's name without its extension, and the file's
// name.
clip::Json clip_benchmark_json(const ClipBenchmarkOptions& options, const std::string& data,
                               const ModelOptions& named, const clip::Model& model,
                               const std::string& task, clip::Json metrics);

}  // namespace clip_cli
