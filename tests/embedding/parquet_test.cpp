#include "embedding/parquet.h"

#include <doctest/doctest.h>

#include <string>

#include "embedding/thrift_writer.h"
#include "support.h"

using namespace clip;
using namespace clip_test;

TEST_CASE("a file is what its format says, byte by byte") {
  const TemporaryFolder folder;
  const std::string path = folder.path("a.parquet");
  ParquetWriter writer(path, {{"n", ParquetType::kInt64}});
  writer.write({std::int64_t{5}});
  writer.write({ParquetValue()});
  writer.finish();
  CHECK(writer.rows() == 2);
  const std::string bytes = bytes_of(path);
  const std::string page(
      "\x15\x00\x15\x1c\x15\x1c"                      // data page, 14 bytes, 14 bytes
      "\x2c\x15\x04\x15\x00\x15\x06\x15\x06\x00\x00"  // 2 values, PLAIN, RLE, RLE
      "\x02\x00\x00\x00\x03\x01"                      // levels: 2 bytes, one group of 8 bits: 1, 0
      "\x05\x00\x00\x00\x00\x00\x00\x00",
      31);
  CHECK(bytes.substr(0, 4) == "PAR1");
  CHECK(bytes.substr(4, page.size()) == page);
  CHECK(bytes.substr(bytes.size() - 4) == "PAR1");
  const std::size_t footer = bytes.size() - 4 - page.size() - 8;
  CHECK(static_cast<unsigned char>(bytes[bytes.size() - 8]) == footer);
}

TEST_CASE("what does not fit its columns is refused, and the rows before stay") {
  const TemporaryFolder folder;
  ParquetWriter writer(folder.path("a.parquet"),
                       {{"n", ParquetType::kInt64}, {"t", ParquetType::kText}});
  writer.write({std::int64_t{5}, std::string("a")});
  CHECK(contains(error_of([&] { writer.write({std::int64_t{5}}); }), "1 values for 2 columns"));
  CHECK(contains(error_of([&] { writer.write({5.0, std::string("a")}); }), "column n"));
  CHECK(contains(error_of([&] { writer.write({ParquetValue(), true}); }), "column t"));
  CHECK(writer.rows() == 1);
}

TEST_CASE("a file that cannot be written is an error that names it") {
  CHECK(contains(error_of([] { ParquetWriter("/no/such/folder/a.parquet", {}); }),
                 "/no/such/folder/a.parquet"));
}

TEST_CASE("numbers of the compact protocol") {
  const auto varint = [](std::uint64_t number) {
    std::string bytes;
    append_varint(&bytes, number);
    return bytes;
  };
  CHECK(varint(0) == std::string(1, '\0'));
  CHECK(varint(127) == "\x7f");
  CHECK(varint(128) == "\x80\x01");
  CHECK(varint(~std::uint64_t{0}) == "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");

  ThriftWriter writer;
  writer.number(1, std::int32_t{-1});
  writer.number(20, std::int64_t{1} << 40);  // too far for a step of four bits
  writer.begin_list(21, ThriftWriter::kInt32, 15);
  for (int i = 0; i < 15; ++i) writer.element(i);
  CHECK(writer.finish() == std::string("\x15\x01\x06\x28\x80\x80\x80\x80\x80\x40\x19\xf5\x0f", 13) +
                               std::string("\x00\x02\x04\x06\x08\x0a\x0c\x0e\x10", 9) +
                               std::string("\x12\x14\x16\x18\x1a\x1c\x00", 7));
}
