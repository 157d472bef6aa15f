#include "pipeline/folder_walk.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>

#include "support.h"

using namespace clip;
using namespace clip_test;
using Kind = WalkEntry::Kind;
using Lines = std::vector<std::string>;
namespace fs = std::filesystem;

namespace {

std::string line_of(const WalkEntry& entry) {
  const char* marks[] = {"+ ", "", "- ", "! "};
  return marks[static_cast<int>(entry.kind)] + entry.relative;
}

// All entries: "+ folder", "file", "- folder", "! error". `use` sees each.
Lines all(FolderWalk* walk, const std::function<void(const WalkEntry&)>& use = {}) {
  Lines lines;
  for (WalkEntry entry; walk->next(&entry);) {
    CHECK(entry.error.has_value() == (entry.kind == Kind::kError));
    lines.push_back(line_of(entry));
    if (use) use(entry);
  }
  return lines;
}

Lines walked(const std::string& root, const WalkOptions& options = {}) {
  FolderWalk walk(root, options);
  return all(&walk);
}

Lines files(const std::string& root, const WalkOptions& options = {}, const std::string& sub = "") {
  FolderWalk walk(root, sub, options);
  Lines files;
  for (const std::string& line : all(&walk)) {
    if (line[0] != '+' && line[0] != '-') files.push_back(line);
  }
  return files;
}

WalkOptions excluding(std::vector<std::string> exclude) {
  WalkOptions options;
  options.exclude = std::move(exclude);
  return options;
}

std::size_t open_descriptors() {
  const fs::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// Folders called `name` in one another, with a file in each; too deep to be named by a path.
void make_deep(const std::string& root, int levels, const std::string& name) {
  Descriptor at(::open(root.c_str(), O_RDONLY | O_DIRECTORY));
  for (int i = 0; i < levels; ++i) {
    REQUIRE(::mkdirat(at.get(), name.c_str(), 0700) == 0);
    at = Descriptor(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY));
    REQUIRE(at.valid());
    const Descriptor file(::openat(at.get(), "z", O_CREAT | O_WRONLY, 0600));
    REQUIRE(file.valid());
  }
}

// In steps: a path may have 4095 bytes.
void remove_deep(const std::string& root, int levels, const std::string& name) {
  const int step = 500;
  for (int left = levels; left > 0;) {
    const int here = std::min(left, step);
    // Moves the lower part up, so that paths stay short.
    std::string path = root + "/" + name;
    for (int i = 1; i < here; ++i) path += "/" + name;
    const bool is_more = left > here;
    const std::string rest = root + "/rest";
    if (is_more) REQUIRE(::rename((path + "/" + name).c_str(), rest.c_str()) == 0);
    fs::remove_all(root + "/" + name);
    if (is_more) REQUIRE(::rename(rest.c_str(), (root + "/" + name).c_str()) == 0);
    left -= here;
  }
}

}  // namespace

TEST_CASE("depth first, sorted by bytes, folders with a beginning and an end") {
  const TemporaryFolder folder;
  folder.write("b/2", "");
  folder.write("b/10", "");
  folder.write("a.txt", "");
  folder.write("a/x/1", "12");
  folder.write("B", "");
  folder.write("\xff", "");
  folder.write("\xc3\xa9\n", "");
  fs::create_directory(folder.path("c"));
  const Lines expected = {"+ ",  "B",     "+ a",        "+ a/x", "a/x/1", "- a/x",
                          "- a", "a.txt", "+ b",        "b/10",  "b/2",   "- b",
                          "+ c", "- c",   "\xc3\xa9\n", "\xff",  "- "};
  CHECK(walked(folder.path()) == expected);
  FolderWalk walk(folder.path() + "/");
  CHECK(all(&walk, [&](const WalkEntry& entry) {
          CHECK(entry.path == folder.path() + "/" + entry.relative);
          CHECK(entry.name == fs::path(entry.relative).filename());
          struct stat info = {};
          REQUIRE(::stat(entry.path.c_str(), &info) == 0);
          CHECK(entry.found);
          CHECK(entry.stat_errno == 0);
          CHECK(entry.info.st_ino == info.st_ino);
          CHECK(entry.info.st_size == info.st_size);
          CHECK(S_ISDIR(entry.info.st_mode) == (entry.kind != Kind::kFile));
          CHECK(entry.complete);
          CHECK_FALSE(entry.mount_point);
        }) == expected);
}

TEST_CASE("a root that cannot be walked is an error") {
  const TemporaryFolder folder;
  folder.write("file", "");
  for (const std::string& root : {folder.path("missing"), folder.path("file"), std::string(),
                                  folder.path() + std::string("\0x", 2)}) {
    FolderWalk walk(root);
    WalkEntry entry;
    REQUIRE(walk.next(&entry));
    CHECK(entry.kind == Kind::kError);
    CHECK(entry.path == root);
    CHECK(entry.error->code() == ErrorCode::kNotFound);
    CHECK_FALSE(walk.next(&entry));
    CHECK_FALSE(walk.next(&entry));
  }
  CHECK(code_of([&] { FolderWalk(folder.path(), excluding({"[a"})); }) ==
        ErrorCode::kInvalidArgument);
  CHECK(code_of([&] { FolderWalk(folder.path(), "../x", {}); }) == ErrorCode::kInvalidArgument);
}

TEST_CASE("links are followed, loops end, and what leads nowhere is told") {
  const TemporaryFolder folder;
  folder.write("real/1", "12345");
  fs::create_directory_symlink("..", folder.path("real/up"));
  fs::create_directory_symlink(".", folder.path("self"));
  fs::create_directory_symlink("real", folder.path("again"));
  fs::create_symlink("real/1", folder.path("file"));
  fs::create_symlink("nowhere", folder.path("dangling"));
  fs::create_symlink("loop", folder.path("loop"));
  REQUIRE(::mkfifo(folder.path("pipe.jpg").c_str(), 0600) == 0);
  FolderWalk walk(folder.path());
  CHECK(all(&walk,
            [](const WalkEntry& entry) {
              if (entry.relative == "dangling") CHECK(entry.stat_errno == ENOENT);
              if (entry.relative == "loop") CHECK(entry.stat_errno == ELOOP);
              if (entry.relative == "file") CHECK(entry.info.st_size == 5);
              if (entry.relative == "pipe.jpg") CHECK(S_ISFIFO(entry.info.st_mode));
              CHECK(entry.found == (entry.stat_errno == 0));
              if (entry.relative == "dangling" || entry.relative == "loop")
                CHECK_FALSE(entry.found);
            }) ==
        Lines{"+ ", "+ again", "again/1", "- again", "dangling", "file", "loop", "pipe.jpg", "- "});
}

TEST_CASE("what is excluded by default, and how it is included again") {
  const TemporaryFolder folder;
  for (const char* name :
       {"a", ".a", ".b/c", "@eaDir/d", "x/@eaDir", "#recycle/e", ".stversions/f", "x/.g"}) {
    folder.write(name, "");
  }
  CHECK(files(folder.path()) == Lines{"a"});
  CHECK(files(folder.path(), excluding({"!.*"})) ==
        Lines{".a", ".b/c", ".stversions/f", "a", "x/.g"});
  CHECK(files(folder.path(), excluding({"!.stversions"})) == Lines{".stversions/f", "a"});
  CHECK(files(folder.path(), excluding({"!@eaDir"})) == Lines{"@eaDir/d", "a", "x/@eaDir"});
  CHECK(files(folder.path(), excluding({"!#recycle"})) == Lines{"#recycle/e", "a"});
  CHECK(files(folder.path(), excluding({"!*"})) == Lines{"a"});
  CHECK(files(folder.path(".b")) == Lines{"c"});  // what is named is entered
  CHECK(files(folder.path("@eaDir")) == Lines{"d"});
  folder.write(".clipignore", "!.a\n!.b/\n");
  CHECK(files(folder.path()) == Lines{".a", ".b/c", "a"});
}

TEST_CASE(
    "files of patterns: the nearest wins, options before all, and nothing below an excluded "
    "folder") {
  const TemporaryFolder folder;
  for (const char* name :
       {"1.jpg", "1.txt", "a/1.jpg", "a/2.jpg", "a/b/1.jpg", "a/b/3.jpg", "c/1.jpg", "d/a/1.jpg"}) {
    folder.write(name, "");
  }
  folder.write(".clipignore", "*.jpg\n/c\n");
  folder.write("a/.clipignore", "!*.jpg\n2.*\n/b/3.jpg\n");
  folder.write("a/b/.clipignore", "!3.jpg");
  folder.write("c/.clipignore", "!*.jpg");
  CHECK(files(folder.path()) == Lines{"1.txt", "a/1.jpg", "a/b/1.jpg", "a/b/3.jpg"});
  CHECK(files(folder.path(), excluding({"3.jpg", "!d/**"})) ==
        Lines{"1.txt", "a/1.jpg", "a/b/1.jpg", "d/a/1.jpg"});
  CHECK(files(folder.path(), excluding({"/a"})) == Lines{"1.txt"});
  // From a folder below the patterns above it are in force, or, where it is a root, not.
  CHECK(files(folder.path(), {}, "a") == Lines{"a/1.jpg", "a/b/1.jpg", "a/b/3.jpg"});
  CHECK(files(folder.path(), {}, "/a//./b/") == Lines{"a/b/1.jpg", "a/b/3.jpg"});
  CHECK(files(folder.path(), {}, "d/a") == Lines{});
  CHECK(files(folder.path("d/a")) == Lines{"1.jpg"});
}

TEST_CASE("a folder below that is excluded, missing, or no folder") {
  const TemporaryFolder folder;
  folder.write("a/b/1", "");
  folder.write("a/.c/1", "");
  folder.write("a/file", "");
  fs::create_directory_symlink("..", folder.path("a/up"));
  const auto excluded = [&](const std::string& sub, const WalkOptions& options = {}) {
    FolderWalk walk(folder.path(), sub, options);
    WalkEntry entry;
    return !walk.next(&entry) && walk.sub_is_excluded();
  };
  CHECK(excluded("a/b", excluding({"b"})));
  CHECK(excluded("a/b", excluding({"/a/"})));
  CHECK(excluded("a/.c"));
  CHECK(excluded("a/up"));  // which the walk of the root has entered before
  CHECK(excluded("a/up/a/b"));
  CHECK_FALSE(excluded("a/b"));
  CHECK(files(folder.path(), {}, "a/x") == Lines{"! a/x"});
  CHECK(files(folder.path(), {}, "a/file") == Lines{"! a/file"});
  CHECK(files(folder.path(), {}, "x/y") == Lines{"! x"});
  FolderWalk walk(folder.path(), "a/b", {});
  CHECK(all(&walk) == Lines{"+ a/b", "a/b/1", "- a/b"});
}

TEST_CASE("a pattern for folders matches links to folders, too") {
  const TemporaryFolder folder;
  folder.write("other/1", "");
  folder.write("in/x", "");
  fs::create_directory_symlink("../other", folder.path("in/link"));
  fs::create_symlink("../other/1", folder.path("in/linked"));
  CHECK(files(folder.path("in")) == Lines{"link/1", "linked", "x"});
  CHECK(files(folder.path("in"), excluding({"link*/"})) == Lines{"linked", "x"});
}

TEST_CASE("a file of patterns that cannot be read is an error of its folder") {
  const TemporaryFolder folder;
  folder.write("a/1", "");
  folder.write("b/1", "");
  folder.write("c/1", "");
  const std::string path = folder.path("b/.clipignore");
  const auto expect = [&](ErrorCode code, const std::string& words) {
    FolderWalk walk(folder.path());
    CHECK(all(&walk, [&](const WalkEntry& entry) {
            if (!entry.error) return;
            CHECK(entry.error->code() == code);
            CHECK(contains(entry.error->what(), path + ": " + words));
          }) == Lines{"+ ", "+ a", "a/1", "- a", "! b", "+ c", "c/1", "- c", "- "});
    CHECK(files(folder.path(), {}, "b") == Lines{"! b"});
  };
  folder.write("b/.clipignore", std::string((1 << 20) + 1, '\n'));
  expect(ErrorCode::kLimit, "it is larger than 1 MiB");
  fs::remove(path);
  fs::create_directory(path);
  expect(ErrorCode::kUnsupported, "it is no regular file");
  fs::remove(path);
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  expect(ErrorCode::kUnsupported, "it is no regular file");
  fs::remove(path);
  fs::create_symlink("nowhere", path);
  expect(ErrorCode::kNotFound, "No such file");
  fs::remove(path);
  folder.write("b/.clipignore", std::string(1 << 20, '\n'));
  CHECK(files(folder.path()) == Lines{"a/1", "b/1", "c/1"});
  if (::geteuid() != 0) {
    fs::permissions(path, fs::perms::none);
    expect(ErrorCode::kIo, "Permission denied");
  }
}

TEST_CASE("large files of patterns in one another are an error in time") {
  const TemporaryFolder folder;
  std::string path;
  for (int i = 0; i < 20; ++i) {
    folder.write(path + ".clipignore", "x\n" + std::string((1 << 20) - 2, '#'));
    path += "a/";
  }
  Lines found = files(folder.path());
  CHECK(found == Lines{"! a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a"});
}

TEST_CASE("a folder that cannot be read is an error, and the walk goes on") {
  const TemporaryFolder folder;
  folder.write("a/1", "");
  folder.write("b/1", "");
  folder.write("c/1", "");
  fs::permissions(folder.path("b"), fs::perms::none);
  const Lines lines = walked(folder.path());
  fs::permissions(folder.path("b"), fs::perms::owner_all);
  if (::geteuid() == 0) {  // root may read everything
    CHECK(lines.size() == 11);
  } else {
    CHECK(lines == Lines{"+ ", "+ a", "a/1", "- a", "! b", "+ c", "c/1", "- c", "- "});
  }
}

TEST_CASE("what vanishes during the walk is left out") {
  const TemporaryFolder folder;
  for (const char* name : {"a/1", "a/2", "b/1", "b/2", "c/1", "d"}) folder.write(name, "");
  FolderWalk walk(folder.path());
  CHECK(all(&walk, [&](const WalkEntry& entry) {
          if (entry.relative == "a/1") fs::remove(folder.path("a/2"));
          if (entry.relative == "b/1") fs::remove_all(folder.path("b"));
          if (entry.kind == Kind::kFolderEnd && entry.relative == "b") {
            fs::remove_all(folder.path("c"));
          }
          if (entry.kind == Kind::kFolderEnd) CHECK(entry.complete);
        }) == Lines{"+ ", "+ a", "a/1", "- a", "+ b", "b/1", "- b", "d", "- "});
}

TEST_CASE("a folder of many files") {
  const TemporaryFolder folder;
  const int count = 50000;
  const Descriptor at(::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY));
  for (int i = 0; i < count; ++i) {
    const Descriptor file(
        ::openat(at.get(), std::to_string(i).c_str(), O_CREAT | O_WRONLY | O_EXCL, 0600));
    REQUIRE(file.valid());
  }
  FolderWalk walk(folder.path());
  std::string last;
  int found = 0;
  for (WalkEntry entry; walk.next(&entry);) {
    if (entry.kind != Kind::kFile) continue;
    REQUIRE(last < entry.name);
    last = entry.name;
    ++found;
  }
  CHECK(found == count);
}

TEST_CASE("folders 10,000 deep, with few open at once") {
  const TemporaryFolder folder;
  const int levels = 10000;
  make_deep(folder.path(), levels, "d");
  const std::size_t before = open_descriptors();
  std::size_t most = 0;
  {
    FolderWalk walk(folder.path());
    int entered = 0, left = 0, found = 0;
    for (WalkEntry entry; walk.next(&entry);) {
      entered += entry.kind == Kind::kFolder;
      left += entry.kind == Kind::kFolderEnd && entry.complete;
      found += entry.kind == Kind::kFile && entry.found;
      REQUIRE(entry.kind != Kind::kError);
      if ((entered + left) % 100 == 0) most = std::max(most, open_descriptors());
    }
    CHECK(entered == levels + 1);
    CHECK(left == levels + 1);
    CHECK(found == levels);
  }
  CHECK(most <= before + 40);
  CHECK(open_descriptors() == before);
  remove_deep(folder.path(), levels, "d");
}

TEST_CASE("a folder that was closed in between is found again, or told to be gone") {
  const TemporaryFolder folder;
  // 50 folders in one another; the tenth is a link, so that .. does not lead back.
  std::string path, behind;
  for (int i = 0; i < 50; ++i) {
    if (i == 10) {
      behind = path;
      folder.write("outside/z", "");
      fs::create_directory_symlink(folder.path("outside"), folder.path("in/" + path + "l"));
      path += "l/";
    } else {
      path += "d/";
      folder.write("in/" + path + "z", "");
    }
  }
  CHECK(files(folder.path("in")).size() == 50);
  CHECK(files(folder.path("in"))[49] == "d/z");

  bool is_moved = false, is_incomplete = false;
  FolderWalk walk(folder.path("in"));
  const Lines lines = all(&walk, [&](const WalkEntry& entry) {
    if (entry.kind == Kind::kFile && !is_moved) {
      is_moved = true;
      fs::rename(folder.path("in/" + behind), folder.path("in/" + behind + "../moved"));
    }
    is_incomplete |=
        entry.kind == Kind::kFolderEnd && entry.relative + "/" == behind && !entry.complete;
  });
  CHECK(is_moved);
  CHECK(is_incomplete);
  CHECK(lines.back() == "- ");
}

TEST_CASE("a process that may open no more files") {
  const TemporaryFolder folder;
  folder.write("a/1", "");
  folder.write("b", "");
  rlimit limit = {};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  FolderWalk walk(folder.path());
  WalkEntry entry;
  REQUIRE(walk.next(&entry));
  const rlimit none = {0, limit.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  const bool has_next = walk.next(&entry);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  REQUIRE(has_next);
  CHECK(line_of(entry) == "! a");
  CHECK(entry.error->code() == ErrorCode::kIo);
  CHECK(all(&walk) == Lines{"b", "- "});
}

TEST_CASE("a maximum depth, an excluded folder, a token that ends the walk") {
  const TemporaryFolder folder;
  folder.write("a/b/1", "");
  folder.write("a/2", "");
  folder.write("3", "");
  WalkOptions options;
  options.max_depth = 1;
  CHECK(walked(folder.path(), options) == Lines{"+ ", "3", "+ a", "- a", "- "});
  options.max_depth = 2;
  CHECK(walked(folder.path(), options) ==
        Lines{"+ ", "3", "+ a", "a/2", "+ a/b", "- a/b", "- a", "- "});
  options = {};
  options.excluded_dir = folder.path("a/b");
  CHECK(walked(folder.path(), options) == Lines{"+ ", "3", "+ a", "a/2", "- a", "- "});
  options.excluded_dir = folder.path();
  CHECK(walked(folder.path(), options) == Lines{});

  CancelToken stop;
  options = {};
  options.stop = &stop;
  FolderWalk walk(folder.path(), options);
  CHECK(all(&walk, [&](const WalkEntry& entry) {
          if (entry.relative == "3") stop.cancel();
        }) == Lines{"+ ", "3"});
}

TEST_CASE("a folder on another device is a mount point") {
  const TemporaryFolder folder;
  folder.write("a/1", "");
  struct stat here = {}, there = {};
  REQUIRE(::stat(folder.path().c_str(), &here) == 0);
  REQUIRE(::stat("/dev", &there) == 0);
  REQUIRE(here.st_dev != there.st_dev);
  fs::create_directory_symlink("/dev", folder.path("b"));
  WalkOptions options;
  options.max_depth = 1;
  for (const char* sub : {"", "b"}) {
    FolderWalk walk(folder.path(), sub, options);
    all(&walk, [](const WalkEntry& entry) {
      if (entry.relative == "" || entry.relative == "a") CHECK_FALSE(entry.mount_point);
      if (entry.relative == "b") CHECK(entry.mount_point);
    });
  }
}

TEST_CASE("folders in which the kernel shows itself are not entered, but for one that is named") {
  const TemporaryFolder folder;
  folder.write("a/1", "");
  fs::create_directory_symlink("/proc", folder.path("b"));
  fs::create_directory_symlink("/proc/self/root", folder.path("c"));
  fs::create_directory_symlink("/sys/kernel", folder.path("d"));
  WalkOptions options;
  options.max_depth = 2;
  const Lines lines = walked(folder.path(), options);
  CHECK(std::find(lines.begin(), lines.end(), "+ c") != lines.end());  // which is /
  for (const char* line : {"+ b", "+ d", "+ c/proc"}) {
    CHECK(std::find(lines.begin(), lines.end(), line) == lines.end());
  }
  options.max_depth = 1;
  CHECK(walked("/proc/self/task", options).size() > 2);
}
