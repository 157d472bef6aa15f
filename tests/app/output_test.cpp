#include "writers/output.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>

#include "support.h"

using clip_cli::Output;
using clip_test::bytes_of;
using clip_test::TemporaryFolder;

namespace fs = std::filesystem;

namespace {

std::size_t files_in(const std::string& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

mode_t mode_of(const std::string& path) {
  struct stat info = {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777;
}

void replace(const std::string& path, const std::string& text) {
  Output output = Output::replacing(path);
  output.write(text);
  output.commit();
}

}  // namespace

TEST_CASE("a file is replaced when it is complete, and not before") {
  const TemporaryFolder folder;
  const std::string path = folder.write("results", "old");
  {
    Output output = Output::replacing(path);
    output.write("new");
    output.flush();
    CHECK(bytes_of(path) == "old");
    output.commit();
    CHECK(bytes_of(path) == "new");
  }
  CHECK(bytes_of(path) == "new");
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("what is not committed leaves no trace") {
  const TemporaryFolder folder;
  const std::string path = folder.write("results", "old");
  {
    Output output = Output::replacing(path);
    output.write("new");
    output.flush();
    const Output moved = std::move(output);
  }
  CHECK(bytes_of(path) == "old");
  CHECK(files_in(folder.path()) == 1);
  static_cast<void>(Output::replacing(folder.path("other")));
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("permissions are those of the file that was there, else what the umask leaves") {
  const TemporaryFolder folder;
  const std::string path = folder.write("results", "old");
  REQUIRE(chmod(path.c_str(), 0640) == 0);
  replace(path, "new");
  CHECK(mode_of(path) == 0640);

  const mode_t before = umask(027);
  replace(folder.path("fresh"), "new");
  umask(before);
  CHECK(mode_of(folder.path("fresh")) == 0640);
}

TEST_CASE("a link stays, and the file that it leads to is replaced") {
  const TemporaryFolder folder;
  const std::string path = folder.write("inside/results", "old");
  fs::create_symlink("inside/results", folder.path("link"));
  replace(folder.path("link"), "new");
  CHECK(fs::is_symlink(folder.path("link")));
  CHECK(bytes_of(path) == "new");
}

TEST_CASE("appending goes on at the end") {
  const TemporaryFolder folder;
  const std::string path = folder.write("results", "one\n");
  const int descriptor = open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC);
  REQUIRE(descriptor >= 0);
  {
    Output output = Output::appending(descriptor, path);
    output.write("two\n");
    output.commit();
    output.write("three\n");
  }
  // What was written stays without a commit: another run can go on from there.
  CHECK(bytes_of(path) == "one\ntwo\nthree\n");
}

TEST_CASE("what cannot be written is an error that names the file") {
  const TemporaryFolder folder;
  const std::string missing = folder.path("missing/results");
  CHECK(clip_test::code_of([&] { Output::replacing(missing); }) == clip::ErrorCode::kNotFound);
  CHECK(clip_test::contains(clip_test::error_of([&] { Output::replacing(missing); }), missing));
  CHECK(clip_test::code_of([&] { Output::replacing(folder.path()); }) == clip::ErrorCode::kIo);
}

TEST_CASE("a disk that is full") {
  Output output = Output::replacing("/dev/full");
  const std::string error = clip_test::error_of([&] {
    output.write(std::string(1 << 20, 'x'));
    output.commit();
  });
  CHECK(clip_test::contains(error, "cannot write /dev/full"));
  CHECK(clip_test::contains(error, "No space left"));
}

TEST_CASE("a pipe is written directly; where nobody reads any more it is no message") {
  const TemporaryFolder folder;
  const std::string path = folder.path("pipe");
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  std::string received;
  std::thread reader([&] { received = bytes_of(path); });
  replace(path, "through a pipe");
  reader.join();
  CHECK(received == "through a pipe");
  CHECK(files_in(folder.path()) == 1);

  std::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  close(ends[0]);
  Output output = Output::appending(ends[1], "pipe");
  int error = 0;
  try {
    output.write("lost");
    output.flush();
  } catch (const std::system_error& failure) {
    error = failure.code().value();
  }
  CHECK(error == EPIPE);
}
