#include "pipeline/lru_cache.h"

#include <doctest/doctest.h>

using namespace clip;

TEST_CASE("the least recently used values are dropped") {
  LruCache<int> cache(3 * 1300);  // three of 1000 bytes, with what it takes to keep them
  for (int i = 0; i < 3; ++i) cache.add(std::to_string(i), std::make_shared<const int>(i), 1000);
  CHECK(cache.size() == 3);
  REQUIRE(bool(cache.find("0")));
  cache.add("3", std::make_shared<const int>(3), 1000);
  CHECK(!cache.find("1"));
  for (const char* key : {"0", "2", "3"}) {
    REQUIRE(bool(cache.find(key)));
    CHECK(*cache.find(key) == std::stoi(key));
  }
}

TEST_CASE("memory stays within bounds, and values larger than the cache are not kept") {
  LruCache<int> cache(100000);
  for (int i = 0; i < 10000; ++i) {
    cache.add(std::to_string(i), std::make_shared<const int>(i), 900);
    CHECK(cache.size() <= 100);
  }
  CHECK(cache.size() > 50);
  const auto kept = cache.find("9999");
  cache.add("large", std::make_shared<const int>(1), 200000);
  CHECK(!cache.find("large"));
  CHECK((cache.find("9999") == kept));
}

TEST_CASE("a value outlives its place in the cache") {
  LruCache<int> cache(2000);
  cache.add("a", std::make_shared<const int>(1), 1500);
  const auto value = cache.find("a");
  cache.add("b", std::make_shared<const int>(2), 1500);
  CHECK(!cache.find("a"));
  CHECK(*value == 1);
}
