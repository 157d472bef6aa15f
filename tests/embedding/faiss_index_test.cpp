#include "embedding/faiss_index.h"

#include <doctest/doctest.h>

#include <string>

#include "support.h"

using namespace clip;
using namespace clip_test;

namespace {

std::string written(const std::string& path, std::int64_t rows) {
  FaissWriter writer = FaissWriter::create(path, 3);
  for (std::int64_t i = 0; i < rows; ++i) {
    const float row[3] = {float(i), 0.5F, -1};
    writer.write(row, 1);
  }
  writer.finish();
  return bytes_of(path);
}

}  // namespace

TEST_CASE("until it is finished, a file says that it has no vectors") {
  const TemporaryFolder folder;
  const std::string path = folder.path("a.faiss");
  const float row[3] = {1, 2, 3};
  FaissWriter writer = FaissWriter::create(path, 3);
  writer.write(row, 1);
  CHECK(parse_faiss_header(bytes_of(path)).rows == 0);
  CHECK(FaissWriter::rows_in(bytes_of(path).size(), 3) == 1);
  writer.finish();
  CHECK(parse_faiss_header(bytes_of(path)).rows == 1);
  CHECK(parse_faiss_header(bytes_of(path)).dim == 3);
}

TEST_CASE("a vector that was cut off is written again, and the file is as if it had not been") {
  const TemporaryFolder folder;
  const std::string path = folder.path("a.faiss");
  const std::string whole = written(folder.path("whole.faiss"), 4);
  CHECK(whole.size() == 45 + 4 * 12);
  for (std::size_t size = 45; size <= whole.size(); ++size) {
    folder.write("a.faiss", whole.substr(0, size));
    const std::int64_t there = FaissWriter::rows_in(size, 3);
    CHECK(there == std::int64_t((size - 45) / 12));
    FaissWriter writer = FaissWriter::open(path, 3, there);
    for (std::int64_t i = there; i < 4; ++i) {
      const float row[3] = {float(i), 0.5F, -1};
      writer.write(row, 1);
    }
    writer.finish();
    REQUIRE(bytes_of(path) == whole);
  }
  CHECK(contains(error_of([&] { FaissWriter::open(path, 3, 5); }), "cut short"));
  CHECK(contains(error_of([&] { FaissWriter::open(path, 4, 1); }), "3 numbers"));
  CHECK(bytes_of(path) == whole);  // what is refused stays as it is
}

TEST_CASE("what is no such index is refused") {
  const TemporaryFolder folder;
  const std::string whole = written(folder.path("whole.faiss"), 1);
  CHECK(contains(error_of([&] { parse_faiss_header(whole.substr(0, 44)); }), "no IndexFlatIP"));
  CHECK(
      contains(error_of([&] { parse_faiss_header("IxF2" + whole.substr(4)); }), "no IndexFlatIP"));
  std::string l2 = whole;
  l2[33] = 1;
  CHECK(contains(error_of([&] { parse_faiss_header(l2); }), "damaged"));
  CHECK(contains(error_of([&] { FaissWriter::open(folder.write("b", "text"), 3, 0); }),
                 "b: it is no"));
}
