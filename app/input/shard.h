// Shards of a run: a list is dealt out among N processes that know nothing of each other. Item k of
// the list belongs to shard k mod N, counted from 0, so every item is of exactly one shard, and all
// shards are equally long. Each process walks the whole list, which costs little beside an
// embedding, and takes a digest of it on the way: shards fit together where theirs are the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/sha256.h"

namespace clip_cli {

struct Shard {
  std::uint64_t index = 0, count = 1;  // K and N of K/N

  bool is_part() const { return count > 1; }
  std::string text() const;  // "3/8"
};

// How many of so many items are of the shard, where that is known.
std::optional<std::uint64_t> share_of(const Shard& shard, std::optional<std::uint64_t> items);

inline constexpr std::uint64_t kMaxShards = 100000;

// The file of a shard of what goes to `path`: out/photos.npy becomes
// out/photos-00003-of-00008.npy.
std::string shard_path(const std::string& path, const Shard& shard);

// Names, one after the other, as one SHA-256.
class NameDigest {
 public:
  void add(std::string_view name);
  std::string finish() { return sha256_.finish(); }  // the last call

 private:
  clip::Sha256 sha256_;
};

// A list as it is dealt out. An item is one result, or, where it is an archive, as many as are in
// it: then archives are dealt out, and stay whole.
class ShardedList {
 public:
  // `group`: so many items that follow each other belong together, and are dealt out as one.
  explicit ShardedList(const Shard& shard, std::uint64_t group = 1)
      : shard_(shard), group_(group) {}

  // Whether the next item of the list is of this shard.
  bool takes(std::string_view item);
  // From now on none is.
  void pass_over_rest() { passes_over_ = true; }
  // What is computed of the item that was taken last; its name is the result's.
  void add_result(std::string_view name);
  // No more items come. May be called again.
  void finish();

  const Shard& shard() const { return shard_; }
  std::uint64_t group() const { return group_; }
  std::uint64_t items() const { return items_; }      // of the whole list
  std::uint64_t results() const { return results_; }  // of this shard
  // After finish(): digests of the items of the whole list, and of the names of this shard's
  // results.
  const std::string& list() const { return list_; }
  const std::string& names() const { return names_; }
  // How many results each item of this shard has; empty where each has one.
  const std::vector<std::uint64_t>& sizes() const { return sizes_; }

 private:
  void end_item();

  const Shard shard_;
  const std::uint64_t group_;
  std::uint64_t items_ = 0, taken_ = 0, results_ = 0;
  std::uint64_t size_ = 0;  // results of the item that was taken last
  bool passes_over_ = false, in_item_ = false, finished_ = false;
  std::vector<std::uint64_t> sizes_;
  NameDigest list_digest_, names_digest_;
  std::string list_, names_;
};

}  // namespace clip_cli
