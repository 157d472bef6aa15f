#include "index/duplicates.h"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/half.h"
#include "pipeline/file_state.h"

namespace clip {
namespace {

// Disjoint sets of rows, by union and find with path halving.
class Sets {
 public:
  explicit Sets(std::int64_t count) : parents_(static_cast<std::size_t>(count)) {
    std::iota(parents_.begin(), parents_.end(), std::int64_t{0});
  }
  std::int64_t find(std::int64_t i) {
    while (parent(i) != i) {
      parent(i) = parent(parent(i));
      i = parent(i);
    }
    return i;
  }
  void join(std::int64_t a, std::int64_t b) {
    a = find(a);
    b = find(b);
    if (a != b) parent(std::max(a, b)) = std::min(a, b);
  }

 private:
  std::int64_t& parent(std::int64_t i) { return parents_[static_cast<std::size_t>(i)]; }
  std::vector<std::int64_t> parents_;
};

// The rows of all collections that count, one after the other.
struct Rows {
  std::vector<std::uint16_t> copied;  // where they are not all of one mapped file
  VectorRows rows;
  std::vector<std::pair<std::size_t, std::int64_t>> origin;  // collection, and row in it
};

Rows gathered(const std::vector<const Collection*>& collections) {
  Rows all;
  for (const Collection* collection : collections) {  // an empty one has no dimension
    all.rows.dim = std::max(all.rows.dim, collection->rows().dim);
  }
  const std::int64_t stride = row_stride(all.rows.dim);
  const bool as_they_are = collections.size() == 1 && collections.front()->filter() == nullptr;
  for (std::size_t i = 0; i < collections.size(); ++i) {
    const Collection& from = *collections[i];
    for (std::int64_t row = 0; row < from.rows().count; ++row) {
      if (from.filter() != nullptr && !from.filter()->holds(row)) continue;
      all.origin.emplace_back(i, row);
      if (as_they_are) continue;
      const std::uint16_t* values = from.rows().row(row);
      all.copied.insert(all.copied.end(), values, values + stride);
    }
  }
  all.rows.values = as_they_are ? collections.front()->rows().values : all.copied.data();
  all.rows.count = static_cast<std::int64_t>(all.origin.size());
  return all;
}

// Rows in float16 are normalized to 1 in 2048 alone: the dot product of two of them is their cosine
// to within this.
constexpr double kRounding = 0.001;

// What is nearer to 1 is 1: the last bits of an embedding depend on the size of the batch that it
// was computed in, and float16 rounds some of its numbers up in one index and down in another.
constexpr double kEqual = 1e-6;

double cosine_of(const VectorRows& rows, std::int64_t a, std::int64_t b) {
  double dot = 0, square_a = 0, square_b = 0;
  for (std::int64_t k = 0; k < rows.dim; ++k) {
    const double x = float_from_half(rows.row(a)[k]), y = float_from_half(rows.row(b)[k]);
    dot += x * y;
    square_a += x * x;
    square_b += y * y;
  }
  const double cosine = dot / std::sqrt(square_a * square_b);
  return cosine > 1 - kEqual ? 1 : cosine;
}

struct Member {
  DuplicateImage image;
  std::int64_t row = 0;
};

// The images of a group, in order; fewer than two where they are names of one file, or gone.
std::vector<DuplicateImage> group_of(std::vector<Member> members, const VectorRows& rows) {
  std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) {
    if (a.image.bytes != b.image.bytes) return a.image.bytes > b.image.bytes;
    return a.image.path < b.image.path;
  });
  std::vector<DuplicateImage> group;
  for (Member& member : members) {
    member.image.cosine =
        member.row == members.front().row ? 1 : cosine_of(rows, members.front().row, member.row);
    group.push_back(std::move(member.image));
  }
  return group;
}

std::uint64_t bytes_of(const std::vector<DuplicateImage>& group) {
  return std::accumulate(
      group.begin(), group.end(), std::uint64_t{0},
      [](std::uint64_t sum, const DuplicateImage& image) { return sum + image.bytes; });
}

}  // namespace

std::optional<std::vector<std::vector<DuplicateImage>>> find_duplicates(
    const std::vector<const Collection*>& collections, const DuplicateOptions& options) {
  const Rows all = gathered(collections);
  Sets sets(all.rows.count);
  PairCallbacks callbacks;
  callbacks.stop = options.stop;
  callbacks.progress = options.progress;
  callbacks.use = [&](const std::vector<Pair>& pairs) {
    for (const Pair& pair : pairs) {
      if (pair.score >= options.min_cosine + kRounding ||
          cosine_of(all.rows, pair.first, pair.second) >= options.min_cosine) {
        sets.join(pair.first, pair.second);
      }
    }
  };
  if (!pairs_above(all.rows, static_cast<float>(options.min_cosine - kRounding), nullptr,
                   options.threads, callbacks)) {
    throw Error(ErrorCode::kCancelled, "ended before all images had been compared");
  }

  // Rows of groups, and rows that several files have.
  std::map<std::int64_t, std::vector<std::int64_t>> joined;  // by the first row
  for (std::int64_t i = 0; i < all.rows.count; ++i) joined[sets.find(i)].push_back(i);
  std::vector<std::vector<std::int64_t>> wanted(collections.size());  // rows in each
  std::vector<std::set<std::int64_t>> shared;
  for (const Collection* collection : collections) {
    const auto rows = collection->shared_rows();
    if (!rows) return std::nullopt;
    shared.emplace_back(rows->begin(), rows->end());
  }
  std::vector<std::pair<std::int64_t, std::int64_t>> members;  // group, row
  for (const auto& [first, rows] : joined) {
    const auto& [collection, row] = all.origin[static_cast<std::size_t>(first)];
    if (rows.size() == 1 && shared[collection].count(row) == 0) continue;
    for (const std::int64_t each : rows) members.emplace_back(first, each);
  }

  std::map<std::int64_t, std::vector<Member>> groups;
  for (std::size_t i = 0; i < collections.size(); ++i) {
    std::vector<std::int64_t> rows;
    std::vector<std::pair<std::int64_t, std::int64_t>> of_rows;
    for (const auto& [group, member] : members) {
      const auto& [collection, row] = all.origin[static_cast<std::size_t>(member)];
      if (collection != i) continue;
      rows.push_back(row);
      of_rows.emplace_back(group, member);
    }
    const auto paths = collections[i]->paths_of(rows);
    if (!paths) return std::nullopt;
    for (std::size_t k = 0; k < rows.size(); ++k) {
      for (const std::string& path : (*paths)[k]) {
        Member member;
        member.row = of_rows[k].second;
        member.image.collection = i;
        member.image.path = path;
        groups[of_rows[k].first].push_back(std::move(member));
      }
    }
  }

  std::vector<std::vector<DuplicateImage>> found;
  for (auto& [first, images] : groups) {
    std::set<std::pair<dev_t, ino_t>> files;
    std::vector<Member> there;
    for (Member& member : images) {
      const std::string path =
          joined_path(collections[member.image.collection]->root(), member.image.path);
      struct stat info = {};
      // What is not there now can neither be compared nor removed.
      if (::stat(path.c_str(), &info) != 0) continue;
      if (!files.emplace(info.st_dev, info.st_ino).second) continue;
      const FileState state = state_of(info);
      member.image.bytes = state.size;
      member.image.modified_nsec = state.modified_nsec;
      there.push_back(std::move(member));
    }
    if (there.size() > 1) found.push_back(group_of(std::move(there), all.rows));
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return a.size() != b.size() ? a.size() > b.size() : bytes_of(a) > bytes_of(b);
  });
  return found;
}

}  // namespace clip
