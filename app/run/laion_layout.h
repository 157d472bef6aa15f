// Embeddings as LAION's tools have them (clip-retrieval, autofaiss, embedding-reader): a folder
// with
//
//   img_emb/img_emb_<i>.npy          vectors, or, of texts, text_emb/text_emb_<i>.npy
//   metadata/metadata_<i>.parquet    what they are of, row for row: image_path, caption, and the
//                                    keys of a sample's JSON
//
// <i> counts from 0 and has as many digits as the number of files. An input that failed has no row.
//
// A run writes NAME.npy and NAME.jsonl in that folder (embedding_files.h), so that it can be gone
// on with whatever ends it; only when they are complete are the files of the layout made of them,
// under names with ".part" that become the final ones when all are on the disk.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "embedding/npy.h"
#include "service/json.h"

namespace clip_cli {

struct LaionOptions {
  std::uint64_t rows_per_file = 1000000;  // clip-retrieval's write_batch_size
  clip::NpyType type = clip::NpyType::kFloat16;
  bool texts = false;
  // Where the run is one of several that fill the folder: all its rows are one file, number `index`
  // of `count`, which is there also where it has none.
  struct Part {
    std::uint64_t index = 0, count = 1;
  };
  std::optional<Part> part;
};

// Makes the layout of vectors and their lines, which stay; nothing where there are none. Throws
// clip::Error for what cannot be read or written, and lines that do not belong to the vectors.
void write_laion_layout(const std::string& rows_path, const std::string& lines_path,
                        const std::string& folder, const LaionOptions& options);

class LaionFolder {
 public:
  // Makes the folder where it is missing. Throws clip::Error where there are files of such a layout
  // already, and, without `resume`, where an earlier run was not complete.
  LaionFolder(const std::string& folder, const LaionOptions& options, bool resume);

  // The file of vectors of a run that is a part, by its name in the layout: where it is, the run is
  // complete.
  static std::string part_path(const std::string& folder, const LaionOptions& options);

  // What the run has to write first, with its lines beside it.
  const std::string& rows_path() const { return rows_path_; }

  // Makes the layout of it, and removes it.
  void finish();

 private:
  const std::string folder_;
  const LaionOptions options_;
  std::string rows_path_, lines_path_;
};

}  // namespace clip_cli
