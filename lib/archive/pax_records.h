// The records of a pax header (POSIX.1-2001, pax, "Extended Header"): "LENGTH KEY=VALUE\n" each,
// where LENGTH counts all of it. Only what says which bytes a member has, and what it is called, is
// kept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clip {

struct PaxRecords {
  std::optional<std::string> path, link;
  std::optional<std::uint64_t> size;
  // GNU.sparse.*: the bytes in the archive are not those of the file, which may have a name of its
  // own, since `path` is then made up for programs that do not know that.
  bool is_sparse = false;
  std::optional<std::string> sparse_name;

  // Adds those of a header; a later one counts more. False, and nothing is changed, where they are
  // no records.
  bool add(std::string_view records);

  // These, and where they say nothing those of `below`.
  PaxRecords over(const PaxRecords& below) const;
};

}  // namespace clip
