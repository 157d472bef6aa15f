// `index --import`: vectors that were made elsewhere, an array of NumPy, and what they are of.
#pragma once

#include <memory>
#include <string>

#include "clip/cancel.h"
#include "clip/model.h"
#include "index/import.h"
#include "index/index.h"
#include "options/index_options.h"

namespace clip_cli {

struct ImportOptions {
  std::string vectors;  // NAME.npy
  std::string names;    // a line for each row; empty: NAME.jsonl beside it

  bool named() const { return !vectors.empty(); }
};

struct Imported {
  clip::ImportReport report;
  std::uint64_t rows = 0, failed = 0;
  bool complete = false;  // false: it was interrupted; what was done stays
};

// Names are lines of `embed`, which say their model, or paths, one a line: then `model_is_named`
// must be true, since nothing else says which model the vectors are of. A path is meant as people
// see it now, or, where nothing is there, relative to the folder. What is wrong with a row is told,
// and the others are taken. Throws clip::Error for files that cannot be used, that have different
// numbers of rows and names, and for vectors of another model.
Imported import_vectors(const ImportOptions& options, const IndexedFolder& folder,
                        const clip::Model& model, bool model_is_named, clip::Index* index,
                        const clip::CancelToken& stop);

}  // namespace clip_cli
