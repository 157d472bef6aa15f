// The columns of a table of what embeddings are of, from their lines of JSON: which there are, what
// type each has, and a row of values a line. As clip-retrieval has them: image_path, caption, and
// the keys of a sample's JSON, with those of objects in it behind a dot ("exif.model"); and class,
// that of a webdataset, where the JSON has no such key.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "embedding/parquet.h"
#include "service/json.h"

namespace clip_cli {

class MetadataColumns {
 public:
  // More keys than that have no column: left_out() says how many.
  static constexpr std::size_t kMaxColumns = 1000;

  // Notes the columns of a line, a result of `embed`. A column that has whole numbers and others is
  // one of doubles; one that has anything else together is one of texts.
  void add(const clip::Json& line);

  const std::vector<clip::ParquetColumn>& columns() const { return columns_; }
  std::size_t left_out() const { return left_out_; }  // keys, of all lines

  // The values of a line that was added.
  std::vector<clip::ParquetValue> row(const clip::Json& line) const;

 private:
  std::vector<clip::ParquetColumn> columns_;
  std::map<std::string, std::size_t> places_;
  std::vector<bool> typed_;  // a value has been seen
  std::size_t left_out_ = 0;
};

}  // namespace clip_cli
