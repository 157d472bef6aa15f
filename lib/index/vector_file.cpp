#include "index/vector_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_reader.h"
#include "base/half.h"
#include "base/strings.h"

namespace clip {
namespace {

constexpr std::uint64_t kHeader = 64;  // bytes
constexpr std::string_view kMagic = "CLIPVECS";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kChecked = 60;  // bytes in front of the checksum
constexpr std::int64_t kMaxDim = 1 << 16;

void put(std::string* bytes, std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i) bytes->push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      ::crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

// Of a model's identity, what the header has room for.
std::string short_model(const std::string& identity) {
  return bytes_of_hex(std::string_view(identity).substr(0, 32));
}

std::string header_of(const VectorFileId& id) {
  std::string bytes(kMagic);
  put(&bytes, kVersion, 4);
  put(&bytes, static_cast<std::uint64_t>(id.dim), 4);
  put(&bytes, id.index, 8);
  put(&bytes, id.generation, 8);
  bytes += short_model(id.model);
  bytes.resize(kChecked);
  put(&bytes, checksum(bytes), 4);
  return bytes;
}

std::uint64_t offset_of(std::int64_t row, std::int64_t dim) {
  return kHeader + static_cast<std::uint64_t>(row * row_stride(dim)) * sizeof(std::uint16_t);
}

Error damaged(const std::string& path, const std::string& why) {
  return Error(ErrorCode::kCorrupt, fmt::format("cannot use the vectors in {}: {}", path, why),
               Hint::kRebuildIndex);
}

Error missing(const std::string& path) {
  return Error(ErrorCode::kNotFound,
               fmt::format("cannot use the vectors in {}: there is no such file", path),
               Hint::kRebuildIndex);
}

std::unique_ptr<const MappedFile> mapped(const std::string& path) {
  try {
    return std::make_unique<const MappedFile>(path);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kNotFound) throw missing(path);
    // What the system refuses now may be there the next time.
    if (error.code() == ErrorCode::kIo) throw;
    throw damaged(path, "it is empty, or not a regular file");
  }
}

// Throws Error unless it is the header of `id`.
void check_header(const std::string& path, std::string_view bytes, const VectorFileId& id) {
  const ByteReader reader(bytes, /*big_endian=*/false);
  if (bytes.size() < kHeader) throw damaged(path, "it is cut short");
  if (!reader.starts_with(0, kMagic)) throw damaged(path, "it is no vector file of clip-cli");
  if (reader.u32(8) != kVersion) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("cannot use the vectors in {}: it has version {} of the format, and "
                            "this program reads version {}",
                            path, reader.u32(8), kVersion),
                Hint::kRebuildIndex);
  }
  if (reader.u32(kChecked) != checksum(bytes.substr(0, kChecked))) {
    throw damaged(path, "its header is damaged");
  }
  if (reader.u32(12) != static_cast<std::uint32_t>(id.dim)) {
    throw damaged(path, fmt::format("its vectors have {} numbers, those of this index {}",
                                    reader.u32(12), id.dim));
  }
  const std::string_view model = reader.view(32, 16);
  if (model != short_model(id.model)) {
    throw damaged(path, fmt::format("it is of the model {}, the index of the model {}",
                                    hex_of(model), id.model.substr(0, 32)));
  }
  if (reader.u64(16) != id.index || reader.u64(24) != id.generation) {
    throw damaged(path, "it is of another index");
  }
}

// Throws Error unless a file of that size holds the rows.
void check_size(const std::string& path, std::uint64_t size, std::int64_t dim, std::int64_t rows) {
  if (dim <= 0 || dim > kMaxDim || rows < 0) {
    throw damaged(path, fmt::format("{} rows of {} numbers are not possible", rows, dim));
  }
  const std::uint64_t row_bytes = static_cast<std::uint64_t>(row_stride(dim)) * 2;
  if (size < kHeader || (size - kHeader) / row_bytes < static_cast<std::uint64_t>(rows)) {
    throw damaged(
        path, fmt::format("it is cut short: {} bytes, and {} rows should be there", size, rows));
  }
}

}  // namespace

std::uint32_t row_checksum(const std::uint16_t* row, std::int64_t dim) {
  return checksum({reinterpret_cast<const char*>(row),
                   static_cast<std::size_t>(row_stride(dim)) * sizeof(*row)});
}

VectorWriter::VectorWriter(std::string path, std::int64_t dim, Descriptor descriptor)
    : path_(std::move(path)), dim_(dim), descriptor_(std::move(descriptor)) {}

VectorWriter VectorWriter::create(const std::string& path, const VectorFileId& id) {
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file.valid()) throw file_error("write", path, errno);
  const std::string header = header_of(id);
  if (!write_all(file.get(), header.data(), header.size())) throw file_error("write", path, errno);
  return VectorWriter(path, id.dim, std::move(file));
}

VectorWriter VectorWriter::open(const std::string& path, const VectorFileId& id,
                                std::int64_t rows) {
  Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid() && errno == ENOENT) throw missing(path);
  if (!file.valid() && errno == EISDIR) throw damaged(path, "it is not a regular file");
  if (!file.valid()) throw file_error("open", path, errno);
  struct stat info = {};
  if (::fstat(file.get(), &info) != 0) throw file_error("read", path, errno);
  if (!S_ISREG(info.st_mode)) throw damaged(path, "it is not a regular file");
  std::string header(kHeader, '\0');
  const ssize_t count = ::pread(file.get(), header.data(), header.size(), 0);
  if (count < 0) throw file_error("read", path, errno);
  check_header(path, std::string_view(header).substr(0, static_cast<std::size_t>(count)), id);
  check_size(path, static_cast<std::uint64_t>(info.st_size), id.dim, rows);
  return VectorWriter(path, id.dim, std::move(file));
}

void VectorWriter::write_at(std::int64_t at, const void* data, std::size_t size) {
  if (!write_all_at(descriptor_.get(), offset_of(at, dim_), data, size))
    throw file_error("write", path_, errno);
}

std::vector<std::uint32_t> VectorWriter::write(std::int64_t at, const float* vectors,
                                               std::int64_t count) {
  const std::int64_t stride = row_stride(dim_);
  std::vector<std::uint16_t> rows(static_cast<std::size_t>(count * stride));
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t k = 0; k < dim_; ++k) {
      rows[static_cast<std::size_t>(i * stride + k)] = half_from_float(vectors[i * dim_ + k]);
    }
  }
  write_at(at, rows.data(), rows.size() * sizeof(rows[0]));
  std::vector<std::uint32_t> checksums;
  for (std::int64_t i = 0; i < count; ++i) {
    checksums.push_back(row_checksum(rows.data() + i * stride, dim_));
  }
  return checksums;
}

void VectorWriter::write_row(std::int64_t at, const std::uint16_t* row) {
  write_at(at, row, static_cast<std::size_t>(row_stride(dim_)) * sizeof(*row));
}

void VectorWriter::sync() {
  if (::fdatasync(descriptor_.get()) != 0) throw file_error("write", path_, errno);
}

VectorReader::VectorReader(const std::string& path, const VectorFileId& id, std::int64_t rows)
    : file_(mapped(path)) {
  check_header(path, file_->bytes().substr(0, kHeader), id);
  check_size(path, file_->size(), id.dim, rows);
  rows_.values = reinterpret_cast<const std::uint16_t*>(file_->data() + kHeader);
  rows_.count = rows;
  rows_.dim = id.dim;
}

}  // namespace clip
