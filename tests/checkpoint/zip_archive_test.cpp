#include "checkpoint/zip_archive.h"

#include <doctest/doctest.h>
#include <zlib.h>

#include "checkpoint/checkpoint.h"
#include "clip/error.h"
#include "clip_archive.h"
#include "support.h"
#include "zip_writer.h"

using clip::Error;
using clip::MappedFile;
using clip::ZipArchive;
using clip_test::contains;
using clip_test::write_file;
using clip_test::zip;

namespace {

// The message of the error that opening such a file gives.
std::string open_error(const std::string& bytes) {
  const std::string path = write_file("archive_test.pt", bytes);
  return clip_test::error_of([&] { clip::open_checkpoint(path); });
}

}  // namespace

TEST_CASE("records are found below the root folder and checked against their CRC") {
  const MappedFile file(write_file(
      "good.pt", zip({{"root/data.pkl", "abc"}, {"root/data/0", std::string(70, 'x')}})));
  const ZipArchive archive(file);
  CHECK(archive.record("data.pkl") == "abc");
  CHECK(archive.checked_record("data/0").size() == 70);
  const auto offset = archive.record("data/0").data() - reinterpret_cast<const char*>(file.data());
  CHECK(offset % 64 == 0);
  CHECK_THROWS_AS(archive.record("version"), Error);
}

TEST_CASE("a changed byte in a checked record is an error") {
  std::string bytes = zip({{"root/data.pkl", "abcdefgh"}});
  bytes[bytes.find("abcdefgh") + 3] ^= 1;
  const MappedFile file(write_file("changed.pt", bytes));
  const ZipArchive archive(file);
  CHECK_THROWS_AS(archive.checked_record("data.pkl"), Error);
}

TEST_CASE("the error says what is wrong with a file") {
  CHECK(contains(open_error(std::string("\1\2\3\0", 4)), "not a model file of a known format"));
  const std::string good = zip({{"root/data.pkl", "N."}, {"root/data/0", "0123456789"}});
  CHECK(contains(open_error(good), "holds a Python object"));
  CHECK(contains(open_error(good.substr(0, good.size() - 30)), "cut short"));
  CHECK(contains(open_error(zip({{"r/a", "1"}, {"r/a", "2"}})), "twice"));
  CHECK(contains(open_error(zip({{"r/a", "1"}})), "not a TorchScript archive"));
}

TEST_CASE("a compressed record is an error only when it is asked for") {
  std::string bytes = zip({{"root/code.py", "abc"}, {"root/data/0", "0123456789"}});
  bytes[bytes.find("PK\x01\x02") + 10] = 8;
  const MappedFile file(write_file("compressed.pt", bytes));
  const ZipArchive archive(file);
  CHECK(archive.record("data/0") == "0123456789");
  CHECK_THROWS_AS(archive.record("code.py"), Error);
}

TEST_CASE("files that cannot be mapped are errors") {
  CHECK_THROWS_AS(MappedFile("no such file"), Error);
  CHECK_THROWS_AS(MappedFile("."), Error);
  CHECK_THROWS_AS(MappedFile("/dev/null"), Error);
  CHECK_THROWS_AS(MappedFile(write_file("empty.pt", "")), Error);
}

TEST_CASE("every record's CRC is checked, stored or deflated, and a wrong one is named") {
  const std::string text(5000, 'a');
  uLongf size = compressBound(text.size());
  std::string deflated(size, '\0');
  REQUIRE(compress(reinterpret_cast<Bytef*>(deflated.data()), &size,
                   reinterpret_cast<const Bytef*>(text.data()), text.size()) == Z_OK);
  deflated = deflated.substr(2, size - 6);  // without zlib's own header and checksum

  ZipArchive::Record record;
  record.bytes = deflated;
  record.stored = false;
  record.size = text.size();
  record.crc =
      std::uint32_t(crc32(0, reinterpret_cast<const Bytef*>(text.data()), uInt(text.size())));
  CHECK(ZipArchive::is_whole(record));
  record.size = text.size() - 1;  // more than it claims is not unpacked
  CHECK_FALSE(ZipArchive::is_whole(record));
  record.size = text.size();
  record.crc ^= 1;
  CHECK_FALSE(ZipArchive::is_whole(record));
  record.crc ^= 1;
  for (std::size_t i = 0; i < deflated.size(); ++i) {
    std::string damaged = deflated;
    damaged[i] ^= 4;
    record.bytes = damaged;
    ZipArchive::is_whole(record);  // may be whole by chance, and must not crash
  }

  const auto config = clip_test::small_config(clip::VisionKind::kTransformer);
  const std::string whole = zip(clip_test::module_records(clip_test::small_weights(config)));
  const auto verify = [](const std::string& bytes) {
    return clip::open_checkpoint(write_file("verify.pt", bytes))->verify();
  };
  CHECK(verify(whole).damaged.empty());
  CHECK(verify(whole).parts.size() > 10);
  const MappedFile file(write_file("whole.pt", whole));
  const ZipArchive archive(file);
  for (const auto& [key, stored] : archive.records()) {
    const std::string name(key);
    CAPTURE(name);
    if (name == "data.pkl") continue;  // which is checked when the file is opened
    std::string flipped = whole;
    const auto* middle = stored.bytes.data() + stored.bytes.size() / 2;
    flipped[std::size_t(middle - file.bytes().data())] ^= 1;
    CHECK(verify(flipped).damaged == std::vector<std::string>{name});
  }
}
