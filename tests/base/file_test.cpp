#include "base/file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <thread>

#include "base/byte_reader.h"
#include "base/mapped_file.h"
#include "base/utf8.h"
#include "clip/cancel.h"
#include "support.h"

using namespace clip;
using clip_test::code_of;
using clip_test::contains;
using clip_test::error_of;

TEST_CASE("a whole file, whatever it is, or an error that names it") {
  const clip_test::TemporaryFolder folder;
  const std::string path = folder.path() + "/file";
  std::string bytes(300000, 'x');
  bytes[1000] = '\0';
  std::ofstream(path, std::ios::binary) << bytes;
  CHECK(read_file(path) == bytes);
  CHECK(code_of([&] { read_file(path + ".missing"); }) == ErrorCode::kNotFound);
  CHECK(code_of([&] { read_file(folder.path()); }) == ErrorCode::kInvalidArgument);
  CHECK(contains(error_of([] { read_file("/dev/null"); }), "empty"));
  CHECK(code_of([&] { read_file(path + std::string("\0.png", 5)); }) == ErrorCode::kNotFound);
  // A pipe has no size, and comes in pieces.
  const std::string pipe = folder.path() + "/pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::thread writer([&] { std::ofstream(pipe, std::ios::binary) << bytes; });
  CHECK(read_file(pipe) == bytes);
  writer.join();
}

TEST_CASE("kinds of files, and paths") {
  const clip_test::TemporaryFolder folder;
  const std::string path = joined_path(folder.path(), "file");
  std::ofstream(path) << "x";
  REQUIRE(::symlink(path.c_str(), (folder.path() + "/link").c_str()) == 0);
  CHECK(is_regular_file(folder.path() + "/link"));
  CHECK(is_folder(folder.path()));
  CHECK_FALSE(is_folder(path));
  CHECK_FALSE(exists(path + "x"));
  CHECK(real_path(folder.path() + "/link") == real_path(path));
  CHECK(real_path(path + "x") == "");
  CHECK(joined_path("a/", "b") == "a/b");
  CHECK(joined_path("", "b") == "b");
}

TEST_CASE("writing says what the system says") {
  const Descriptor full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  REQUIRE(full.valid());
  CHECK_FALSE(write_all(full.get(), "x", 1));
  CHECK(errno == ENOSPC);
  Descriptor moved(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  const int number = moved.get();
  const Descriptor owner = std::move(moved);
  CHECK(owner.get() == number);
  CHECK_FALSE(moved.valid());
}

TEST_CASE("numbers are read in both byte orders, and never outside") {
  const std::string_view bytes("\x01\x02\x03\x04\x05\x06\x07\x08", 8);
  CHECK(ByteReader(bytes, true).u64(0) == 0x0102030405060708);
  CHECK(ByteReader(bytes, false).u64(0) == 0x0807060504030201);
  CHECK(ByteReader(bytes, false).u16(6) == 0x0807);
  for (const std::uint64_t at : {std::uint64_t{5}, std::uint64_t{8}, ~std::uint64_t{0}}) {
    CHECK(code_of([&] { ByteReader(bytes).u32(at); }) == ErrorCode::kCorrupt);
  }
}

TEST_CASE("which bytes are UTF-8") {
  for (const char* text : {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\x88"}) {
    CHECK(is_utf8(text));
  }
  for (const char* text : {"\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
                           "\xf4\x90\x80\x80", "\xff", "a\xe2\x82"}) {
    CHECK_FALSE(is_utf8(text));
  }
}

TEST_CASE("a cancelled token is seen by its children, and wakes who waits") {
  CancelToken all;
  CancelToken one(&all), other(&all);
  one.cancel();
  CHECK(one.cancelled());
  CHECK_FALSE(other.cancelled());
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  CHECK_FALSE(one.wait_readable(pipe[0]));
  REQUIRE(::write(pipe[1], "x", 1) == 1);
  CHECK(other.wait_readable(pipe[0]));
  char byte;
  REQUIRE(::read(pipe[0], &byte, 1) == 1);
  std::thread waiting([&] { CHECK_FALSE(other.wait_readable(pipe[0])); });
  all.cancel();
  waiting.join();
  CHECK(other.cancelled());
  ::close(pipe[1]);
  ::close(pipe[0]);
}

TEST_CASE("an error keeps its code and hint when its context is added") {
  const Error error(ErrorCode::kLimit, "it is too large", Hint::kRaisePixelLimit);
  const Error named = error.within("cannot use a.png");
  CHECK(named.what() == std::string("cannot use a.png: it is too large"));
  CHECK(named.code() == ErrorCode::kLimit);
  CHECK(named.hint() == Hint::kRaisePixelLimit);
  CHECK(name_of(ErrorCode::kInvalidArgument) == std::string("invalid_argument"));
}
