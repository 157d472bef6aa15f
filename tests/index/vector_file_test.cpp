#include "index/vector_file.h"

#include <doctest/doctest.h>

#include <cstring>
#include <fstream>
#include <random>
#include <vector>

#include "base/file.h"
#include "base/half.h"
#include "support.h"

using namespace clip;
using namespace clip_test;

namespace {

VectorFileId some_id() {
  VectorFileId id;
  id.dim = 40;
  id.model = std::string(64, 'a');
  id.index = 12345;
  id.generation = 2;
  return id;
}

std::vector<float> numbers(std::int64_t count) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(random);
  return values;
}

// The code of the error that reading gives, or kCancelled where it gives none.
ErrorCode code_of_reading(const std::string& path, const VectorFileId& id, std::int64_t rows) {
  try {
    VectorReader(path, id, rows);
  } catch (const Error& error) {
    CHECK(std::string(error.what()).find(path) != std::string::npos);
    return error.code();
  }
  return ErrorCode::kCancelled;
}

}  // namespace

TEST_CASE("all halves come back, and floats become the nearest half") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = float_from_half(static_cast<std::uint16_t>(bits));
    if (std::isnan(value)) {
      CHECK(std::isnan(float_from_half(half_from_float(value))));
    } else {
      CHECK(half_from_float(value) == bits);
    }
  }
  CHECK(float_from_half(half_from_float(1.0F + 1.0F / 2048)) == 1.0F);  // a tie goes to the even
  CHECK(float_from_half(half_from_float(1.0F + 3.0F / 2048)) == 1.0F + 1.0F / 512);
  CHECK(float_from_half(half_from_float(65519.0F)) == 65504.0F);
  CHECK(std::isinf(float_from_half(half_from_float(65520.0F))));
  CHECK(half_from_float(std::ldexp(1.0F, -26)) == 0);
  CHECK(half_from_float(std::ldexp(1.5F, -25)) == 1);
}

TEST_CASE("rows that were written are read, as halves, padded with zeros") {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/vectors";
  const VectorFileId id = some_id();
  const std::vector<float> values = numbers(5 * id.dim);
  {
    VectorWriter writer = VectorWriter::create(path, id);
    writer.write(0, values.data(), 3);
    writer.sync();
  }
  {
    VectorWriter writer = VectorWriter::open(path, id, 3);
    writer.write(3, values.data() + 3 * id.dim, 2);
    writer.sync();
  }
  const VectorReader reader(path, id, 5);
  CHECK(reader.rows().count == 5);
  CHECK(reinterpret_cast<std::uintptr_t>(reader.rows().row(1)) % kRowAlignment == 0);
  for (std::int64_t i = 0; i < 5; ++i) {
    for (std::int64_t k = 0; k < row_stride(id.dim); ++k) {
      const std::uint16_t expected =
          k < id.dim ? half_from_float(values[static_cast<std::size_t>(i * id.dim + k)])
                     : std::uint16_t{0};
      REQUIRE(reader.rows().row(i)[k] == expected);
    }
  }
}

TEST_CASE("what is not the file of this index is an error that names it") {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/vectors";
  const VectorFileId id = some_id();
  CHECK(code_of_reading(path, id, 0) == ErrorCode::kNotFound);
  const std::vector<float> values = numbers(4 * id.dim);
  VectorWriter::create(path, id).write(0, values.data(), 4);
  CHECK(code_of_reading(path, id, 4) == ErrorCode::kCancelled);
  CHECK(code_of_reading(path, id, 5) == ErrorCode::kCorrupt);
  CHECK(code_of_reading(path, id, std::int64_t{1} << 60) == ErrorCode::kCorrupt);
  CHECK(code_of_reading(path, id, -1) == ErrorCode::kCorrupt);
  VectorFileId other = id;
  other.model = std::string(64, 'b');
  CHECK(code_of_reading(path, other, 4) == ErrorCode::kCorrupt);
  other = id;
  other.index = 1;
  CHECK(code_of_reading(path, other, 4) == ErrorCode::kCorrupt);
  other = id;
  other.generation = 3;
  CHECK(code_of_reading(path, other, 4) == ErrorCode::kCorrupt);
  other = id;
  other.dim = 41;
  CHECK(code_of_reading(path, other, 4) == ErrorCode::kCorrupt);
  CHECK_THROWS_AS(VectorWriter::open(path, other, 4), Error);
  CHECK(code_of_reading(folder.path(), id, 0) == ErrorCode::kCorrupt);
}

TEST_CASE("a header with any byte changed, or cut anywhere, is refused") {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/vectors";
  const VectorFileId id = some_id();
  const std::vector<float> values = numbers(2 * id.dim);
  VectorWriter::create(path, id).write(0, values.data(), 2);
  const std::string whole = read_file(path);
  for (std::size_t at = 0; at < 64; ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ (1 << at % 8));
    std::ofstream(path, std::ios::binary) << changed;
    const ErrorCode code = code_of_reading(path, id, 2);
    const bool refused = code == ErrorCode::kCorrupt || code == ErrorCode::kUnsupported;
    CHECK_MESSAGE(refused, "byte ", at);
  }
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, size);
    CHECK_MESSAGE(code_of_reading(path, id, 2) == ErrorCode::kCorrupt, "size ", size);
  }
}
