#include "input/shard.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "support.h"

using clip_cli::NameDigest;
using clip_cli::Shard;
using clip_cli::shard_path;
using clip_cli::ShardedList;
using clip_cli::share_of;

TEST_CASE("a shard's number comes before the ending of a file's name") {
  CHECK(shard_path("photos.npy", {3, 8}) == "photos-00003-of-00008.npy");
  CHECK(shard_path("out.d/photos", {3, 8}) == "out.d/photos-00003-of-00008");
  CHECK(shard_path("/a/b.c.jsonl", {99999, 100000}) == "/a/b.c-99999-of-100000.jsonl");
  CHECK(shard_path("a/.hidden", {0, 2}) == "a/.hidden-00000-of-00002");
}

TEST_CASE("shards are disjoint and complete, and their shares add up") {
  for (const std::uint64_t group : {1, 3}) {
    for (std::uint64_t count = 1; count < 9; ++count) {
      for (std::uint64_t items = 0; items < 20; ++items) {
        std::vector<int> taken(items);
        std::string digest;
        std::uint64_t shares = 0;
        for (std::uint64_t index = 0; index < count; ++index) {
          ShardedList list({index, count}, group);
          for (std::uint64_t i = 0; i < items; ++i) {
            if (!list.takes(std::to_string(i))) continue;
            CHECK(i / group % count == index);
            ++taken[i];
            list.add_result(std::to_string(i));
          }
          list.finish();
          list.finish();
          CHECK(list.items() == items);
          CHECK(list.sizes().empty());
          if (group == 1) CHECK(share_of({index, count}, items) == list.results());
          shares += list.results();
          if (index > 0) CHECK(list.list() == digest);
          digest = list.list();
        }
        CHECK(shares == items);
        for (const int times : taken) CHECK(times == 1);
      }
    }
  }
  CHECK(share_of({1, 2}, std::nullopt) == std::nullopt);
}

TEST_CASE("the results of archives are counted for each, and only where they are not one") {
  const auto sizes = [](const std::vector<std::uint64_t>& results) {
    ShardedList list({0, 1});
    for (const std::uint64_t count : results) {
      CHECK(list.takes("item"));
      for (std::uint64_t i = 0; i < count; ++i) list.add_result("result");
    }
    list.finish();
    return list.sizes();
  };
  using Sizes = std::vector<std::uint64_t>;
  CHECK(sizes({1, 1, 1}) == Sizes());
  CHECK(sizes({}) == Sizes());
  for (const Sizes& each :
       {Sizes{0}, Sizes{2}, Sizes{1, 1, 0}, Sizes{3, 1, 1}, Sizes{1, 0, 7, 1}}) {
    CHECK(sizes(each) == each);
  }
}

TEST_CASE("a digest of names is one of where they begin and end, and of their order") {
  const auto digest = [](const std::vector<std::string>& names) {
    NameDigest digest;
    for (const std::string& name : names) digest.add(name);
    return digest.finish();
  };
  const std::string expected = digest({"a", "bc"});
  CHECK(expected.size() == 64);
  CHECK(digest({"a", "bc"}) == expected);
  for (const std::vector<std::string>& other :
       {std::vector<std::string>{"ab", "c"}, {"bc", "a"}, {"abc"}, {"a", "bc", ""}, {"1:a2:bc"}}) {
    CHECK(digest(other) != expected);
  }
}

TEST_CASE("what is passed over is in the list, and is not taken") {
  ShardedList list({0, 2});
  CHECK(list.takes("a"));
  list.add_result("a");
  CHECK_FALSE(list.takes("b"));
  list.pass_over_rest();
  CHECK_FALSE(list.takes("c"));
  list.finish();
  CHECK(list.items() == 3);
  CHECK(list.results() == 1);
}
