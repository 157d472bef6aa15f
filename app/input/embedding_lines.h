// The lines beside an array of embeddings: what each row of NAME.npy is of, as `embed` has written
// it to NAME.jsonl. Read one at a time, however many there are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "clip/cancel.h"
#include "input/line_reader.h"
#include "service/result.h"

namespace clip_cli {

struct EmbeddingLine {
  std::string image;                       // its path, or what it is called in an archive
  std::string label;                       // the class that an archive has for it; mostly empty
  std::optional<clip::ResultError> error;  // not empty: the row is zeros
};

class EmbeddingLines {
 public:
  // `array`: NAME.npy, which has `rows` rows. Throws clip::Error where NAME.jsonl is missing.
  EmbeddingLines(const std::string& array, std::int64_t rows,
                 const clip::CancelToken* stop = nullptr);

  // The next; false at the end. Throws clip::Error naming file and line for what is no such line,
  // for embeddings of texts, and where lines are of different models, or not as many as rows.
  bool next(EmbeddingLine* line);

  // The identity of the model: known when the first line has been read.
  const std::string& model() const { return model_; }
  std::int64_t row() const { return row_; }  // of the line given last, from 0

 private:
  const std::string array_;
  const std::int64_t rows_;
  LineReader reader_;
  std::string model_;
  std::int64_t row_ = -1;
};

}  // namespace clip_cli
