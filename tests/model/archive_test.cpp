#include "model/archive.h"

#include <doctest/doctest.h>

#include "error.h"
#include "zip_writer.h"

using clip::Archive;
using clip::Error;
using clip::MappedFile;
using clip_test::write_file;
using clip_test::zip;

namespace {

// The message of the error that opening such a file gives.
std::string error_of(const std::string& bytes) {
  const MappedFile file(write_file("archive_test.pt", bytes));
  try {
    const Archive archive(file);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("records are found below the root folder and checked against their CRC") {
  const MappedFile file(write_file(
      "good.pt", zip({{"root/data.pkl", "abc"}, {"root/data/0", std::string(70, 'x')}})));
  const Archive archive(file);
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
  const Archive archive(file);
  CHECK_THROWS_AS(archive.checked_record("data.pkl"), Error);
}

TEST_CASE("what is wrong with a file is said") {
  CHECK(contains(error_of("hello, I am a text file"), "not a TorchScript archive"));
  CHECK(contains(error_of("PK"), "not a TorchScript archive"));
  const std::string good = zip({{"root/data.pkl", "abc"}, {"root/data/0", "0123456789"}});
  CHECK(error_of(good) == "");
  CHECK(contains(error_of(good.substr(0, good.size() - 30)), "cut short"));
  CHECK(contains(error_of(zip({{"r/a", "1"}, {"r/a", "2"}})), "twice"));
}

TEST_CASE("a compressed record is an error only when it is asked for") {
  std::string bytes = zip({{"root/code.py", "abc"}, {"root/data/0", "0123456789"}});
  bytes[bytes.find("PK\x01\x02") + 10] = 8;
  const MappedFile file(write_file("compressed.pt", bytes));
  const Archive archive(file);
  CHECK(archive.record("data/0") == "0123456789");
  CHECK_THROWS_AS(archive.record("code.py"), Error);
}

TEST_CASE("files that cannot be mapped are errors") {
  CHECK_THROWS_AS(MappedFile("no such file"), Error);
  CHECK_THROWS_AS(MappedFile("."), Error);
  CHECK_THROWS_AS(MappedFile("/dev/null"), Error);
  CHECK_THROWS_AS(MappedFile(write_file("empty.pt", "")), Error);
}
