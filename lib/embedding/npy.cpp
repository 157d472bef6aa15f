#include "embedding/npy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <vector>

#include "base/byte_reader.h"
#include "base/excerpt.h"
#include "base/half.h"

// Numbers are copied as they lie in memory.
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers in files are little-endian");

namespace clip {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::uint64_t kMaxHeader = 64
                                     << 10;  // bytes of the dictionary; NumPy's own limit is less

const char* descr_of(NpyType type) {
  return type == NpyType::kFloat16 ? "<f2" : type == NpyType::kFloat32 ? "<f4" : "<f8";
}

Error unsupported(const std::string& why) {
  return Error(ErrorCode::kUnsupported, why);
}

Error corrupt(const std::string& why) {
  return Error(ErrorCode::kCorrupt, why);
}

// The header's text is a literal of Python: {'descr': '<f4', 'fortran_order': False, 'shape': (3,
// 512), }, with keys in any order.
class HeaderText {
 public:
  explicit HeaderText(std::string_view text) : text_(text) {}

  NpyHeader parse() {
    NpyHeader header;
    expect('{');
    while (!take('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr" && !has_type_) {
        header.type = type();
        has_type_ = true;
      } else if (key == "fortran_order" && !has_order_) {
        if (boolean()) {
          throw unsupported("its array is in Fortran order; save it with numpy.ascontiguousarray");
        }
        has_order_ = true;
      } else if (key == "shape" && !has_shape_) {
        shape(&header);
        has_shape_ = true;
      } else {
        throw damaged();
      }
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    skip_blanks();
    if (at_ != text_.size() || !has_type_ || !has_order_ || !has_shape_) throw damaged();
    return header;
  }

 private:
  static Error damaged() { return corrupt("its header is damaged"); }

  void skip_blanks() {
    while (at_ < text_.size() && std::strchr(" \t\n\r", text_[at_]) != nullptr &&
           text_[at_] != '\0') {
      ++at_;
    }
  }

  bool take(char wanted) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  void expect(char wanted) {
    if (!take(wanted)) throw damaged();
  }

  std::string string() {
    skip_blanks();
    if (at_ == text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) throw damaged();
    const std::size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) throw damaged();
    const std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }

  bool boolean() {
    skip_blanks();
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return word == "True";
      }
    }
    throw damaged();
  }

  NpyType type() {
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '[') {
      throw unsupported("its array has fields with names, and is no array of numbers");
    }
    const std::string descr = string();
    for (const NpyType type : {NpyType::kFloat16, NpyType::kFloat32, NpyType::kFloat64}) {
      if (descr == descr_of(type)) return type;
    }
    if (descr.find('O') != std::string::npos) {
      throw unsupported("its array holds Python objects (pickled), which are not read");
    }
    throw unsupported(
        fmt::format("its numbers are of type '{}'; there are <f2, <f4 and <f8", excerpt(descr)));
  }

  std::int64_t number() {
    skip_blanks();
    std::int64_t value = 0;
    const std::size_t begin = at_;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      const int digit = text_[at_] - '0';
      if (value > (std::numeric_limits<std::int64_t>::max() - digit) / 10) throw damaged();
      value = value * 10 + digit;
    }
    if (at_ == begin) throw damaged();
    return value;
  }

  void shape(NpyHeader* header) {
    std::vector<std::int64_t> shape;
    expect('(');
    while (!take(')')) {
      shape.push_back(number());
      if (!take(',')) {
        expect(')');
        break;
      }
    }
    if (shape.empty() || shape.size() > 2) {
      throw unsupported(fmt::format("its array has {} dimensions; a vector has 1, a list of them 2",
                                    shape.size()));
    }
    header->dimensions = static_cast<int>(shape.size());
    header->rows = shape.size() == 1 ? 1 : shape.front();
    header->dim = shape.back();
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool has_type_ = false, has_order_ = false, has_shape_ = false;
};

// float_from_half, a tenth of the time: the exponent's bias is 112 less than float's, so
// multiplying puts it right, in subnormal numbers too.
float quick_float_from_half(std::uint16_t half) {
  const std::uint32_t magnitude = half & 0x7fffU;
  if (magnitude >= 0x7c00) return float_from_half(half);
  const std::uint32_t shifted = magnitude << 13;
  float value;
  std::memcpy(&value, &shifted, sizeof(value));
  value *= 5.192296858534828e+33F;  // 2^112
  return (half & 0x8000U) != 0 ? -value : value;
}

// A regular file, and its size.
Descriptor open_regular(const std::string& path, int flags, std::uint64_t* size) {
  // O_NONBLOCK: opening a named pipe must not wait for a writer; it is refused.
  Descriptor file(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) throw file_error("open", path, errno);
  struct stat info = {};
  if (::fstat(file.get(), &info) != 0) throw file_error("read", path, errno);
  if (!S_ISREG(info.st_mode)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("cannot read {}: it is not a regular file", path));
  }
  *size = static_cast<std::uint64_t>(info.st_size);
  return file;
}

// The first bytes of a file, as many as a header may have.
std::string beginning_of(const Descriptor& file, const std::string& path, std::uint64_t size) {
  std::string bytes(static_cast<std::size_t>(std::min(size, kMaxHeader + 12)), '\0');
  const ssize_t count = ::pread(file.get(), bytes.data(), bytes.size(), 0);
  if (count < 0) throw file_error("read", path, errno);
  bytes.resize(static_cast<std::size_t>(count));
  return bytes;
}

NpyHeader header_of(const Descriptor& file, const std::string& path, std::uint64_t size) {
  try {
    return parse_npy_header(beginning_of(file, path, size));
  } catch (const Error& error) {
    throw error.within("cannot read " + path);
  }
}

}  // namespace

std::string npy_header(NpyType type, std::int64_t rows, std::int64_t dim) {
  std::string text(kMagic);
  text += std::string_view("\x01\x00\x76\x00", 4);  // version 1.0, then 118 bytes
  text += fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}, {}), }}",
                      descr_of(type), rows, dim);
  text.resize(static_cast<std::size_t>(NpyWriter::kHeaderBytes - 1), ' ');
  return text + '\n';
}

NpyHeader parse_npy_header(std::string_view bytes) {
  const ByteReader reader(bytes, /*big_endian=*/false);
  if (!reader.starts_with(0, kMagic)) throw corrupt("it is no .npy file");
  const std::uint32_t major = reader.u8(6), minor = reader.u8(7);
  if ((major != 1 && major != 2) || minor != 0) {
    throw unsupported(fmt::format("it has version {}.{} of the .npy format; there are 1.0 and 2.0",
                                  major, minor));
  }
  const std::uint64_t begin = major == 1 ? 10 : 12;
  const std::uint64_t length = major == 1 ? reader.u16(8) : reader.u32(8);
  if (length > kMaxHeader) throw corrupt("its header is too long");
  NpyHeader header = HeaderText(reader.view(begin, length)).parse();
  header.offset = begin + length;
  return header;
}

std::int64_t size_of(NpyType type) {
  return type == NpyType::kFloat16 ? 2 : type == NpyType::kFloat32 ? 4 : 8;
}

void widen_numbers(const char* from, NpyType type, std::size_t count, float* to) {
  for (std::size_t i = 0; i < count; ++i) {
    if (type == NpyType::kFloat16) {
      to[i] = quick_float_from_half(load_unaligned<std::uint16_t>(from + 2 * i));
    } else if (type == NpyType::kFloat32) {
      to[i] = load_unaligned<float>(from + 4 * i);
    } else {
      to[i] = static_cast<float>(load_unaligned<double>(from + 8 * i));
    }
  }
}

void check_npy_size(const NpyHeader& header, std::uint64_t bytes) {
  if (header.dim == 0) throw corrupt("its vectors have no numbers");
  const std::uint64_t data = bytes < header.offset ? 0 : bytes - header.offset;
  const auto number = static_cast<std::uint64_t>(size_of(header.type));
  const auto dim = static_cast<std::uint64_t>(header.dim);
  // By division: products of claims may be too large for any type.
  const std::uint64_t rows_there = dim > data / number ? 0 : data / (dim * number);
  if (rows_there < static_cast<std::uint64_t>(header.rows)) {
    throw corrupt(fmt::format("it is cut short: {} rows of {} numbers should be there", header.rows,
                              header.dim));
  }
  if (data != static_cast<std::uint64_t>(header.rows) * dim * number) {
    throw corrupt("it is longer than its header says");
  }
}

NpyReader::NpyReader(const std::string& path) : path_(path) {
  std::uint64_t size = 0;
  descriptor_ = open_regular(path, O_RDONLY, &size);
  header_ = header_of(descriptor_, path, size);
  try {
    check_npy_size(header_, size);
  } catch (const Error& error) {
    throw error.within("cannot read " + path);
  }
}

void NpyReader::read(std::int64_t first, std::int64_t count, float* rows) const {
  const auto number = static_cast<std::size_t>(size_of(header_.type));
  const auto begin = header_.offset + static_cast<std::uint64_t>(first * header_.dim) * number;
  const auto numbers = static_cast<std::size_t>(count * header_.dim);
  std::vector<char> buffer(std::min<std::size_t>(1 << 20, numbers * number));
  std::size_t done = 0;
  while (done < numbers) {
    const std::size_t some = std::min(numbers - done, buffer.size() / number);
    std::size_t got = 0;
    while (got < some * number) {
      const ssize_t size = ::pread(descriptor_.get(), buffer.data() + got, some * number - got,
                                   static_cast<off_t>(begin + done * number + got));
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) throw file_error("read", path_, errno);
      if (size == 0) {
        throw corrupt(fmt::format("cannot read {}: it became shorter while it was read", path_));
      }
      got += static_cast<std::size_t>(size);
    }
    widen_numbers(buffer.data(), header_.type, some, rows + done);
    done += some;
  }
}

Embeddings read_npy(const std::string& path) {
  const NpyReader reader(path);
  Embeddings embeddings;
  embeddings.count = reader.rows();
  embeddings.dim = reader.dim();
  embeddings.values.resize(static_cast<std::size_t>(reader.rows() * reader.dim()));
  reader.read(0, reader.rows(), embeddings.values.data());
  return embeddings;
}

NpyWriter NpyWriter::create(const std::string& path, NpyType type, std::int64_t dim) {
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file.valid()) throw file_error("write", path, errno);
  NpyWriter writer(path, type, dim, std::move(file));
  const std::string header = npy_header(type, 0, dim);
  writer.write_at(0, header.data(), header.size());
  return writer;
}

NpyWriter NpyWriter::open(const std::string& path, NpyType type, std::int64_t dim,
                          std::int64_t rows) {
  std::uint64_t size = 0;
  Descriptor file = open_regular(path, O_RDWR, &size);
  const NpyHeader header = header_of(file, path, size);
  if (header.type != type || header.dim != dim || header.dimensions != 2 ||
      header.offset != static_cast<std::uint64_t>(kHeaderBytes)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("cannot go on with {}: it holds vectors of {} numbers ({}), and "
                            "these are of {} ({})",
                            path, header.dim, descr_of(header.type), dim, descr_of(type)));
  }
  if (rows_in(size, type, dim) < rows) {
    throw corrupt(fmt::format("cannot go on with {}: it is cut short", path));
  }
  NpyWriter writer(path, type, dim, std::move(file));
  const auto end = static_cast<off_t>(kHeaderBytes + rows * dim * size_of(type));
  if (::ftruncate(writer.descriptor_.get(), end) != 0) throw file_error("write", path, errno);
  writer.rows_ = rows;
  return writer;
}

std::int64_t NpyWriter::rows_in(std::uint64_t bytes, NpyType type, std::int64_t dim) {
  const auto header = static_cast<std::uint64_t>(kHeaderBytes);
  if (bytes <= header || dim <= 0) return 0;
  return static_cast<std::int64_t>((bytes - header) /
                                   static_cast<std::uint64_t>(dim * size_of(type)));
}

void NpyWriter::write_at(std::uint64_t offset, const void* data, std::size_t size) {
  if (!write_all_at(descriptor_.get(), offset, data, size)) throw file_error("write", path_, errno);
}

void NpyWriter::write(const float* rows, std::int64_t count) {
  const std::int64_t numbers = count * dim_;
  const auto offset = static_cast<std::uint64_t>(kHeaderBytes + rows_ * dim_ * size_of(type_));
  if (type_ == NpyType::kFloat16) {
    std::vector<std::uint16_t> halves(static_cast<std::size_t>(numbers));
    std::transform(rows, rows + numbers, halves.begin(), half_from_float);
    write_at(offset, halves.data(), halves.size() * sizeof(halves[0]));
  } else {
    write_at(offset, rows, static_cast<std::size_t>(numbers) * sizeof(*rows));
  }
  rows_ += count;
}

void NpyWriter::finish() {
  const std::string header = npy_header(type_, rows_, dim_);
  write_at(0, header.data(), header.size());
  if (::fsync(descriptor_.get()) != 0) throw file_error("write", path_, errno);
}

}  // namespace clip
