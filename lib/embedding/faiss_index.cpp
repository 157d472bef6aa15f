#include "embedding/faiss_index.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>

#include "base/byte_reader.h"
#include "base/half.h"

// Numbers are copied as they lie in memory.
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers in files are little-endian");

namespace clip {
namespace {

constexpr std::string_view kMagic = "IxFI";
constexpr std::int64_t kUnused = 1 << 20;

template <typename T>
void append(std::string* text, T number) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &number, sizeof(T));
  text->append(bytes, sizeof(T));
}

std::string header_of(std::int64_t dim, std::int64_t rows) {
  std::string header(kMagic);
  append(&header, static_cast<std::int32_t>(dim));
  append(&header, rows);
  append(&header, kUnused);
  append(&header, kUnused);
  append(&header, std::uint8_t{1});
  append(&header, std::int32_t{0});
  append(&header, static_cast<std::uint64_t>(rows) * static_cast<std::uint64_t>(dim));
  return header;
}

}  // namespace

FaissHeader parse_faiss_header(std::string_view bytes) {
  const ByteReader reader(bytes, /*big_endian=*/false);
  if (!reader.starts_with(0, kMagic) ||
      bytes.size() < static_cast<std::size_t>(FaissWriter::kHeaderBytes)) {
    throw Error(ErrorCode::kCorrupt, "it is no IndexFlatIP of FAISS");
  }
  FaissHeader header;
  header.dim = load_unaligned<std::int32_t>(bytes.data() + 4);
  header.rows = load_unaligned<std::int64_t>(bytes.data() + 8);
  const auto metric = load_unaligned<std::int32_t>(bytes.data() + 33);
  if (header.dim <= 0 || header.rows < 0 || metric != 0) {
    throw Error(ErrorCode::kCorrupt, "its header is damaged");
  }
  return header;
}

FaissWriter FaissWriter::create(const std::string& path, std::int64_t dim) {
  if (dim > std::numeric_limits<std::int32_t>::max()) {
    throw Error(ErrorCode::kLimit, fmt::format("{} cannot hold vectors of {} numbers", path, dim));
  }
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file.valid()) throw file_error("write", path, errno);
  FaissWriter writer(path, dim, std::move(file));
  const std::string header = header_of(dim, 0);
  writer.write_at(0, header.data(), header.size());
  return writer;
}

FaissWriter FaissWriter::open(const std::string& path, std::int64_t dim, std::int64_t rows) {
  // O_NONBLOCK: opening a named pipe must not wait for a reader.
  Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  struct stat info = {};
  if (!file.valid() || ::fstat(file.get(), &info) != 0) throw file_error("open", path, errno);
  std::string bytes(static_cast<std::size_t>(kHeaderBytes), '\0');
  if (::pread(file.get(), bytes.data(), bytes.size(), 0) != kHeaderBytes) bytes.clear();
  FaissHeader header;
  try {
    header = parse_faiss_header(bytes);
  } catch (const Error& error) {
    throw error.within("cannot go on with " + path);
  }
  if (header.dim != dim) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("cannot go on with {}: it holds vectors of {} numbers, and these are "
                            "of {}",
                            path, header.dim, dim));
  }
  if (rows_in(static_cast<std::uint64_t>(info.st_size), dim) < rows) {
    throw Error(ErrorCode::kCorrupt, fmt::format("cannot go on with {}: it is cut short", path));
  }
  FaissWriter writer(path, dim, std::move(file));
  const auto end = static_cast<off_t>(kHeaderBytes + rows * dim * std::int64_t{sizeof(float)});
  if (::ftruncate(writer.descriptor_.get(), end) != 0) throw file_error("write", path, errno);
  writer.rows_ = rows;
  return writer;
}

std::int64_t FaissWriter::rows_in(std::uint64_t bytes, std::int64_t dim) {
  const auto header = static_cast<std::uint64_t>(kHeaderBytes);
  if (bytes <= header || dim <= 0) return 0;
  return static_cast<std::int64_t>((bytes - header) /
                                   (static_cast<std::uint64_t>(dim) * sizeof(float)));
}

void FaissWriter::write_at(std::uint64_t offset, const void* data, std::size_t size) {
  if (!write_all_at(descriptor_.get(), offset, data, size)) throw file_error("write", path_, errno);
}

void FaissWriter::write(const float* rows, std::int64_t count) {
  const auto number = static_cast<std::int64_t>(sizeof(float));
  write_at(static_cast<std::uint64_t>(kHeaderBytes + rows_ * dim_ * number), rows,
           static_cast<std::size_t>(count * dim_ * number));
  rows_ += count;
}

void FaissWriter::finish() {
  const std::string header = header_of(dim_, rows_);
  write_at(0, header.data(), header.size());
  if (::fsync(descriptor_.get()) != 0) throw file_error("write", path_, errno);
}

}  // namespace clip
