#include "archive/archive_kind.h"

#include <algorithm>
#include <string>

#include "archive/tar_header.h"
#include "base/strings.h"

namespace clip {
namespace {

using namespace std::string_view_literals;

// Of the first two, the block's own signature belongs to it: "BZh9" alone could begin a text.
constexpr std::string_view kMagics[] = {
    "\x1f\x8b\x08"sv,      // gzip
    "\xfd\x37zXZ\0"sv,     // xz
    "\x28\xb5\x2f\xfd"sv,  // zstd
    "\x04\x22\x4d\x18"sv,  // lz4
    "LZIP\x01"sv,          // lzip, version 1
    "\x1f\x9d"sv,          // compress
};
constexpr std::string_view kBzip2Blocks[] = {
    "\x31\x41\x59\x26\x53\x59"sv,  // the first block
    "\x17\x72\x45\x38\x50\x90"sv,  // the end, where there is none
};

// Whether `bytes` begins with `magic`, or with a part of it and ends.
bool agrees(std::string_view bytes, std::string_view magic) {
  const std::size_t count = std::min(bytes.size(), magic.size());
  return bytes.substr(0, count) == magic.substr(0, count);
}

bool agrees_with_bzip2(std::string_view bytes) {
  if (!agrees(bytes, "BZh")) return false;
  if (bytes.size() > 3 && (bytes[3] < '1' || bytes[3] > '9')) return false;
  if (bytes.size() <= 4) return true;
  return std::any_of(std::begin(kBzip2Blocks), std::end(kBzip2Blocks),
                     [&](std::string_view magic) { return agrees(bytes.substr(4), magic); });
}

bool agrees_with_compressed(std::string_view bytes, bool whole) {
  for (const std::string_view magic : kMagics) {
    if ((!whole || bytes.size() >= magic.size()) && agrees(bytes, magic)) return true;
  }
  return (!whole || bytes.size() >= 10) && agrees_with_bzip2(bytes);
}

}  // namespace

ArchiveKind archive_kind(std::string_view head) {
  if (agrees_with_compressed(head, /*whole=*/true)) return ArchiveKind::kCompressed;
  if (head.size() < kTarBlock) return ArchiveKind::kNone;
  const std::string_view block = head.substr(0, kTarBlock);
  return is_tar_header(block) || is_zero_block(block) ? ArchiveKind::kTar : ArchiveKind::kNone;
}

bool may_be_archive(std::string_view head) {
  if (head.size() >= kArchiveHead) return archive_kind(head) != ArchiveKind::kNone;
  if (agrees_with_compressed(head, /*whole=*/false)) return true;
  // The name of a tar's first member ends with NULs, and numbers in octal digits follow.
  const std::string_view name = head.substr(0, kTarNameBytes);
  const std::size_t end = std::min(name.find('\0'), name.size());
  if (name.substr(0, end).find('\n') != std::string_view::npos) return false;
  if (name.find_first_not_of('\0', end) != std::string_view::npos) return false;
  const std::string_view mode = head.substr(name.size(), 8);
  return mode.find_first_not_of(" 01234567\0"sv) == std::string_view::npos;
}

bool has_archive_extension(std::string_view path) {
  const std::string name = lower_ascii(base_name(path));
  for (const char* end :
       {".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".tzst", ".taz", ".tlz", ".tar.gz", ".tar.bz2",
        ".tar.xz", ".tar.zst", ".tar.lz4", ".tar.lz", ".tar.z"}) {
    if (ends_with(name, end)) return true;
  }
  return false;
}

}  // namespace clip
