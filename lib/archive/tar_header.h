// One block of a tar archive that describes a member: POSIX.1-1988's ustar, what came before it
// (v7), and GNU's variants. What stands in it is a claim.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace clip {

constexpr std::size_t kTarBlock = 512;
constexpr std::size_t kTarNameBytes = 100;

struct TarHeader {
  std::string name;  // with ustar's prefix
  std::string link;  // what a link is to
  char type = '0';   // its letter: '0' a file, '1' a hard link, '5' a folder, 'x' pax records, ...
  std::optional<std::uint64_t> size;  // bytes that follow; empty: it is no number
  // Of GNU's sparse files (type 'S'): further blocks follow that describe it.
  bool has_extension = false;
};

// `block`, here and below: kTarBlock bytes.
bool is_zero_block(std::string_view block);

// Whether it has its checksum: the sum of all bytes, with blanks for the checksum itself. Some old
// programs summed them up as signed.
bool is_tar_header(std::string_view block);

// Of a block that is one.
TarHeader parse_tar_header(std::string_view block);

// A number in octal digits between blanks and NULs, or, after a first bit of 1, in base 256 (GNU,
// star). Empty for anything else, negative numbers among them, and for what 63 bits cannot hold. A
// field without digits is 0.
std::optional<std::uint64_t> tar_number(std::string_view field);

}  // namespace clip
