#include "nn/ready_weights.h"

namespace clip {

ReadyWeights::ReadyWeights(const std::string& path, const std::string& key, Arena* arena)
    : path_(path), key_(key), arena_(arena), file_(ReadyFile::open(path, key, &found_)) {}

PackedWeights::Piece ReadyWeights::next(const std::string& layout, std::size_t size) {
  const std::uint64_t kind = fnv_hash(layout.data(), layout.size());
  const std::size_t at = given_.size();
  if (fits() && at < file_->pieces().size()) {
    const ReadyHeader::Piece& piece = file_->pieces()[at];
    if (piece.kind == kind && piece.size == size) {
      const std::byte* data = file_->data(at);
      given_.push_back({kind, data, size});
      return {const_cast<std::byte*>(data), true};  // nobody writes into what is ready
    }
  }
  fits_ = false;
  std::byte* data = arena_->allocate(size);
  given_.push_back({kind, data, size});
  return {data, false};
}

}  // namespace clip
