#include "embedding/npy_rows.h"

#include "clip/error.h"

namespace clip {

NpyRows::NpyRows(const std::string& path) : file_(path) {
  try {
    header_ = parse_npy_header(file_.bytes());
    check_npy_size(header_, file_.size());
  } catch (const Error& error) {
    throw error.within("cannot read " + path);
  }
}

void NpyRows::read(std::int64_t first, std::int64_t count, float* to) const {
  const std::int64_t row = header_.dim * size_of(header_.type);
  const char* from = file_.bytes().data() + header_.offset + first * row;
  widen_numbers(from, header_.type, static_cast<std::size_t>(count * header_.dim), to);
}

}  // namespace clip
