// The two files of embeddings: NAME.npy, as NumPy has it, or NAME.faiss, an index of FAISS, with
// the vectors, and NAME.jsonl with a line for each row, which says what it is of. An input that
// failed is a row of zeros, and an "error" in its line.
//
// Both are written under their names and ".part" and renamed when they are complete, the vectors
// last: where they are, both are. Whatever ends the run before leaves the parts, with which
// another run goes on; parts are never written over. A row comes before its line: of what a crash
// left, the rows count that have both.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "embedding/rows_writer.h"
#include "run/resume.h"
#include "service/result.h"
#include "writers/output.h"

namespace clip_cli {

// NAME.jsonl, beside NAME.npy.
std::string lines_beside(const std::string& rows);

// What the vectors' file is.
enum class VectorsFormat { kNpyFloat16, kNpyFloat32, kFaiss };

class EmbeddingFiles {
 public:
  // `path`: NAME.npy or NAME.faiss. With `resume`, goes on with the parts, or with complete files,
  // or begins. Then `kind` says which lines they have, and `facts` how they must have been made.
  // Throws clip::Error for files that cannot be written or gone on with, and, without `resume`,
  // where there are parts.
  EmbeddingFiles(const std::string& path, VectorsFormat format, const RunFacts& facts,
                 EarlierKind kind, bool resume);
  ~EmbeddingFiles();  // parts without rows go
  EmbeddingFiles(const EmbeddingFiles&) = delete;
  EmbeddingFiles& operator=(const EmbeddingFiles&) = delete;

  EarlierResults& earlier() { return *earlier_; }  // empty where this run begins

  // The dimension of the rows that are there, or 0.
  std::int64_t dim() const { return dim_; }

  // The first row may come when the dimension is known: a failed one has none.
  void begin(std::int64_t dim);
  void write(const clip::EmbedResult& result);
  void flush();
  void finish();

 private:
  void find_rows(const std::string& rows);
  bool has_row(std::uint64_t place, bool failed);

  const std::string rows_path_, lines_path_;  // of the vectors and of the lines, links followed
  const std::string rows_part_, lines_part_;  // what is written
  const VectorsFormat format_;
  std::int64_t dim_ = 0;
  clip::Descriptor found_;  // the rows of an earlier run, for reading
  std::int64_t found_rows_ = 0;
  std::optional<EarlierResults> earlier_;
  std::optional<Output> lines_;
  std::unique_ptr<clip::RowsWriter> rows_;
  std::uint64_t count_ = 0;  // rows, with those of an earlier run
  bool finished_ = false;
};

}  // namespace clip_cli
