// Where `embed` puts vectors: records, arrays, or what other programs search.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <string>

#include "options/output_options.h"
#include "writers/pgvector.h"

namespace clip_cli {

enum class VectorOutput {
  kRecords,  // a format of records, pgvector's among them
  kNpy,      // NAME.npy and NAME.jsonl
  kFaiss,    // NAME.faiss and NAME.jsonl
  kLaion,    // the folder of run/laion_layout.h
};

struct VectorOutputOptions {
  std::string format;  // --format, where it is none of OutputOptions
  std::string layout;
  bool f16 = false, f32 = false;
  std::uint64_t rows_per_file = 1000000;
  bool ddl = false, texts = false;
  std::string table = "images", vector_type = "vector";
};

void add_vector_output_options(CLI::App* command, VectorOutputOptions* options,
                               OutputOptions* output);

VectorOutput vector_output_of(const VectorOutputOptions& options, const OutputOptions& output);

// Throws UsageError for options that do not fit together.
void check(const VectorOutputOptions& options, const OutputOptions& output);

// The table that the options name. Throws UsageError.
VectorTable vector_table(const VectorOutputOptions& options);

}  // namespace clip_cli
