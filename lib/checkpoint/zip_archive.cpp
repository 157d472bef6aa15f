#include "checkpoint/zip_archive.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/byte_reader.h"
#include "clip/error.h"

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
constexpr std::uint32_t kStored = 0, kEncryptedFlag = 1;

Error corrupt(const std::string& what) {
  return Error(ErrorCode::kCorrupt, what);
}

struct Directory {
  std::uint64_t offset = 0, count = 0;
};

// The end record lies in the last 22 bytes plus a comment of at most 65535.
Directory find_directory(const ByteReader& reader) {
  if (reader.size() < kEndSize) throw corrupt("it has no zip directory at its end");
  const std::uint64_t last = reader.size() - kEndSize;
  const std::uint64_t first = last > 0xffff ? last - 0xffff : 0;
  std::uint64_t at = last;
  while (reader.u32(at) != kEnd) {
    if (at == first) throw corrupt("it has no zip directory at its end");
    --at;
  }
  Directory found{reader.u32(at + 16), reader.u16(at + 10)};
  if (at >= kLocatorSize && reader.u32(at - kLocatorSize) == kEnd64Locator) {
    const std::uint64_t end64 = reader.u64(at - kLocatorSize + 8);
    if (!reader.holds(end64, kEnd64Size) || reader.u32(end64) != kEnd64) {
      throw corrupt("its zip64 directory is damaged");
    }
    found = {reader.u64(end64 + 48), reader.u64(end64 + 32)};
  }
  return found;
}

// The largest CLIP has 1,100 of them.
constexpr std::uint64_t kMaxRecords = 100'000;

struct Claim {
  std::uint64_t compressed, size, header;
};

// Sizes and offsets that do not fit 32 bits stand, in this order, in the zip64 extra field.
void read_zip64(const ByteReader& reader, std::uint64_t at, std::uint64_t end, Claim* claim) {
  while (at + 4 <= end) {
    const std::uint32_t id = reader.u16(at), length = reader.u16(at + 2);
    at += 4;
    if (id == kZip64Extra) {
      for (std::uint64_t* field : {&claim->size, &claim->compressed, &claim->header}) {
        if (*field != 0xffffffff) continue;
        *field = reader.u64(at);
        at += 8;
      }
      return;
    }
    at += length;
  }
}

std::uint32_t crc_of(std::string_view bytes, std::uint32_t crc = 0) {
  return static_cast<std::uint32_t>(
      crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

// The CRC-32 of what deflated bytes hold, and how much that is; the size of a hostile record is
// only a claim, so no more than that is unpacked. False when they are no deflated data.
bool unpacked_crc(std::string_view bytes, std::uint64_t claimed, std::uint32_t* crc) {
  z_stream stream = {};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return false;
  std::array<char, 1 << 16> buffer;
  std::uint64_t size = 0;
  int status = Z_OK;
  *crc = 0;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  std::size_t left = bytes.size();
  while (status == Z_OK && size <= claimed) {
    if (stream.avail_in == 0) {
      stream.avail_in = static_cast<uInt>(std::min<std::size_t>(left, 1U << 30));
      left -= stream.avail_in;
    }
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    status = inflate(&stream, Z_NO_FLUSH);
    const std::size_t got = buffer.size() - stream.avail_out;
    *crc = crc_of({buffer.data(), got}, *crc);
    size += got;
  }
  inflateEnd(&stream);
  return status == Z_STREAM_END && size == claimed;
}

}  // namespace

bool ZipArchive::matches(std::string_view bytes) {
  const ByteReader reader(bytes, /*big_endian=*/false);
  return reader.holds(0, 4) && reader.u32(0) == kLocalHeader;
}

ZipArchive::ZipArchive(const MappedFile& file) : file_(file) {
  const ByteReader reader(file.bytes(), /*big_endian=*/false);
  try {
    const Directory directory = find_directory(reader);
    if (directory.count > kMaxRecords) {
      throw Error(ErrorCode::kLimit, fmt::format("it has more than {} records", kMaxRecords));
    }
    std::uint64_t at = directory.offset;
    for (std::uint64_t i = 0; i < directory.count; ++i) {
      if (reader.u32(at) != kCentralHeader) throw corrupt("its directory is damaged");
      const std::uint32_t flags = reader.u16(at + 8), method = reader.u16(at + 10);
      Claim claim{reader.u32(at + 20), reader.u32(at + 24), reader.u32(at + 42)};
      const std::uint64_t name_size = reader.u16(at + 28), extra_size = reader.u16(at + 30);
      const std::uint64_t comment_size = reader.u16(at + 32);
      const std::string full_name(reader.view(at + kCentralSize, name_size));
      const std::uint64_t extra = at + kCentralSize + name_size;
      read_zip64(reader, extra, extra + extra_size, &claim);

      if (reader.u32(claim.header) != kLocalHeader) {
        throw corrupt(fmt::format("record {} does not begin where the directory says", full_name));
      }
      const std::uint64_t start =
          claim.header + kLocalSize + reader.u16(claim.header + 26) + reader.u16(claim.header + 28);
      const auto slash = full_name.find('/');
      const std::string name = slash == std::string::npos ? full_name : full_name.substr(slash + 1);
      Record record;
      record.bytes = reader.view(start, claim.compressed);
      record.crc = reader.u32(at + 16);
      record.size = claim.size;
      record.encrypted = (flags & kEncryptedFlag) != 0;
      record.stored = method == kStored && !record.encrypted && claim.compressed == claim.size;
      has_checksums_ = has_checksums_ || record.crc != 0;
      if (!records_.emplace(name, record).second) {
        throw corrupt(fmt::format("record {} stands in it twice", full_name));
      }
      at = extra + extra_size + comment_size;
    }
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{} is damaged or cut short: {}. It has {} bytes; fetch "
                                          "it again.",
                                          path(), error.what(), file.size()));
  }
}

bool ZipArchive::find(const std::string& name, std::string_view* bytes) const {
  const auto found = records_.find(name);
  if (found == records_.end()) return false;
  if (!found->second.stored) {
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("{}: record {} is compressed or encrypted, which torch.jit.save does to "
                    "code alone; save the model again",
                    path(), name));
  }
  *bytes = found->second.bytes;
  return true;
}

std::string_view ZipArchive::record(const std::string& name) const {
  std::string_view bytes;
  if (!find(name, &bytes)) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{} has no record {}: it is a zip file, but not a TorchScript archive",
                            path(), name),
                Hint::kExportModel);
  }
  return bytes;
}

std::string_view ZipArchive::checked_record(const std::string& name) const {
  const std::string_view bytes = record(name);
  if (has_checksums_ && !is_whole(records_.find(name)->second)) {
    throw Error(ErrorCode::kCorrupt,
                fmt::format("{} is damaged: record {} does not match its checksum; fetch it again",
                            path(), name));
  }
  return bytes;
}

bool ZipArchive::is_whole(const Record& record) {
  if (record.stored) return crc_of(record.bytes) == record.crc;
  std::uint32_t crc = 0;
  return !record.encrypted && unpacked_crc(record.bytes, record.size, &crc) && crc == record.crc;
}

}  // namespace clip
