// Reads a tar archive from its first byte to its last, as it comes through a pipe: member by
// member, each with its name, kind and bytes. ustar and what came before it, GNU's long names and
// numbers in base 256, and pax headers.
//
// Nothing is written, and no name is followed: "..", absolute names and links are what the archive
// says, and mean nothing. Sizes are claims: memory grows with the bytes that come, never with those
// that are announced. A header whose checksum is wrong is an error, and reading goes on with the
// next block that is a header, which is that of the next member unless the damaged one held an
// archive itself. An archive that ends before its end mark, a block of zeros, is an error. Behind
// the mark another archive may follow, as `cat a.tar b.tar` makes them; anything else there is
// passed over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/byte_source.h"
#include "archive/pax_records.h"
#include "archive/tar_header.h"
#include "clip/error.h"

namespace clip {

enum class TarKind {
  kFile,
  kFolder,
  kHardLink,  // to another member, by its name
  kSymbolicLink,
  kOther,  // a device, a pipe, a volume's label
};

struct TarMember {
  std::string name;  // bytes, without NUL; empty where the header is damaged
  TarKind kind = TarKind::kFile;
  std::string link;        // what a link is to
  std::uint64_t size = 0;  // of a file: how many bytes it claims to have
  // Not empty: it cannot be read, and why. The message goes on from "cannot use NAME: ".
  std::optional<Error> error;
  // The error is the archive's, whatever this member is: a damaged header, or an early end. The name
  // is that of the member before which, or in which, it is, or empty.
  bool is_damage = false;
};

class TarReader {
 public:
  explicit TarReader(std::unique_ptr<ByteSource> bytes);

  // The next member, or what is wrong in its place. False at the end. Where the archive cannot be
  // read on, because it ends early or its source throws an Error, that is the last.
  bool next(TarMember* member);

  // Up to `size` bytes of the file that was given last, at least one of them but at its end. Throws
  // Error where the archive cannot be read on.
  std::size_t read(char* to, std::size_t size);

  // What is left of its bytes. Throws likewise.
  std::string read_rest();

  bool ended() const { return ended_; }  // there is nothing more to read

 private:
  enum class Block { kHeader, kZeros, kDamaged, kCut, kEnd };

  // What headers in front of a member say of it.
  struct Description {
    bool any = false;
    std::optional<std::string> name, link;
    PaxRecords records;
    std::optional<Error> error;
  };

  bool read_next(TarMember* member);
  void read_description(const TarHeader& header, Description* description);
  void begin_member(const TarHeader& header, const Description& description, TarMember* member);
  Block next_block();
  std::size_t fill_block();
  void find_header();
  std::size_t take(char* to, std::size_t size);
  void pass_over(std::uint64_t count);

  const std::unique_ptr<ByteSource> bytes_;
  std::vector<char> buffer_;
  std::size_t at_ = 0, held_ = 0;  // what is left of the buffer
  std::string block_;
  bool has_header_ = false;  // block_ is a header that is to be read
  PaxRecords global_;
  std::string name_;                               // of the member given last
  std::uint64_t size_ = 0, left_ = 0, padding_ = 0;  // of its bytes
  std::uint64_t zero_blocks_ = 0;                  // since the last header
  bool begun_ = false;                             // a block has come
  bool ended_ = false;
};

}  // namespace clip
