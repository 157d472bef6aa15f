#include "hub/store.h"

#include <doctest/doctest.h>

#include "clip/error.h"
#include "hub/model_name.h"
#include "support.h"

using namespace clip;

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
