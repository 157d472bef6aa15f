#include "clip/image_paths.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "support.h"

using namespace clip;
using namespace clip_test;
namespace fs = std::filesystem;

namespace {

const std::string kPng = "\x89PNG\r\n\x1a\n and so on";

ImagePaths::NextNamed from(std::vector<std::string> named) {
  return [named = std::move(named), at = std::size_t{0}](std::string* path) mutable {
    if (at == named.size()) return false;
    *path = named[at++];
    return true;
  };
}

// What is found, without the folder's own path; errors as "! path".
std::vector<std::string> found(const TemporaryFolder& folder, std::vector<std::string> named,
                               const std::string& excluded_dir = "",
                               const std::vector<std::string>& exclude = {}) {
  ImagePathsOptions options;
  options.excluded_dir = excluded_dir;
  options.exclude = exclude;
  ImagePaths paths(from(std::move(named)), options);
  std::vector<std::string> found;
  for (ImageSource image; paths.next(&image);) {
    std::string path = image.name;
    if (path.rfind(folder.path() + "/", 0) == 0) path = path.substr(folder.path().size() + 1);
    found.push_back((image.error ? "! " : "") + path);
  }
  return found;
}

using Paths = std::vector<std::string>;

}  // namespace

TEST_CASE("folders give what holds an image or is called like one, sorted, folder by folder") {
  const TemporaryFolder folder;
  folder.write("b.txt", kPng);
  folder.write("a/z.png", kPng);
  folder.write("a/c/deep.bin", kPng);
  folder.write("broken.JPG", "text");
  folder.write("empty.webp", "");
  folder.write("notes.txt", "BM is how bitmaps begin");
  folder.write("bitmap",
               std::string("BM\0\0\0\0\0\0\0\0\0\0\0\0\x0c\0\0\0\2\0\2\0\1\0\x18\0\0\0\0\0", 30));
  folder.write(".hidden.png", kPng);
  folder.write(".git/x.png", kPng);
  folder.write("data.npy", "other");
  const Paths expected = {"a/c/deep.bin", "a/z.png", "b.txt", "bitmap", "broken.JPG", "empty.webp"};
  CHECK(found(folder, {folder.path()}) == expected);
  CHECK(found(folder, {folder.path() + "/"}) == expected);
}

TEST_CASE("files that are named are taken as they are, in their order") {
  const TemporaryFolder folder;
  folder.write("x/1.png", kPng);
  folder.write("notes.txt", "text");
  CHECK(found(folder, {folder.path("notes.txt"), folder.path("missing"), folder.path("x"),
                       folder.path("x")}) == Paths{"notes.txt", "missing", "x/1.png", "x/1.png"});
}

TEST_CASE("links are followed, loops end, pipes are not waited for") {
  const TemporaryFolder folder;
  folder.write("real/1.png", kPng);
  fs::create_directory_symlink("..", folder.path("real/up"));
  fs::create_directory_symlink(".", folder.path("self"));
  fs::create_directory_symlink("real", folder.path("again"));
  fs::create_symlink("real/1.png", folder.path("file.png"));
  fs::create_symlink("nowhere", folder.path("dangling.png"));
  fs::create_symlink("nowhere", folder.path("dangling"));
  fs::create_symlink("loop.png", folder.path("loop.png"));
  REQUIRE(::mkfifo(folder.path("pipe.jpg").c_str(), 0600) == 0);
  // `again` comes before `real`, which is the same folder: it is read once.
  CHECK(found(folder, {folder.path()}) ==
        Paths{"again/1.png", "dangling.png", "file.png", "loop.png"});
}

TEST_CASE("a folder that results go to is not read") {
  const TemporaryFolder folder;
  folder.write("1.png", kPng);
  folder.write("sorted/cat/1.png", kPng);
  CHECK(found(folder, {folder.path()}, folder.path("sorted")) == Paths{"1.png"});
  CHECK(found(folder, {folder.path("sorted"), folder.path("sorted/cat")}, folder.path("sorted")) ==
        Paths{"! sorted", "sorted/cat/1.png"});
  CHECK(found(folder, {folder.path()}, folder.path("other")) == Paths{"1.png", "sorted/cat/1.png"});
}

TEST_CASE("patterns exclude what is in folders, not what is named") {
  const TemporaryFolder folder;
  for (const char* name : {"a.png", "b/1.png", "b/raw/2.png", "@eaDir/a.png", ".thumbs/a.png"}) {
    folder.write(name, kPng);
  }
  CHECK(found(folder, {folder.path()}) == Paths{"a.png", "b/1.png", "b/raw/2.png"});
  CHECK(found(folder, {folder.path()}, "", {"raw", "/a.*"}) == Paths{"b/1.png"});
  CHECK(found(folder, {folder.path("b")}, "", {"/b", "/1.png"}) == Paths{"b/raw/2.png"});
  CHECK(found(folder, {folder.path("a.png"), folder.path("b/raw")}, "", {"*.png", "!2.png"}) ==
        Paths{"a.png", "b/raw/2.png"});
  CHECK(found(folder, {folder.path(".thumbs"), folder.path("@eaDir")}) ==
        Paths{".thumbs/a.png", "@eaDir/a.png"});
  folder.write(".clipignore", "b/");
  CHECK(found(folder, {folder.path()}) == Paths{"a.png"});
  // Files of patterns above the folder that is named do not count.
  CHECK(found(folder, {folder.path("b")}) == Paths{"b/1.png", "b/raw/2.png"});
  folder.write("b/.clipignore", std::string(2 << 20, '#'));
  CHECK(found(folder, {folder.path("b"), folder.path("a.png")}) == Paths{"! b", "a.png"});
  ImagePathsOptions options;
  options.exclude = {"[a"};
  CHECK(code_of([&] { ImagePaths(from({}), options); }) == ErrorCode::kInvalidArgument);
}

TEST_CASE("folders below a root are walked by its patterns") {
  const TemporaryFolder folder;
  for (const char* name : {"a/1.png", "a/2.png", "a/c/1.png", "b/1.png", "other/1.png"}) {
    folder.write(name, kPng);
  }
  folder.write(".clipignore", "/a/1.png\n/b\n");
  ImagePathsOptions options;
  options.exclude = {"/a/c"};
  for (const std::string& root : {folder.path(), folder.path() + "/"}) {
    options.root = root;
    ImagePaths paths(from({folder.path("a"), folder.path("b"), folder.path("a")}), options);
    ImageSource image;
    REQUIRE(paths.next(&image));
    CHECK(image.name == folder.path("a/2.png"));
    REQUIRE(paths.next(&image));  // what is named twice is meant twice
    CHECK(image.name == folder.path("a/2.png"));
    CHECK_FALSE(paths.next(&image));
  }
  options.root = folder.path("a");
  ImagePaths paths(from({folder.path("other")}), options);
  ImageSource image;
  CHECK(paths.next(&image));
  CHECK(image.name == folder.path("other/1.png"));
}

TEST_CASE("a token ends a walk") {
  const TemporaryFolder folder;
  folder.write("1.png", kPng);
  folder.write("2.png", kPng);
  CancelToken stop;
  ImagePathsOptions options;
  options.stop = &stop;
  ImagePaths paths(from({folder.path(), folder.path("1.png")}), options);
  ImageSource image;
  CHECK(paths.next(&image));
  stop.cancel();
  CHECK_FALSE(paths.next(&image));
}

TEST_CASE("a folder that cannot be read is an error in its place") {
  const TemporaryFolder folder;
  folder.write("a.png", kPng);
  folder.write("b/1.png", kPng);
  folder.write("c.png", kPng);
  fs::permissions(folder.path("b"), fs::perms::none);
  const auto paths = found(folder, {folder.path()});
  fs::permissions(folder.path("b"), fs::perms::owner_all);
  if (::geteuid() == 0) {  // root may read everything
    CHECK(paths == Paths{"a.png", "b/1.png", "c.png"});
  } else {
    CHECK(paths == Paths{"a.png", "! b", "c.png"});
  }
}

TEST_CASE("errors of folders have codes") {
  const TemporaryFolder folder;
  folder.write("sorted/1.png", kPng);
  ImagePathsOptions options;
  options.excluded_dir = folder.path("sorted");
  ImagePaths paths(from({folder.path("sorted")}), options);
  ImageSource source;
  REQUIRE(paths.next(&source));
  REQUIRE(source.error.has_value());
  CHECK(source.error->code() == ErrorCode::kInvalidArgument);
  CHECK(contains(source.error->what(), "it is the one that results go to"));
}

TEST_CASE("sources carry the state of their files") {
  const TemporaryFolder folder;
  const std::string path = folder.write("a.png", kPng);
  const timespec times[2] = {{5, 0}, {1234567890, 123456789}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
  for (const std::string& named : {path, folder.path()}) {
    ImagePaths paths(from({named}));
    ImageSource source;
    REQUIRE(paths.next(&source));
    CHECK(source.name == path);
    CHECK(source.state.size == kPng.size());
    CHECK(source.state.modified_nsec == 1234567890123456789);
  }
  CHECK(file_state(path).size == kPng.size());
  CHECK(file_state(path).modified_nsec == 1234567890123456789);
  CHECK(file_state(folder.path("missing")).size == 0);
  CHECK(file_state(path + std::string(1, '\0')).size == 0);
}

TEST_CASE("a name with a NUL byte is not taken for the part in front of it") {
  const TemporaryFolder folder;
  folder.write("a.png", kPng);
  const std::string named = folder.path() + std::string("\0x", 2);
  ImagePaths paths(from({named}));
  ImageSource source;
  REQUIRE(paths.next(&source));
  CHECK(source.name == named);
  CHECK(source.state.size == 0);
  CHECK_FALSE(paths.next(&source));
}
