// Where `embed` puts embeddings: one of the formats of records, or files of vectors with their
// lines.
//
// A table's columns and an array have a dimension, which not every model states: results without an
// embedding wait until one has come that has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clip/model.h"
#include "input/shard.h"
#include "options/input_options.h"
#include "options/output_options.h"
#include "options/vector_output_options.h"
#include "run/embedding_files.h"
#include "run/laion_layout.h"
#include "run/results.h"
#include "run/resume.h"
#include "run/shard_output.h"
#include "service/result.h"
#include "writers/output.h"
#include "writers/record.h"

namespace clip_cli {

// Texts that are computed together, whatever ends a run between them: so a run that is gone on with
// gives the same bytes.
constexpr std::size_t kTextsAtOnce = 64;

struct EmbeddingDestination {
  OutputOptions output;
  VectorOutputOptions vectors;
  bool resume = false;
};

// Whether to files of vectors and of their lines, by the options.
bool to_files(const EmbeddingDestination& to);
// What is written, in a word; shards of different ones do not fit together.
std::string format_name(const EmbeddingDestination& to);

class EmbeddingResults {
 public:
  // Of texts where `texts`, else of `images`. `shard`: the output of a shard, which is not
  // complete; null: all of it is written.
  EmbeddingResults(const EmbeddingDestination& to, bool texts, const ImageInputs& images,
                   const RunFacts& facts, const clip::Model& model, const ShardOutput* shard);

  // What an earlier run has done, or null.
  EarlierResults* earlier();

  const std::string& run() const { return run_; }
  bool on_terminal() const { return results_ ? results_->on_terminal() : false; }

  // Makes a failure of what has no place there.
  void check(clip::EmbedResult* result) const;

  void write(clip::EmbedResult result);
  void flush();

  // Incomplete files of vectors and of shards stay parts; a shard of nothing at all, as where a
  // folder is not mounted, is not complete. `list`: what a shard has taken, else null.
  void finish(const RunSummary& summary, const ShardedList* list, std::uint64_t failed);

 private:
  void begin(std::int64_t dim);
  WriterContext context_of(std::int64_t dim) const;
  void put(const clip::EmbedResult& result);

  const EmbeddingDestination& to_;
  const bool texts_;
  const ImageInputs& images_;
  const ShardOutput* const shard_;
  std::string run_;
  std::optional<LaionFolder> laion_;
  std::optional<EmbeddingFiles> files_;
  std::optional<EarlierResults> earlier_;
  std::optional<Output> output_;  // until the results have it
  std::optional<Results> results_;
  bool begun_ = false;
  std::int64_t dim_ = 0;
  std::vector<clip::EmbedResult> waiting_;
};

}  // namespace clip_cli
