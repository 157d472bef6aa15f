// What other programs have written into the hub's cache, between NULs: a ref, an index of shards.
#include "hub/hub_cache.h"

#include "fuzz.h"
#include "support.h"

void clip_fuzz::read_input(std::string_view input) {
  static const clip_test::TemporaryFolder folder;
  const auto parts = parts_of(input, 2);
  const std::string repository = "models--org--name/";
  folder.write(repository + "refs/main", parts[0]);
  folder.write(repository + "snapshots/0123/model.safetensors.index.json", parts[1]);
  folder.write(repository + "snapshots/0123/model-00001-of-00002.safetensors", "x");
  const clip::HubCache cache(folder.path());
  cache.find_model("org/name", "main");
}
