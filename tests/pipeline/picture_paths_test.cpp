#include "pipeline/picture_paths.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace clip;
namespace fs = std::filesystem;

namespace {

const std::string kPng = "\x89PNG\r\n\x1a\n and so on";

// A folder of its own, empty.
class Folder {
 public:
  explicit Folder(const std::string& name) : path_(fs::path(CLIP_TEST_FOLDER) / name) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << text;
  }
  std::string path(const std::string& name = "") const {
    return name.empty() ? path_.string() : (path_ / name).string();
  }

 private:
  fs::path path_;
};

PicturePaths::NextNamed from(std::vector<std::string> named) {
  return [named = std::move(named), at = std::size_t{0}](std::string* path) mutable {
    if (at == named.size()) return false;
    *path = named[at++];
    return true;
  };
}

// What is found, without the folder's own path; errors as "! path".
std::vector<std::string> found(const Folder& folder, std::vector<std::string> named,
                               const std::string& left_out = "") {
  PicturePaths paths(from(std::move(named)), left_out);
  std::vector<std::string> found;
  for (PicturePath picture; paths.next(&picture);) {
    std::string path = picture.path;
    if (path.rfind(folder.path() + "/", 0) == 0) path = path.substr(folder.path().size() + 1);
    found.push_back((picture.error.empty() ? "" : "! ") + path);
  }
  return found;
}

using Paths = std::vector<std::string>;

}  // namespace

TEST_CASE("folders give what holds a picture or is called like one, sorted, folder by folder") {
  const Folder folder("walk");
  folder.write("b.txt", kPng);
  folder.write("a/z.png", kPng);
  folder.write("a/c/deep.bin", kPng);
  folder.write("broken.JPG", "text");
  folder.write("empty.webp", "");
  folder.write("notes.txt", "BM is how bitmaps begin");
  folder.write("bitmap", std::string("BM\x10\0\0\0\0\0\0\0", 10));
  folder.write(".hidden.png", kPng);
  folder.write(".git/x.png", kPng);
  folder.write("data.npy", "other");
  const Paths expected = {"a/c/deep.bin", "a/z.png", "b.txt", "bitmap", "broken.JPG", "empty.webp"};
  CHECK(found(folder, {folder.path()}) == expected);
  CHECK(found(folder, {folder.path() + "/"}) == expected);
}

TEST_CASE("what is named is taken as it is, and in its order") {
  const Folder folder("named");
  folder.write("x/1.png", kPng);
  folder.write("notes.txt", "text");
  CHECK(found(folder, {folder.path("notes.txt"), folder.path("missing"), folder.path("x"),
                       folder.path("x")}) == Paths{"notes.txt", "missing", "x/1.png", "x/1.png"});
}

TEST_CASE("links are followed, loops end, pipes are not waited for") {
  const Folder folder("links");
  folder.write("real/1.png", kPng);
  fs::create_directory_symlink("..", folder.path("real/up"));
  fs::create_directory_symlink(".", folder.path("self"));
  fs::create_directory_symlink("real", folder.path("again"));
  fs::create_symlink("real/1.png", folder.path("file.png"));
  fs::create_symlink("nowhere", folder.path("dangling.png"));
  fs::create_symlink("nowhere", folder.path("dangling"));
  fs::create_symlink("loop.png", folder.path("loop.png"));
  REQUIRE(::mkfifo(folder.path("pipe.png").c_str(), 0600) == 0);
  // `again` comes before `real`, which is the same folder: it is read once.
  CHECK(found(folder, {folder.path()}) ==
        Paths{"again/1.png", "dangling.png", "file.png", "loop.png"});
}

TEST_CASE("a folder that results go to is not read") {
  const Folder folder("left_out");
  folder.write("1.png", kPng);
  folder.write("sorted/cat/1.png", kPng);
  CHECK(found(folder, {folder.path()}, folder.path("sorted")) == Paths{"1.png"});
  CHECK(found(folder, {folder.path("sorted"), folder.path("sorted/cat")}, folder.path("sorted")) ==
        Paths{"! sorted", "sorted/cat/1.png"});
  CHECK(found(folder, {folder.path()}, folder.path("other")) == Paths{"1.png", "sorted/cat/1.png"});
}

TEST_CASE("a folder that cannot be read is an error in its place") {
  const Folder folder("unreadable");
  folder.write("a.png", kPng);
  folder.write("b/1.png", kPng);
  folder.write("c.png", kPng);
  fs::permissions(folder.path("b"), fs::perms::none);
  const auto paths = found(folder, {folder.path()});
  fs::permissions(folder.path("b"), fs::perms::owner_all);
  if (::geteuid() == 0) {  // who may read everything
    CHECK(paths == Paths{"a.png", "b/1.png", "c.png"});
  } else {
    CHECK(paths == Paths{"a.png", "! b", "c.png"});
  }
}
