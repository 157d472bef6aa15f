#include "hub/store.h"

#include <doctest/doctest.h>

#include <set>

#include "base/strings.h"
#include "clip/error.h"
#include "support.h"

using namespace clip;

TEST_CASE("names are forgiven their case and separators") {
  for (const char* name :
       {"ViT-B/32", "vit-b-32", "ViT_B_32", "vitb32", "ViT-B-32.pt", "vit b 32"}) {
    REQUIRE(find_by_name(name) != nullptr);
    CHECK(find_by_name(name)->name == std::string("ViT-B/32"));
  }
  for (const char* name : {"ViT-L/14@336px", "vit-l-14-336", "ViT-L-14-336px.pt", "vitl14@336PX"}) {
    REQUIRE(find_by_name(name) != nullptr);
    CHECK(find_by_name(name)->name == std::string("ViT-L/14@336px"));
  }
  CHECK(find_by_name("ViT-L/14")->name == std::string("ViT-L/14"));
  CHECK(find_by_name("rn50X64")->name == std::string("RN50x64"));
  for (const char* name : {"", "/", "ViT", "ViT-B/33", "RN50x", "RN5", ".pt"}) {
    CHECK(find_by_name(name) == nullptr);
  }
}

TEST_CASE("every published model is found by its name and its file") {
  std::set<std::string> files, digests;
  for (const PublishedModel& model : published_models()) {
    CHECK(find_by_name(model.name) == &model);
    CHECK(find_by_name(model.file) == &model);
    files.insert(model.file);
    digests.insert(model.sha256);
    // The weights are 16-bit for the most part.
    CHECK(model.megabytes * 1e6 > 2.0 * double(model.parameters));
    CHECK(model.megabytes * 1e6 < 2.6 * double(model.parameters));
  }
  CHECK(files.size() == 9);
  CHECK(digests.size() == 9);
}

TEST_CASE("the nearest name is suggested") {
  CHECK(nearest_name("ViT-B/33", published_names()) == "ViT-B/32");
  CHECK(nearest_name("RN50x46", published_names()) == "RN50x4");
  CHECK(nearest_name("vit-l-14-336", published_names()) == "ViT-L/14@336px");
  CHECK(!nearest_name("", published_names()).empty());
}

TEST_CASE("the store has the files in its folder") {
  const clip_test::TemporaryFolder folder;
  folder.write("RN50.pt/inside", "a folder is no file");
  const ModelStore store(folder.path());
  const PublishedModel& model = *find_by_name("ViT-B/32");
  CHECK_FALSE(store.has(model));
  CHECK_FALSE(store.has(*find_by_name("RN50")));
  folder.write(model.file, "abc");
  CHECK(store.has(model));
  CHECK_THROWS_WITH(verify_file(store.path(model), model.sha256), doctest::Contains(model.sha256));
  CHECK_NOTHROW(verify_file(store.path(model),
                            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
}
