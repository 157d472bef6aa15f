#include "run/sort_into.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <set>
#include <string>

#include "support.h"

using clip_cli::folder_name;
using clip_cli::SortInto;
using clip_cli::SortMethod;
using clip_test::bytes_of;
using clip_test::TemporaryFolder;

namespace fs = std::filesystem;

TEST_CASE("links lead to the image, and are not made twice") {
  const TemporaryFolder folder;
  const std::string image = folder.write("photos/a.jpg", "one");
  SortInto sorter(folder.path("sorted"), SortMethod::kLink, false);
  const std::string target = sorter.file(image, "cat");
  CHECK(target == folder.path("sorted/cat/a.jpg"));
  CHECK(fs::read_symlink(target) == image);
  SortInto again(folder.path("sorted"), SortMethod::kLink, false);
  CHECK(again.file(image, "cat") == target);
}

TEST_CASE("copies have the contents, permissions and times; moves leave nothing behind") {
  const TemporaryFolder folder;
  const std::string image = folder.write("a.jpg", "one");
  REQUIRE(chmod(image.c_str(), 0600) == 0);
  const auto time = fs::last_write_time(image);
  SortInto copier(folder.path("copied"), SortMethod::kCopy, false);
  const std::string copy = copier.file(image, "cat");
  CHECK(bytes_of(copy) == "one");
  CHECK((fs::status(copy).permissions() & fs::perms::all) ==
        (fs::perms::owner_read | fs::perms::owner_write));
  CHECK(fs::last_write_time(copy) == time);

  SortInto mover(folder.path("moved"), SortMethod::kMove, false);
  const std::string moved = mover.file(image, "cat");
  CHECK(bytes_of(moved) == "one");
  CHECK_FALSE(fs::exists(image));
}

TEST_CASE("nothing is overwritten: names that are taken get numbers") {
  const TemporaryFolder folder;
  for (const SortMethod method : {SortMethod::kCopy, SortMethod::kMove, SortMethod::kLink}) {
    const std::string sorted = folder.path("sorted" + std::to_string(int(method)));
    const std::string one = folder.write("1/a.jpg", "one");
    const std::string two = folder.write("2/a.jpg", "two");
    const std::string three = folder.write("3/a.jpg", "three");
    SortInto first(sorted, method, false);
    CHECK(first.file(one, "cat") == sorted + "/cat/a.jpg");
    CHECK(first.file(two, "cat") == sorted + "/cat/a-1.jpg");
    SortInto second(sorted, method, false);
    CHECK(second.file(three, "cat") == sorted + "/cat/a-2.jpg");
    CHECK(bytes_of(sorted + "/cat/a.jpg") == "one");
    CHECK(bytes_of(sorted + "/cat/a-1.jpg") == "two");
    CHECK(bytes_of(sorted + "/cat/a-2.jpg") == "three");
  }
}

TEST_CASE("a dry run says where images would go, and does nothing") {
  const TemporaryFolder folder;
  const std::string one = folder.write("1/a.jpg", "one");
  const std::string two = folder.write("2/a.jpg", "two");
  SortInto sorter(folder.path("sorted"), SortMethod::kMove, true);
  CHECK(sorter.file(one, "cat") == folder.path("sorted/cat/a.jpg"));
  CHECK(sorter.file(two, "cat") == folder.path("sorted/cat/a-1.jpg"));
  CHECK_FALSE(fs::exists(folder.path("sorted")));
  CHECK(bytes_of(one) == "one");
}

TEST_CASE("a moved link still leads to its file") {
  const TemporaryFolder folder;
  const std::string image = folder.write("photos/a.jpg", "one");
  fs::create_symlink("a.jpg", folder.path("photos/link.jpg"));
  SortInto mover(folder.path("sorted"), SortMethod::kMove, false);
  const std::string moved = mover.file(folder.path("photos/link.jpg"), "cat");
  CHECK(bytes_of(moved) == "one");
  CHECK(bytes_of(image) == "one");
  CHECK_FALSE(fs::exists(fs::symlink_status(folder.path("photos/link.jpg"))));
}

TEST_CASE("what cannot be filed is an error that names it") {
  const TemporaryFolder folder;
  folder.write("taken", "a file");
  CHECK(clip_test::code_of([&] {
          SortInto sorter(folder.path("taken"), SortMethod::kLink, false);
        }) == clip::ErrorCode::kIo);
  for (const SortMethod method : {SortMethod::kLink, SortMethod::kCopy, SortMethod::kMove}) {
    SortInto sorter(folder.path("sorted"), method, false);
    const std::string error =
        clip_test::error_of([&] { sorter.file(folder.path("missing.jpg"), "cat"); });
    CHECK(clip_test::contains(error, folder.path("missing.jpg")));
    CHECK(clip_test::contains(error, "No such file"));
  }
  // No half copies either.
  CHECK(fs::is_empty(folder.path("sorted/cat")));
}

TEST_CASE("folders of labels are names, each its own") {
  CHECK(folder_name("hot dog") == "hot dog");
  CHECK(folder_name("caf\xc3\xa9") == "caf\xc3\xa9");
  CHECK(folder_name("a/b") == "a%2Fb");
  CHECK(folder_name("..") == "%2E.");
  CHECK(folder_name(".hidden") == "%2Ehidden");
  CHECK(folder_name("a\nb") == "a%0Ab");
  CHECK(folder_name("100 %") == "100 %");
  CHECK(folder_name("a%2Fb") == "a%252Fb");

  std::set<std::string> names;
  const std::string common(300, 'x');
  for (const std::string& label : {common, common + "a", common + "b", common + "/"}) {
    const std::string name = folder_name(label);
    CHECK(name.size() <= 255);
    names.insert(name);
  }
  CHECK(names.size() == 4);
  // The same in every build, or a later run would not find its folders.
  CHECK(folder_name(common) == folder_name(std::string(300, 'x')));
  CHECK(clip_test::contains(folder_name(common), "~"));
}
