#include "input/shard.h"

#include <fmt/format.h>

namespace clip_cli {

std::string Shard::text() const {
  return fmt::format("{}/{}", index, count);
}

std::optional<std::uint64_t> share_of(const Shard& shard, std::optional<std::uint64_t> items) {
  if (!items) return std::nullopt;
  return (*items + shard.count - 1 - shard.index) / shard.count;
}

std::string shard_path(const std::string& path, const Shard& shard) {
  const std::size_t slash = path.rfind('/');
  const std::size_t base = slash == std::string::npos ? 0 : slash + 1;
  std::size_t dot = path.rfind('.');
  if (dot == std::string::npos || dot <= base) dot = path.size();
  return fmt::format("{}-{:05}-of-{:05}{}", path.substr(0, dot), shard.index, shard.count,
                     path.substr(dot));
}

void NameDigest::add(std::string_view name) {
  // The length in front: names may hold any byte, so that none could end them.
  const std::string length = fmt::format("{}:", name.size());
  sha256_.add(length.data(), length.size());
  sha256_.add(name.data(), name.size());
}

bool ShardedList::takes(std::string_view item) {
  end_item();
  list_digest_.add(item);
  const bool is_own = items_++ / group_ % shard_.count == shard_.index;
  in_item_ = is_own && !passes_over_;
  return in_item_;
}

void ShardedList::add_result(std::string_view name) {
  names_digest_.add(name);
  ++results_;
  ++size_;
}

void ShardedList::end_item() {
  if (!in_item_) return;
  // A list of images alone needs no list of ones.
  if (size_ != 1 && sizes_.empty()) sizes_.assign(static_cast<std::size_t>(taken_), 1);
  if (size_ != 1 || !sizes_.empty()) sizes_.push_back(size_);
  ++taken_;
  size_ = 0;
  in_item_ = false;
}

void ShardedList::finish() {
  if (finished_) return;
  end_item();
  list_ = list_digest_.finish();
  names_ = names_digest_.finish();
  finished_ = true;
}

}  // namespace clip_cli
