// Names as shells write lists of them: `shards/{00000..00099}.tar`, `photos/{cats,dogs}`. Shells
// expand these themselves, unless they stand between quotes, as those of webdatasets mostly do.
//
// {a,b,c} is each of its parts, which may be empty and may hold braces; {1..9} is each number from
// the one to the other, up or down, with an increment {1..9..2}; with as many digits as the longer
// one where one of them begins with 0. Several are all combinations, the last changing first. Other
// braces, such as {} and {a}, mean themselves, and a backslash takes the next character as it is.
// What has more than 4096 bytes is one
// name. Names are made one at a time: a list of billions takes no memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace clip_cli {

class BraceList {
 public:
  // Throws clip::Error (kLimit) for a list of more than 2^62 names, or nested more than 32 deep.
  explicit BraceList(std::string_view pattern);
  ~BraceList();
  BraceList(BraceList&&) noexcept;

  // At least 1: a pattern without lists is one name, itself.
  std::uint64_t count() const;
  // Whether it has any list, be it of one name ({7..7}).
  bool has_list() const;
  // The name at a place from 0.
  std::string at(std::uint64_t place) const;

 private:
  struct Sequence;
  struct Part;
  class Parser;

  std::unique_ptr<const Sequence> names_;
};

}  // namespace clip_cli
