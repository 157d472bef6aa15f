// FAISS's flat indexes, which a run goes on with.
#include "embedding/faiss_index.h"
#include "fuzz.h"

void clip_fuzz::read_input(std::string_view input) {
  static const MemoryFile file;
  file.write(input);
  const clip::FaissHeader header = clip::parse_faiss_header(input);
  const std::int64_t rows = clip::FaissWriter::rows_in(input.size(), header.dim);
  require(rows >= 0 && static_cast<std::size_t>(rows) <= input.size() / sizeof(float),
          "rows are in the file");
  clip::FaissWriter::open(file.path(), header.dim, rows).finish();
}
