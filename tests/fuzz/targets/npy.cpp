// NumPy's files.
#include "embedding/npy.h"

#include "fuzz.h"

void clip_fuzz::read_input(std::string_view input) {
  static const MemoryFile file;
  file.write(input);
  const clip::Embeddings rows = clip::read_npy(file.path());
  require(static_cast<std::size_t>(rows.count * rows.dim) <= input.size(), "rows are in the file");
}
