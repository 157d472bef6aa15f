#include "base/file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <string>
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
  for (const char* device : {"/dev/null", "/dev/zero"}) {
    CHECK(contains(error_of([&] { read_file(device); }), "it is a device"));
  }
  CHECK(code_of([&] { read_file(path + std::string("\0.png", 5)); }) == ErrorCode::kNotFound);
  // A pipe has no size, and comes in pieces.
  const std::string pipe = folder.path() + "/pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::thread writer([&] { std::ofstream(pipe, std::ios::binary) << bytes; });
  CHECK(read_file(pipe) == bytes);
  writer.join();
}

TEST_CASE("a pipe is waited for, but not for ever") {
  const clip_test::TemporaryFolder folder;
  const std::string pipe = folder.path("pipe");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  ReadOptions options;
  options.max_writer_wait_seconds = options.max_byte_wait_seconds = 1;
  const auto error = [&] { return error_of([&] { read_file(pipe, options); }); };
  CHECK(contains(error(), "nobody has opened the pipe to write for 1 s"));
  {
    const Descriptor silent(::open(pipe.c_str(), O_RDWR | O_CLOEXEC));
    CHECK(contains(error(), "no byte has come through the pipe for 1 s"));
    CancelToken stop;
    options.stop = &stop;
    std::thread interrupt([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      stop.cancel();
    });
    options.max_byte_wait_seconds = 3600;
    CHECK(code_of([&] { read_file(pipe, options); }) == ErrorCode::kCancelled);
    interrupt.join();
    options.stop = nullptr;
  }
  std::thread writer([&] { std::ofstream(pipe, std::ios::binary) << "one"; });
  CHECK(read_file(pipe, options) == "one");
  writer.join();
  options.only_regular = true;
  CHECK(contains(error(), "it is a pipe"));
  // One without a name, whose writer has gone before it is read.
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const Descriptor read_end(ends[0]);
  Descriptor write_end(ends[1]);
  REQUIRE(write_all(write_end.get(), "two", 3));
  write_end.reset();
  const std::string name = "/dev/fd/" + std::to_string(read_end.get());
  CHECK(read_file(name) == "two");
  CHECK(contains(error_of([&] { read_file(name); }), "it is empty"));
}

TEST_CASE("the first bytes decide whether the rest is read, and how much there may be") {
  const clip_test::TemporaryFolder folder;
  const std::string path = folder.write("file", std::string(200000, 'x'));
  ReadOptions options;
  std::size_t head = 0;
  options.check_head = [&](std::string_view bytes) { head = bytes.size(); };
  CHECK(read_file(path, options).size() == 200000);
  CHECK(head == 4096);
  CHECK(read_file(folder.write("small", "abc"), options) == "abc");
  CHECK(head == 3);
  options.check_head = [](std::string_view) { throw Error(ErrorCode::kUnsupported, "no image"); };
  REQUIRE(::truncate(path.c_str(), std::int64_t{1} << 40) == 0);
  CHECK(error_of([&] { read_file(path, options); }) == "no image");
  options.check_head = nullptr;
  CHECK(contains(error_of([&] { read_file(path, options); }), "it is larger than 4096 MiB"));
  options.max_bytes = 199999;
  REQUIRE(::truncate(path.c_str(), 200000) == 0);
  CHECK(code_of([&] { read_file(path, options); }) == ErrorCode::kLimit);
  options.max_bytes = 200000;
  CHECK(read_file(path, options).size() == 200000);
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
