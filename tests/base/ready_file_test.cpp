#include "base/ready_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "clip/error.h"
#include "support.h"

using namespace clip;
using namespace clip_test;

namespace {

void put_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

struct Pieces {
  std::vector<std::byte> first = std::vector<std::byte>(1000, std::byte{7});
  std::vector<std::byte> second = std::vector<std::byte>(33, std::byte{9});

  std::vector<ReadyFile::NewPiece> list() const {
    return {{1, first.data(), first.size()}, {2, second.data(), second.size()}};
  }
};

constexpr const char* kKey = "layout 1\nmodel abc\n";

}  // namespace

TEST_CASE("a ready file holds what was written, at aligned places") {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/below/it/file.ready";
  const Pieces pieces;
  ReadyFile::write(path, kKey, "a note", pieces.list());
  const auto file = ReadyFile::open(path, kKey);
  REQUIRE(file != nullptr);
  REQUIRE(file->pieces().size() == 2);
  CHECK(file->pieces()[0].kind == 1);
  CHECK(file->pieces()[1].kind == 2);
  CHECK(std::equal(pieces.first.begin(), pieces.first.end(), file->data(0)));
  CHECK(std::equal(pieces.second.begin(), pieces.second.end(), file->data(1)));
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(reinterpret_cast<std::uintptr_t>(file->data(i)) % 64 == 0);
  }
  const auto header = read_ready_header(path);
  REQUIRE(header != nullptr);
  CHECK(header->note == "a note");
  CHECK(header->value("model") == "abc");
  CHECK(header->value("layout") == "1");
  CHECK(header->value("abc") == "");
  CHECK(header->file_size == std::filesystem::file_size(path));
  // Nothing else is left in the folder.
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path() + "/below/it"), {}) == 1);
}

TEST_CASE("another key, no file, and what is no such file are nothing") {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/file.ready";
  bool found = true;
  CHECK(ReadyFile::open(path, kKey, &found) == nullptr);
  CHECK(!found);
  ReadyFile::write(path, kKey, "", Pieces().list());
  CHECK(ReadyFile::open(path, "layout 2\nmodel abc\n", &found) == nullptr);
  CHECK(found);
  put_bytes(path, std::string(5000, 'x'));
  CHECK(ReadyFile::open(path, kKey, &found) == nullptr);
  CHECK(found);
  CHECK(ReadyFile::open(folder.path(), kKey, &found) == nullptr);
  CHECK(read_ready_header("/dev/null") == nullptr);
}

TEST_CASE("a file that was cut anywhere, or whose header has another bit anywhere, is nothing") {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/file.ready";
  ReadyFile::write(path, kKey, "note", Pieces().list());
  const std::string whole = bytes_of(path);
  for (std::size_t size = 1; size < whole.size(); size += size < 300 ? 1 : 97) {
    put_bytes(path, whole.substr(0, size));
    REQUIRE(ReadyFile::open(path, kKey) == nullptr);
  }
  put_bytes(path, whole + "more");
  CHECK(ReadyFile::open(path, kKey) == nullptr);
  const std::size_t header = 64 + std::string(kKey).size() + 4 + 2 * 24;
  for (std::size_t at = 0; at < header; ++at) {
    for (const int bit : {0, 3, 7}) {
      std::string damaged = whole;
      damaged[at] = char(damaged[at] ^ (1 << bit));
      put_bytes(path, damaged);
      REQUIRE(ReadyFile::open(path, kKey) == nullptr);
    }
  }
  put_bytes(path, whole);
  CHECK(ReadyFile::open(path, kKey) != nullptr);
}

TEST_CASE("what cannot be written is an Error, and the old file stays") {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/file.ready";
  ReadyFile::write(path, kKey, "old", Pieces().list());
  const std::string old = bytes_of(path);
  put_bytes(folder.path() + "/no folder", "x");
  CHECK(
      contains(error_of([&] { ReadyFile::write(folder.path() + "/no folder/file", kKey, "", {}); }),
               "no folder"));
  if (::geteuid() != 0) {  // root may write anywhere
    ::chmod(folder.path().c_str(), 0500);
    CHECK(contains(error_of([&] { ReadyFile::write(path, kKey, "new", {}); }), path));
    ::chmod(folder.path().c_str(), 0700);
  }
  CHECK(bytes_of(path) == old);
  // Without pieces it is a file, too.
  ReadyFile::write(path, kKey, "new", {});
  const auto file = ReadyFile::open(path, kKey);
  REQUIRE(file != nullptr);
  CHECK(file->pieces().empty());
}
