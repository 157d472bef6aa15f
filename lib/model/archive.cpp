#include "model/archive.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "error.h"

namespace clip {
namespace {

constexpr std::uint32_t kLocalHeader = 0x04034b50;
constexpr std::uint32_t kCentralHeader = 0x02014b50;
constexpr std::uint32_t kEnd = 0x06054b50;
constexpr std::uint32_t kEnd64 = 0x06064b50;
constexpr std::uint32_t kEnd64Locator = 0x07064b50;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kEnd64Size = 56;
constexpr std::size_t kLocatorSize = 20;
constexpr std::size_t kCentralSize = 46;
constexpr std::size_t kLocalSize = 30;
constexpr std::uint16_t kZip64Extra = 1;

// Little-endian reads with bounds: every offset in the file is a claim to be checked.
class Bytes {
 public:
  Bytes(const std::byte* data, std::size_t size) : data_(data), size_(size) {}

  std::size_t size() const { return size_; }
  bool holds(std::uint64_t offset, std::uint64_t count) const {
    return offset <= size_ && count <= size_ - offset;
  }
  template <typename T>
  T read(std::uint64_t offset) const {
    if (!holds(offset, sizeof(T))) throw Error("a header points outside the file");
    T value;
    std::memcpy(&value, data_ + offset, sizeof(T));
    return value;
  }
  std::string_view view(std::uint64_t offset, std::uint64_t count) const {
    if (!holds(offset, count)) throw Error("a record reaches beyond the end of the file");
    return {reinterpret_cast<const char*>(data_) + offset, static_cast<std::size_t>(count)};
  }

 private:
  const std::byte* data_;
  std::size_t size_;
};

struct Directory {
  std::uint64_t offset = 0, count = 0;
};

// The end record lies in the last 22 bytes plus a comment of at most 65535.
Directory find_directory(const Bytes& bytes) {
  if (bytes.size() < kEndSize) throw Error("it has no zip directory at its end");
  const std::uint64_t last = bytes.size() - kEndSize;
  const std::uint64_t first = last > 0xffff ? last - 0xffff : 0;
  std::uint64_t at = last;
  while (bytes.read<std::uint32_t>(at) != kEnd) {
    if (at == first) throw Error("it has no zip directory at its end");
    --at;
  }
  Directory found{bytes.read<std::uint32_t>(at + 16), bytes.read<std::uint16_t>(at + 10)};
  if (at >= kLocatorSize && bytes.read<std::uint32_t>(at - kLocatorSize) == kEnd64Locator) {
    const auto end64 = bytes.read<std::uint64_t>(at - kLocatorSize + 8);
    if (!bytes.holds(end64, kEnd64Size) || bytes.read<std::uint32_t>(end64) != kEnd64) {
      throw Error("its zip64 directory is damaged");
    }
    found = {bytes.read<std::uint64_t>(end64 + 48), bytes.read<std::uint64_t>(end64 + 32)};
  }
  return found;
}

struct Claim {
  std::uint64_t compressed, size, header;
};

// Sizes and offsets that do not fit 32 bits stand, in this order, in the zip64 extra field.
void read_zip64(const Bytes& bytes, std::uint64_t at, std::uint64_t end, Claim* claim) {
  while (at + 4 <= end) {
    const auto id = bytes.read<std::uint16_t>(at);
    const auto length = bytes.read<std::uint16_t>(at + 2);
    at += 4;
    if (id == kZip64Extra) {
      for (std::uint64_t* field : {&claim->size, &claim->compressed, &claim->header}) {
        if (*field != 0xffffffff) continue;
        *field = bytes.read<std::uint64_t>(at);
        at += 8;
      }
      return;
    }
    at += length;
  }
}

}  // namespace

Archive::Archive(const MappedFile& file) : file_(file) {
  const Bytes bytes(file.data(), file.size());
  const bool zip = bytes.size() >= 4 && bytes.read<std::uint32_t>(0) == kLocalHeader;
  if (!zip) {
    throw Error(
        fmt::format("{} is not a TorchScript archive: it does not begin as a zip file. Expected "
                    "what torch.jit.save or scripts/export_torchscript.py writes.",
                    path()));
  }
  try {
    const Directory directory = find_directory(bytes);
    std::uint64_t at = directory.offset;
    for (std::uint64_t i = 0; i < directory.count; ++i) {
      if (bytes.read<std::uint32_t>(at) != kCentralHeader) throw Error("its directory is damaged");
      const auto flags = bytes.read<std::uint16_t>(at + 8);
      const auto method = bytes.read<std::uint16_t>(at + 10);
      const auto crc = bytes.read<std::uint32_t>(at + 16);
      Claim claim{bytes.read<std::uint32_t>(at + 20), bytes.read<std::uint32_t>(at + 24),
                  bytes.read<std::uint32_t>(at + 42)};
      const std::uint64_t name_size = bytes.read<std::uint16_t>(at + 28);
      const std::uint64_t extra_size = bytes.read<std::uint16_t>(at + 30);
      const std::uint64_t comment_size = bytes.read<std::uint16_t>(at + 32);
      const std::string full_name(bytes.view(at + kCentralSize, name_size));
      const std::uint64_t extra = at + kCentralSize + name_size;
      read_zip64(bytes, extra, extra + extra_size, &claim);
      at = extra + extra_size + comment_size;

      if (bytes.read<std::uint32_t>(claim.header) != kLocalHeader) {
        throw Error(fmt::format("record {} does not begin where the directory says", full_name));
      }
      const std::uint64_t start = claim.header + kLocalSize +
                                  bytes.read<std::uint16_t>(claim.header + 26) +
                                  bytes.read<std::uint16_t>(claim.header + 28);
      const auto slash = full_name.find('/');
      const std::string name = slash == std::string::npos ? full_name : full_name.substr(slash + 1);
      const bool stored = method == 0 && (flags & 1) == 0 && claim.compressed == claim.size;
      const Entry entry{bytes.view(start, claim.compressed), crc, stored};
      if (!entries_.emplace(name, entry).second) {
        throw Error(fmt::format("record {} stands in it twice", full_name));
      }
    }
  } catch (const Error& error) {
    throw Error(fmt::format("{} is damaged or cut short: {}. It has {} bytes; fetch it again.",
                            path(), error.what(), file.size()));
  }
}

bool Archive::find(const std::string& name, std::string_view* bytes) const {
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return false;
  if (!entry->second.stored) {
    throw Error(
        fmt::format("{}: record {} is compressed or encrypted, which torch.jit.save does to "
                    "code alone; save the model again",
                    path(), name));
  }
  *bytes = entry->second.bytes;
  return true;
}

std::string_view Archive::record(const std::string& name) const {
  std::string_view bytes;
  if (!find(name, &bytes)) {
    throw Error(fmt::format("{} has no record {}: it is a zip file, but not a TorchScript archive",
                            path(), name));
  }
  return bytes;
}

std::string_view Archive::checked_record(const std::string& name) const {
  const std::string_view bytes = record(name);
  const auto crc =
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<z_size_t>(bytes.size()));
  if (crc != entries_.find(name)->second.crc) {
    throw Error(fmt::format("{} is damaged: record {} does not match its checksum; fetch it again",
                            path(), name));
  }
  return bytes;
}

}  // namespace clip
