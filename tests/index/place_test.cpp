#include "index/place.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "base/file.h"
#include "support.h"

using namespace clip;
using namespace clip_test;
namespace fs = std::filesystem;

TEST_CASE("the nearest index covers a folder, and the one beside the images comes first") {
  const TemporaryFolder folder;
  const std::string data = folder.path() + "/data", root = real_path(folder.path()) + "/photos";
  const std::string deep = root + "/2020/may";
  fs::create_directories(deep);
  CHECK_FALSE(find_index(deep, data));

  folder.write(
      "data/" + place_of(root, data, false).folder.substr(data.size() + 1) + "/index.sqlite", "");
  REQUIRE(find_index(deep, data));
  CHECK(find_index(deep, data)->root == root);
  CHECK_FALSE(find_index(deep, data)->beside);
  CHECK_FALSE(find_index(real_path(folder.path()), data));

  folder.write("photos/.clip-cli/index.sqlite", "");
  CHECK(find_index(root, data)->beside);
  folder.write("photos/2020/.clip-cli/index.sqlite", "");
  CHECK(find_index(deep, data)->root == root + "/2020");
  CHECK(find_index(root, data)->root == root);
}

TEST_CASE("paths are relative to the root, also where that is the root of everything") {
  CHECK(relative_to("/a/b", "/a/b").empty());
  CHECK(relative_to("/a/b", "/a/b/c/d") == "c/d");
  CHECK(relative_to("/", "/a/b") == "a/b");
  CHECK(relative_to("/", "/").empty());
}

TEST_CASE("folders have indexes of their own") {
  CHECK(place_of("/a", "/data", false).folder != place_of("/b", "/data", false).folder);
  CHECK(place_of("/a", "/data", true).folder == "/a/.clip-cli");
}
