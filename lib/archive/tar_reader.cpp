#include "archive/tar_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace clip {
namespace {

// Large enough that the system's calls cost nothing beside the bytes, and a part of a cache.
constexpr std::size_t kBuffer = std::size_t{256} << 10;

// Names and records that describe a member; no real ones come near.
constexpr std::uint64_t kMaxDescription = 1 << 20;

// In a further block that describes a sparse file of GNU: whether another one follows.
constexpr std::size_t kSparseMoreAt = 504;

// How a file grows in memory before it is known that its bytes are there.
constexpr std::size_t kFirstChunk = 1 << 16;

// From the end of so many bytes to that of their last block.
std::uint64_t padding_of(std::uint64_t size) {
  return (kTarBlock - size % kTarBlock) % kTarBlock;
}

TarKind kind_of(const TarHeader& header, const std::string& name) {
  switch (header.type) {
    case '1':
      return TarKind::kHardLink;
    case '2':
      return TarKind::kSymbolicLink;
    case '3':
    case '4':
    case '6':
    case 'V':  // GNU: the volume's label
    case 'M':  // GNU: the rest of a file that another volume begins
    case 'N':  // GNU, before 1.11: long names
    case 'D':  // GNU: a folder and what it holds
      return TarKind::kOther;
    case '5':
      return TarKind::kFolder;
    case '\0':
      // Before ustar, a name with a slash at its end was a folder.
      return !name.empty() && name.back() == '/' ? TarKind::kFolder : TarKind::kFile;
    default:
      return TarKind::kFile;  // POSIX: what is not known is a file
  }
}

// Whether bytes follow that the header counts: not behind links, folders and devices, whose size
// may say something else.
bool has_bytes(const TarHeader& header, TarKind kind) {
  return kind == TarKind::kFile || (kind == TarKind::kOther && header.type >= 'A');
}

bool is_description(const TarHeader& header) {
  return std::string_view("xgXLK").find(header.type) != std::string_view::npos;
}

Error corrupt(const std::string& why) {
  return Error(ErrorCode::kCorrupt, why);
}

}  // namespace

TarReader::TarReader(std::unique_ptr<ByteSource> bytes)
    : bytes_(std::move(bytes)), buffer_(kBuffer) {}

bool TarReader::next(TarMember* member) {
  *member = TarMember();
  if (ended_) return false;
  try {
    if (read_next(member)) return true;
  } catch (const Error& error) {
    member->error = error;
    member->is_damage = true;
  }
  ended_ = true;
  return member->error.has_value();
}

bool TarReader::read_next(TarMember* member) {
  member->name = name_;  // of which an error is, until the next one has one
  pass_over(std::exchange(left_, 0) + std::exchange(padding_, 0));
  member->name.clear();
  Description description;
  for (;;) {
    // Behind the end mark anything may stand, such as what a disk had there before.
    const bool behind_end = zero_blocks_ > 1 && !description.any;
    switch (next_block()) {
      case Block::kEnd:
        if (!begun_) throw corrupt("it is empty");
        if (zero_blocks_ == 0 || description.any) {
          throw corrupt("the archive ends early, without its end mark");
        }
        return false;
      case Block::kCut:
        if (behind_end) return false;
        throw corrupt(begun_ ? "the archive ends early, in a member's header"
                             : "it is no tar archive, or is cut short");
      case Block::kZeros:
        begun_ = true;
        ++zero_blocks_;
        continue;
      case Block::kDamaged:
        find_header();
        if (behind_end) continue;
        if (!has_header_) {
          throw corrupt(begun_ ? "a member's header is damaged, and no other one follows"
                               : "it is no tar archive");
        }
        begun_ = true;
        zero_blocks_ = 0;
        member->error = corrupt("a member's header is damaged; reading goes on with the next one");
        member->is_damage = true;
        return true;
      case Block::kHeader:
        break;
    }
    begun_ = true;
    zero_blocks_ = 0;
    const TarHeader header = parse_tar_header(block_);
    if (!is_description(header)) {
      begin_member(header, description, member);
      return true;
    }
    description.any = true;
    read_description(header, &description);
  }
}

// A long name, or pax records.
void TarReader::read_description(const TarHeader& header, Description* description) {
  if (!header.size) {
    description->error = corrupt("the size of its description is no number");
    find_header();
    return;
  }
  name_.clear();
  size_ = left_ = *header.size;
  padding_ = padding_of(left_);
  if (left_ > kMaxDescription) {
    description->error =
        Error(ErrorCode::kLimit, fmt::format("its name or its pax header has more than {} MiB",
                                             kMaxDescription >> 20));
    pass_over(std::exchange(left_, 0) + std::exchange(padding_, 0));
    return;
  }
  const std::string text = read_rest();
  pass_over(std::exchange(padding_, 0));
  const std::string name = text.substr(0, text.find('\0'));
  if (header.type == 'L') {
    description->name = name;
  } else if (header.type == 'K') {
    description->link = name;
  } else if (!(header.type == 'g' ? &global_ : &description->records)->add(text)) {
    description->error = corrupt("its pax header is damaged");
  }
}

void TarReader::begin_member(const TarHeader& header, const Description& description,
                             TarMember* member) {
  const PaxRecords records = description.records.over(global_);
  member->name = description.name.value_or(header.name);
  member->link = description.link.value_or(header.link);
  if (records.path) member->name = *records.path;
  if (records.link) member->link = *records.link;
  if (records.sparse_name) member->name = *records.sparse_name;
  member->error = description.error;
  member->kind = kind_of(header, member->name);
  name_ = member->name;
  size_ = 0;
  for (bool more = header.has_extension; more; more = block_[kSparseMoreAt] != '\0') {
    if (fill_block() < kTarBlock) throw corrupt("the archive ends early, in a member's header");
  }
  if (!has_bytes(header, member->kind)) return;
  const std::optional<std::uint64_t> size = records.size ? records.size : header.size;
  if (!size) {
    member->error = corrupt("its size is no number");
    find_header();
    return;
  }
  member->size = size_ = left_ = *size;
  padding_ = padding_of(left_);
  if (!member->error && (records.is_sparse || header.type == 'S')) {
    member->error = Error(ErrorCode::kUnsupported,
                          "it is stored as a sparse file, which is not read; make the archive "
                          "without an option for that");
  }
}

std::size_t TarReader::read(char* to, std::size_t size) {
  if (left_ == 0 || size == 0) return 0;
  try {
    const std::size_t count =
        take(to, static_cast<std::size_t>(std::min<std::uint64_t>(left_, size)));
    if (count == 0) {
      throw corrupt(fmt::format("the archive ends early, behind {} of its {} bytes", size_ - left_,
                                size_));
    }
    left_ -= count;
    return count;
  } catch (const Error&) {
    ended_ = true;
    throw;
  }
}

std::string TarReader::read_rest() {
  std::string bytes;
  for (std::size_t held = 0; left_ > 0;) {
    if (held == bytes.size()) {
      const std::uint64_t want = std::min<std::uint64_t>(left_, std::max(kFirstChunk, held));
      bytes.resize(held + static_cast<std::size_t>(want));
    }
    held += read(bytes.data() + held, bytes.size() - held);
  }
  return bytes;
}

TarReader::Block TarReader::next_block() {
  if (std::exchange(has_header_, false)) return Block::kHeader;
  const std::size_t held = fill_block();
  if (held == 0) return Block::kEnd;
  const bool is_zeros = is_zero_block(std::string_view(block_).substr(0, held));
  if (held < kTarBlock) return is_zeros && zero_blocks_ > 0 ? Block::kEnd : Block::kCut;
  if (is_zeros) return Block::kZeros;
  return is_tar_header(block_) ? Block::kHeader : Block::kDamaged;
}

// Gives how many bytes of a block there are.
std::size_t TarReader::fill_block() {
  block_.resize(kTarBlock);
  std::size_t held = 0;
  while (held < kTarBlock) {
    const std::size_t count = take(block_.data() + held, kTarBlock - held);
    if (count == 0) break;
    held += count;
  }
  return held;
}

// Reads on until a block is a header, or to the end.
void TarReader::find_header() {
  do {
    if (fill_block() < kTarBlock) return;
  } while (!is_tar_header(block_));
  has_header_ = true;
}

// At most `size` bytes; 0 at the end.
std::size_t TarReader::take(char* to, std::size_t size) {
  if (at_ == held_) {
    if (size >= buffer_.size()) return bytes_->read(to, size);
    at_ = held_ = 0;
    held_ = bytes_->read(buffer_.data(), buffer_.size());
  }
  const std::size_t count = std::min(size, held_ - at_);
  std::memcpy(to, buffer_.data() + at_, count);
  at_ += count;
  return count;
}

void TarReader::pass_over(std::uint64_t count) {
  const auto buffered = static_cast<std::size_t>(std::min<std::uint64_t>(count, held_ - at_));
  at_ += buffered;
  count -= buffered;
  if (count > buffer_.size() && bytes_->skip(count)) return;
  while (count > 0) {
    at_ = held_ = 0;
    held_ = bytes_->read(buffer_.data(), buffer_.size());
    if (held_ == 0) throw corrupt("the archive ends early, before the end of its bytes");
    at_ = static_cast<std::size_t>(std::min<std::uint64_t>(count, held_));
    count -= at_;
  }
}

}  // namespace clip
