// Layouts: whose names and shapes a checkpoint's tensors have. One is a file beside this one, with
// a table of where each canonical weight is found, and a row in layouts.cpp. Told apart by the
// names of tensors, never by the name of a file.
#pragma once

#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "clip/model.h"
#include "clip/model_config.h"
#include "model/canonical.h"
#include "model/weights.h"

namespace clip {

// How a canonical weight lies in the tensor that holds it.
enum class StoredView {
  kWhole,
  kTransposed,  // [in, out]
  kFirstThird,  // of the rows: queries, keys and values are stored as one
  kSecondThird,
  kLastThird,
};

struct LayoutRow {
  std::string canonical;  // "{}" stands for a number
  std::string stored;     // with the same numbers in the same order
  StoredView view = StoredView::kWhole;
};

struct Layout {
  const char* name;
  bool (*matches)(const Checkpoint& checkpoint);
  // Dimensions and rules, out of the tensors' shapes and the documents. Throws Error naming what is
  // missing or contradicts itself.
  ModelConfig (*read_config)(const Checkpoint& checkpoint, const OpenOptions& options);
  std::vector<LayoutRow>
      rows;  // none: the weights are not known, only the file's code can use them
  // Whether a tensor that is no weight may be there beside them.
  bool (*may_stand_beside)(const std::string& name);
};

const std::vector<Layout>& layouts();

// What a canonical weight is called in the file, and what shape it has there.
struct StoredWeight {
  std::string name;
  Shape shape;
  StoredView view = StoredView::kWhole;
};
// Throws Error (kInternal) for a name that the table lacks.
StoredWeight stored_weight(const Layout& layout, const CanonicalWeight& weight);

// The layout of a checkpoint: there is always one, if only that which knows nothing.
const Layout& layout_of(const Checkpoint& checkpoint);

// All canonical weights of a config as views, but for position embeddings that are resampled for
// another image size. Where the file has a tensor that the layout does not know, there are none,
// and the config says that it is not recognised, and why. Throws Error naming a weight that is
// missing, or of the wrong shape or type.
Weights resolve_weights(const Layout& layout, const Checkpoint& checkpoint, ModelConfig* config);

}  // namespace clip
