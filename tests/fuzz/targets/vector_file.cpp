// The file that an index keeps vectors in. Its checksum is made right: no other header is read.
#include "index/vector_file.h"

#include <zlib.h>

#include "fuzz.h"

void clip_fuzz::read_input(std::string_view input) {
  constexpr std::size_t kChecked = 60, kHeader = 64;
  static const MemoryFile file;
  clip::VectorFileId id;
  id.dim = 8;
  id.model = std::string(64, 'a');
  id.index = 12345;
  id.generation = 1;
  std::string bytes(input);
  if (bytes.size() >= kHeader) {
    const uLong crc = ::crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), kChecked);
    for (std::size_t i = kChecked; i < kHeader; ++i) {
      bytes[i] = static_cast<char>(crc >> 8 * (i - kChecked));
    }
  }
  file.write(bytes);
  const clip::VectorReader reader(file.path(), id, 2);
  for (std::int64_t row = 0; row < reader.rows().count; ++row) {
    clip::row_checksum(reader.rows().row(row), reader.rows().dim);
  }
}
