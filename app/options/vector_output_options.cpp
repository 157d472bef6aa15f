#include "options/vector_output_options.h"

#include <fmt/format.h>

#include <CLI/Validators.hpp>
#include <string>
#include <vector>

#include "base/strings.h"
#include "options/table_name.h"
#include "options/value_words.h"
#include "usage_error.h"

namespace clip_cli {
namespace {

constexpr const char* kGroup = "Output";

}  // namespace

void add_vector_output_options(CLI::App* command, VectorOutputOptions* options,
                               OutputOptions* output) {
  CLI::Option* format =
      command
          ->add_option_function<std::string>(
              "--format",
              [=](const std::string& name) {
                // Those of records are as their own options.
                const bool of_records = name != "npy" && name != "faiss";
                (of_records ? output->format : options->format) = name;
              },
              "json, csv, tsv, npy, faiss or pgvector [that of --output's ending]\n"
              "npy and faiss need --output. pgvector prints rows of a table, for psql.")
          ->type_name("FORMAT")
          ->group(kGroup);
  allow_only(format, {"json", "csv", "tsv", "npy", "faiss", "pgvector"});
  value_words(format).alternatives = {"--output", "--layout"};
  for (const char* flag : {"--json", "--csv", "--tsv"}) {
    format->excludes(command->get_option(flag));
  }
  CLI::Option* layout =
      command
          ->add_option("--layout", options->layout,
                       "laion: --output is a folder as clip-retrieval and autofaiss read it")
          ->type_name("NAME")
          ->group(kGroup);
  allow_only(layout, {"laion"});
  command
      ->add_option("--rows-per-file", options->rows_per_file,
                   "Vectors in each file of --layout [1000000]")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40))
      ->type_name("N")
      ->group(kGroup);
  command->add_flag("--f16", options->f16, "Write numbers of 16 bits, not 32, to NAME.npy")
      ->group(kGroup);
  command
      ->add_flag("--f32", options->f32,
                 "Write numbers of 32 bits, not 16, to the files of --layout")
      ->group(kGroup);
  command->add_option("--table", options->table, "The table of --format pgvector [images]")
      ->type_name("NAME")
      ->group(kGroup);
  CLI::Option* vector_type =
      command
          ->add_option("--vector-type", options->vector_type,
                       "The table's type of vectors: vector, halfvec or array [vector]\n"
                       "vector and halfvec are pgvector's; array needs no extension.")
          ->type_name("TYPE")
          ->group(kGroup);
  allow_only(vector_type, {"vector", "halfvec", "array"});
  command
      ->add_flag("--captions", options->texts,
                 "Add columns for what webdatasets say: caption, class and metadata")
      ->group(kGroup);
  command
      ->add_flag("--ddl", options->ddl,
                 "Print the SQL that makes the table of --format pgvector, and end")
      ->group(kGroup);
}

VectorOutput vector_output_of(const VectorOutputOptions& options, const OutputOptions& output) {
  if (!options.layout.empty()) return VectorOutput::kLaion;
  const std::string name =
      options.format.empty() ? clip::extension_of(output.output) : options.format;
  if (name == "npy") return VectorOutput::kNpy;
  return name == "faiss" ? VectorOutput::kFaiss : VectorOutput::kRecords;
}

void check(const VectorOutputOptions& options, const OutputOptions& output) {
  const VectorOutput kind = vector_output_of(options, output);
  const std::string extension = clip::extension_of(output.output);
  if (!options.layout.empty() && (!options.format.empty() || !output.format.empty())) {
    throw UsageError("--layout has formats of its own; leave out the other one");
  }
  if (!options.layout.empty() && output.output.empty()) {
    throw UsageError("--layout needs a folder: name it with --output DIR");
  }
  if (!options.format.empty() && extension != options.format) {
    throw UsageError(fmt::format("--format {0} needs --output NAME.{0}", options.format));
  }
  if ((kind == VectorOutput::kNpy || kind == VectorOutput::kFaiss) && !output.format.empty()) {
    throw UsageError(fmt::format("--output NAME.{} has a format of its own; leave out --{}{}",
                                 extension, output.format == "pgvector" ? "format " : "",
                                 output.format));
  }
  if (options.f16 && kind == VectorOutput::kLaion) {
    throw UsageError("--layout laion has numbers of 16 bits; leave out --f16");
  }
  if (options.f16 && kind != VectorOutput::kNpy) throw UsageError("--f16 needs --output NAME.npy");
  if (options.f32 && kind != VectorOutput::kLaion) throw UsageError("--f32 needs --layout laion");
  vector_table(options);  // a name that is none
}

VectorTable vector_table(const VectorOutputOptions& options) {
  VectorTable table;
  table.name = quoted(table_parts(options.table));
  table.has_texts = options.texts;
  table.is_array = options.vector_type == "array";
  return table;
}

}  // namespace clip_cli
