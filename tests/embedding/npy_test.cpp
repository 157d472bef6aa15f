#include "embedding/npy.h"

#include <doctest/doctest.h>

#include <string>

#include "support.h"

using namespace clip;
using namespace clip_test;

namespace {

std::string written(const std::string& path, std::int64_t rows) {
  NpyWriter writer = NpyWriter::create(path, NpyType::kFloat32, 3);
  for (std::int64_t i = 0; i < rows; ++i) {
    const float row[3] = {float(i), 0.5F, -1};
    writer.write(row, 1);
  }
  writer.finish();
  return bytes_of(path);
}

}  // namespace

TEST_CASE("until it is finished, a file says that it has no rows") {
  const TemporaryFolder folder;
  const std::string path = folder.path("a.npy");
  const float row[3] = {1, 2, 3};
  NpyWriter writer = NpyWriter::create(path, NpyType::kFloat32, 3);
  writer.write(row, 1);
  CHECK(parse_npy_header(bytes_of(path)).rows == 0);
  CHECK(parse_npy_header(bytes_of(path)).offset == 128);
  CHECK(NpyWriter::rows_in(bytes_of(path).size(), NpyType::kFloat32, 3) == 1);
  writer.finish();
  CHECK(parse_npy_header(bytes_of(path)).rows == 1);
  CHECK(read_npy(path).row(0)[2] == 3);
}

TEST_CASE("a row that was cut off is written again, and the file is as if it had not been") {
  const TemporaryFolder folder;
  const std::string path = folder.path("a.npy");
  const std::string whole = written(folder.path("whole.npy"), 4);
  for (std::size_t size = 128; size <= whole.size(); ++size) {
    folder.write("a.npy", whole.substr(0, size));
    const std::int64_t there = NpyWriter::rows_in(size, NpyType::kFloat32, 3);
    CHECK(there == std::int64_t((size - 128) / 12));
    NpyWriter writer = NpyWriter::open(path, NpyType::kFloat32, 3, there);
    CHECK(writer.rows() == there);
    for (std::int64_t i = there; i < 4; ++i) {
      const float row[3] = {float(i), 0.5F, -1};
      writer.write(row, 1);
    }
    writer.finish();
    REQUIRE(bytes_of(path) == whole);
  }
  CHECK(contains(error_of([&] { NpyWriter::open(path, NpyType::kFloat32, 3, 5); }), "cut short"));
  CHECK(contains(error_of([&] { NpyWriter::open(path, NpyType::kFloat16, 3, 1); }), "<f4"));
  CHECK(contains(error_of([&] { NpyWriter::open(path, NpyType::kFloat32, 4, 1); }), "3 numbers"));
  CHECK(bytes_of(path) == whole);  // what is refused stays as it is
  CHECK(NpyWriter::rows_in(0, NpyType::kFloat32, 3) == 0);
  CHECK(NpyWriter::rows_in(1000, NpyType::kFloat32, 0) == 0);
}
