// Model files cut short, and with bytes changed at random: each opens or is refused with an Error.
// What the sanitizers of the debug build are for.
#include <doctest/doctest.h>

#include <random>

#include "clip/error.h"
#include "clip/model.h"
#include "clip_archive.h"

namespace {

// True when it opened.
bool try_open(const std::string& bytes) {
  try {
    clip::Model::open(clip_test::write_file("hostile.pt", bytes));
    return true;
  } catch (const clip::Error&) {
    return false;
  }
}

clip_test::Records small_records() {
  const auto config = clip_test::small_config(clip::VisionKind::kTransformer);
  auto records = clip_test::module_records(clip_test::small_weights(config));
  records.emplace_back("root/extra/clip.json", R"({"format": 1, "image_size": 8})");
  return records;
}

}  // namespace

TEST_CASE("a file cut anywhere is refused") {
  const std::string whole = clip_test::zip(small_records());
  REQUIRE(try_open(whole));
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    const std::size_t size = 1 + random() % (whole.size() - 1);
    CAPTURE(size);
    CHECK_FALSE(try_open(whole.substr(0, size)));
  }
}

TEST_CASE("changed bytes in the directory never crash") {
  const std::string whole = clip_test::zip(small_records());
  const std::size_t directory = whole.find("PK\x01\x02");
  std::mt19937 random(2);
  int refused = 0;
  for (int i = 0; i < 1500; ++i) {
    std::string bytes = whole;
    const std::size_t at = directory + random() % (whole.size() - directory);
    bytes[at] = static_cast<char>(random());
    refused += !try_open(bytes);
  }
  CHECK(refused > 100);
}

TEST_CASE("changed bytes in the pickle never crash") {
  // The archive is written anew, so that the checksum does not catch the change first.
  const clip_test::Records records = small_records();
  std::mt19937 random(3);
  int refused = 0;
  for (int i = 0; i < 1500; ++i) {
    clip_test::Records changed = records;
    for (auto& [name, bytes] : changed) {
      if (name != "root/data.pkl") continue;
      for (int j = 0; j < 3; ++j) bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    refused += !try_open(clip_test::zip(changed));
  }
  CHECK(refused > 500);
}

TEST_CASE("modules that refer to each other again and again are refused in time") {
  // Each module holds the next one twice: 2^60 paths through 60 modules.
  std::string pickle = "\x80\x02";
  const auto number = [](unsigned value) { return std::string(1, char(value)); };
  pickle += "c__torch__\nModule\n)\x81}bq" + number(0);
  for (unsigned i = 1; i < 60; ++i) {
    const std::string inner = "h" + number(i - 1);
    pickle +=
        "c__torch__\nModule\n)\x81}(U\x01"
        "a" +
        inner +
        "U\x01"
        "b" +
        inner + "ubq" + number(i);
  }
  CHECK_FALSE(try_open(clip_test::zip({{"root/data.pkl", pickle + "."}})));
}
