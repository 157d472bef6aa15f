// `clip-cli evaluate`: its options, and the part that measures retrieval.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "options/label_options.h"
#include "options/output_options.h"
#include "run/clip_benchmark.h"
#include "run/image_run.h"
#include "run/results.h"
#include "writers/output.h"
#include "writers/record.h"

namespace clip_cli {

struct EvaluateOptions {
  std::string data;  // a folder, a table of captions, archives
  std::string class_names, encoding, confusion, images_in;
  std::string split = "test";  // of a webdataset
  std::vector<std::string> exclude;
  bool retrieval = false;
  ClipBenchmarkOptions clip_benchmark;
  OutputOptions output;
  TemplateOptions templates;
  ImageRunOptions run;
};

// Where the result goes: in the format that is asked for, and as CLIP_benchmark has it. On standard
// output the latter stands alone.
class EvaluateOutputs {
 public:
  // Whatever cannot be written should be known before the model is loaded.
  EvaluateOutputs(const EvaluateOptions& options, const WriterContext& context);

  void write(const Record& record, const RunSummary& summary, const clip::Json& benchmark);

 private:
  std::optional<Results> results_;
  std::optional<Output> benchmark_;
};

// evaluate --retrieval; gives the exit code.
int evaluate_retrieval(const EvaluateOptions& options);

}  // namespace clip_cli
