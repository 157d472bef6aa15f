// Reads .npy files and writes them again:
//   copy_npy f2|f4 OUTPUT INPUT...
// the rows of all inputs, one after the other, as OUTPUT. An error is a line on stderr, "CODE:
// message", and exit code 1.
#include <cstdio>
#include <cstring>

#include "embedding/npy.h"

using namespace clip;

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fputs("usage: copy_npy f2|f4 OUTPUT INPUT...\n", stderr);
    return 2;
  }
  try {
    const NpyType type = std::strcmp(argv[1], "f2") == 0 ? NpyType::kFloat16 : NpyType::kFloat32;
    std::int64_t rows = 0;
    for (int i = 3; i < argc; ++i) {
      const Embeddings read = read_npy(argv[i]);
      // Opened anew for each, as by a run that goes on with an earlier one.
      NpyWriter writer = i == 3 ? NpyWriter::create(argv[2], type, read.dim)
                                : NpyWriter::open(argv[2], type, read.dim, rows);
      for (std::int64_t row = 0; row < read.count; ++row) writer.write(read.row(row), 1);
      rows = writer.rows();
      writer.finish();
    }
  } catch (const Error& error) {
    std::fprintf(stderr, "%s: %s\n", name_of(error.code()), error.what());
    return 1;
  }
}
