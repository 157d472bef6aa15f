#include "archive/tar_header.h"

#include <algorithm>

namespace clip {
namespace {

// Offsets and sizes of POSIX.1-1988's header.
constexpr std::size_t kSizeAt = 124, kNumberBytes = 12;
constexpr std::size_t kChecksumAt = 148, kChecksumBytes = 8;
constexpr std::size_t kTypeAt = 156, kLinkAt = 157, kLinkBytes = 100;
constexpr std::size_t kMagicAt = 257;
constexpr std::size_t kPrefixAt = 345, kPrefixBytes = 155;
constexpr std::size_t kGnuExtendedAt = 482;

constexpr std::uint64_t kMaxNumber = (std::uint64_t{1} << 63) - 1;

// Up to the first NUL.
std::string_view text_of(std::string_view field) {
  return field.substr(0, field.find('\0'));
}

}  // namespace

bool is_zero_block(std::string_view block) {
  return block.find_first_not_of('\0') == std::string_view::npos;
}

std::optional<std::uint64_t> tar_number(std::string_view field) {
  std::uint64_t number = 0;
  if (!field.empty() && (static_cast<unsigned char>(field[0]) & 0x80) != 0) {
    if ((static_cast<unsigned char>(field[0]) & 0x40) != 0) return std::nullopt;  // negative
    number = static_cast<unsigned char>(field[0]) & 0x3f;
    for (const char each : field.substr(1)) {
      if (number > kMaxNumber >> 8) return std::nullopt;
      number = number << 8 | static_cast<unsigned char>(each);
    }
    return number;
  }
  std::size_t at = 0;
  while (at < field.size() && field[at] == ' ') ++at;
  for (; at < field.size() && field[at] >= '0' && field[at] <= '7'; ++at) {
    if (number > kMaxNumber >> 3) return std::nullopt;
    number = number << 3 | static_cast<std::uint64_t>(field[at] - '0');
  }
  if (at < field.size() && field[at] != ' ' && field[at] != '\0') return std::nullopt;
  return number;
}

bool is_tar_header(std::string_view block) {
  const std::string_view field = block.substr(kChecksumAt, kChecksumBytes);
  // A block of zeros would have the checksum 256 and states 0.
  const std::optional<std::uint64_t> stated = tar_number(field);
  if (!stated || *stated == 0) return false;
  std::uint32_t as_unsigned = 0;
  std::int32_t as_signed = 0;
  for (std::size_t i = 0; i < kTarBlock; ++i) {
    const bool is_blank = i >= kChecksumAt && i < kChecksumAt + kChecksumBytes;
    const char byte = is_blank ? ' ' : block[i];
    as_unsigned += static_cast<unsigned char>(byte);
    as_signed += static_cast<signed char>(byte);
  }
  return *stated == as_unsigned || (as_signed > 0 && *stated == std::uint64_t(as_signed));
}

TarHeader parse_tar_header(std::string_view block) {
  TarHeader header;
  header.name = text_of(block.substr(0, kTarNameBytes));
  header.link = text_of(block.substr(kLinkAt, kLinkBytes));
  header.type = block[kTypeAt];
  header.size = tar_number(block.substr(kSizeAt, kNumberBytes));
  // "ustar" and a NUL is POSIX's; GNU's own has blanks there, and other fields behind.
  const bool is_posix = block.substr(kMagicAt, 6) == std::string_view("ustar\0", 6);
  const std::string_view prefix = text_of(block.substr(kPrefixAt, kPrefixBytes));
  if (is_posix && !prefix.empty()) header.name = std::string(prefix) + '/' + header.name;
  header.has_extension = header.type == 'S' && block[kGnuExtendedAt] != '\0';
  return header;
}

}  // namespace clip
