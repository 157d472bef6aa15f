#include "pipeline/image_stream.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "clip/memory_budget.h"
#include "image/jpeg_encode.h"
#include "support.h"
#include "test_images.h"

using namespace clip;
using namespace clip_test;

namespace {

Preprocessing rule() {
  Preprocessing rule;
  rule.image_size = 8;
  rule.mean = {0, 0, 0};
  rule.std = {1, 1, 1};
  return rule;
}

StreamOptions options(int workers, std::size_t ahead, ResultOrder order = ResultOrder::kInput) {
  StreamOptions options;
  options.workers = workers;
  options.ahead = ahead;
  options.order = order;
  return options;
}

// The paths of a list, one after the other.
NextImage from(const std::vector<std::string>& paths, std::atomic<int>* taken) {
  return [&paths, taken](ImageSource* next) {
    const int index = (*taken)++;
    if (index >= int(paths.size())) return false;
    next->name = paths[std::size_t(index)];
    return true;
  };
}

std::string write_image(const TemporaryFolder& folder, int shade, int side) {
  return folder.write("shade-" + std::to_string(shade) + ".pgm", gray_image(shade, side));
}

}  // namespace

TEST_CASE("images come in the order of their paths, bad ones among them") {
  const TemporaryFolder folder;
  std::vector<std::string> paths;
  for (int i = 0; i < 60; ++i) {
    // Large and small in turn, so that later ones are ready first.
    paths.push_back(i % 7 == 3 ? "missing-" + std::to_string(i)
                               : write_image(folder, i, i % 2 == 0 ? 700 : 8));
  }
  for (const int workers : {1, 3, 8}) {
    std::atomic<int> taken{0};
    ImageStream stream(from(paths, &taken), rule(), options(workers, 5));
    PreparedImage image;
    for (int i = 0; i < 60; ++i) {
      REQUIRE(stream.next(&image));
      CHECK(image.source.name == paths[std::size_t(i)]);
      CHECK(image.error.has_value() == (i % 7 == 3));
      if (!image.error) {
        REQUIRE(image.pixels.size() == 3 * 8 * 8);
        CHECK(image.pixels[20] == float(i) / 255);
      } else {
        CHECK(contains(image.error->what(), image.source.name));
        CHECK(image.pixels.empty());
      }
    }
    CHECK_FALSE(stream.next(&image));
    CHECK_FALSE(stream.next(&image));
  }
}

TEST_CASE("no worker runs further ahead than it may") {
  const TemporaryFolder folder;
  const std::vector<std::string> paths(100, write_image(folder, 1, 8));
  std::atomic<int> taken{0};
  ImageStream stream(from(paths, &taken), rule(), options(4, 6));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  CHECK(taken == 6);
  PreparedImage image;
  for (int i = 0; i < 10; ++i) CHECK(stream.next(&image));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  CHECK(taken == 16);
  // The rest is dropped, and nobody waits for ever.
}

TEST_CASE("what the source throws comes behind the images before it, once") {
  const TemporaryFolder folder;
  int calls = 0;
  const std::string path = write_image(folder, 2, 8);
  ImageStream stream(
      [&](ImageSource* next) {
        if (++calls > 3) throw std::runtime_error("the list broke off");
        next->name = path;
        return true;
      },
      rule(), options(2, 10));
  PreparedImage image;
  for (int i = 0; i < 3; ++i) CHECK(stream.next(&image));
  CHECK_THROWS_WITH(stream.next(&image), "the list broke off");
  CHECK_FALSE(stream.next(&image));
}

TEST_CASE("an image is handed out while the source waits for the next path") {
  const TemporaryFolder folder;
  std::atomic<bool> go{false};
  int calls = 0;
  const std::string path = write_image(folder, 3, 8);
  ImageStream stream(
      [&](ImageSource* next) {
        if (++calls > 1) {
          while (!go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
          return false;
        }
        next->name = path;
        return true;
      },
      rule(), options(2, 10));
  PreparedImage image;
  CHECK(stream.next(&image));
  go = true;
  CHECK_FALSE(stream.next(&image));
}

TEST_CASE("try_next does not wait for the source") {
  const TemporaryFolder folder;
  std::atomic<int> allowed{2};
  std::atomic<int> calls{0};
  const std::string path = write_image(folder, 4, 8);
  ImageStream stream(
      [&](ImageSource* next) {
        const int call = ++calls;
        if (call > 5) return false;
        while (call > allowed) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        next->name = path;
        next->tag = std::uint64_t(call);
        return true;
      },
      rule(), options(2, 10));
  PreparedImage image;
  REQUIRE(stream.next(&image));
  CHECK(image.source.tag == 1);
  // The second may not have been asked for yet; once it has, it is waited for.
  while (calls < 3) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  REQUIRE(stream.try_next(&image));
  CHECK(image.source.tag == 2);
  CHECK_FALSE(stream.try_next(&image));
  allowed = 5;
  for (std::uint64_t tag = 3; tag <= 5; ++tag) {
    REQUIRE(stream.next(&image));
    CHECK(image.source.tag == tag);
  }
  CHECK_FALSE(stream.try_next(&image));
  CHECK_FALSE(stream.next(&image));
}

TEST_CASE("a path that comes with an error is handed out, and thumbnails are made") {
  const TemporaryFolder folder;
  int calls = 0;
  StreamOptions with_thumbnails = options(2, 10);
  with_thumbnails.thumbnail_side = 16;
  const std::string path = write_image(folder, 5, 100);
  ImageStream stream(
      [&](ImageSource* next) {
        if (++calls > 2) return false;
        next->name = path;
        if (calls == 1) next->error = Error(ErrorCode::kIo, "cannot be entered");
        return true;
      },
      rule(), with_thumbnails);
  PreparedImage image;
  REQUIRE(stream.next(&image));
  REQUIRE(image.error.has_value());
  CHECK(image.error->what() == std::string("cannot be entered"));
  CHECK(image.error->code() == ErrorCode::kIo);
  CHECK(image.pixels.empty());
  CHECK(image.thumbnail.empty());
  REQUIRE(stream.next(&image));
  CHECK(!image.error);
  const Image thumbnail = decode_bytes(image.thumbnail, "thumbnail", {});
  CHECK(thumbnail.width == 16);
  CHECK(thumbnail.height == 16);
  CHECK(std::abs(int(thumbnail.row(8)[8]) - 5) <= 2);
}

TEST_CASE("a file in memory is decoded like one on disk, and named in its error") {
  const TemporaryFolder folder;
  const auto good = std::make_shared<const std::string>(gray_image(6, 20));
  const auto bad = std::make_shared<const std::string>("no image");
  int calls = 0;
  ImageStream stream(
      [&](ImageSource* next) {
        if (++calls > 2) return false;
        next->name = "upload " + std::to_string(calls);
        next->bytes = calls == 1 ? good : bad;
        return true;
      },
      rule(), options(2, 10));
  PreparedImage image;
  REQUIRE(stream.next(&image));
  CHECK_FALSE(image.error.has_value());
  CHECK(image.source.name == "upload 1");
  CHECK(image.pixels[0] == float(6) / 255);
  REQUIRE(stream.next(&image));
  REQUIRE(image.error.has_value());
  CHECK(contains(image.error->what(), "upload 2"));
  CHECK(image.pixels.empty());
}

TEST_CASE("errors keep their code and their hint") {
  const TemporaryFolder folder;
  const std::vector<std::string> paths = {folder.path("missing.png"), write_image(folder, 1, 100),
                                          std::string("a\0b", 3), ""};
  std::atomic<int> taken{0};
  StreamOptions small = options(1, 10);
  small.decode.max_pixels = 99;
  ImageStream stream(from(paths, &taken), rule(), small);
  PreparedImage image;
  REQUIRE(stream.next(&image));
  CHECK(image.error.value().code() == ErrorCode::kNotFound);
  REQUIRE(stream.next(&image));
  CHECK(image.error.value().code() == ErrorCode::kLimit);
  CHECK(image.error.value().hint() == Hint::kRaisePixelLimit);
  for (int i = 0; i < 2; ++i) {
    REQUIRE(stream.next(&image));
    CHECK(image.error.value().code() == ErrorCode::kNotFound);
  }
  CHECK_FALSE(stream.next(&image));
}

TEST_CASE("as ready, one slow image holds up no others, and memory stays bounded") {
  const TemporaryFolder folder;
  std::vector<std::string> paths = {folder.path("slow")};
  REQUIRE(::mkfifo(paths[0].c_str(), 0600) == 0);  // reading it waits until it is written to
  for (int i = 1; i < 40; ++i) paths.push_back(write_image(folder, i, 8));
  std::atomic<int> taken{0};
  ImageStream stream(from(paths, &taken), rule(), options(3, 5, ResultOrder::kAsReady));
  std::vector<bool> seen(paths.size());
  PreparedImage image;
  for (int i = 1; i < 40; ++i) {
    REQUIRE(stream.next(&image));
    CHECK(taken <= i + 5);  // those that were handed out, and five
    REQUIRE_FALSE(image.error.has_value());
    const int shade = int(image.pixels[0] * 255 + 0.5F);
    CHECK(image.source.name == paths[std::size_t(shade)]);
    CHECK_FALSE(seen[std::size_t(shade)]);
    seen[std::size_t(shade)] = true;
  }
  CHECK_FALSE(seen[0]);
  // Images that are ready do not wait long for it either.
  CHECK_FALSE(stream.try_next(&image));
  std::ofstream(paths[0], std::ios::binary) << gray_image(77, 8);
  REQUIRE(stream.next(&image));
  CHECK(image.source.name == paths[0]);
  CHECK(image.pixels[0] == float(77) / 255);
  CHECK_FALSE(stream.next(&image));
  CHECK(stream.source_ended());
}

TEST_CASE("as ready, what the source throws comes behind the images before it") {
  const TemporaryFolder folder;
  int calls = 0;
  const std::string path = write_image(folder, 2, 8);
  ImageStream stream(
      [&](ImageSource* next) {
        if (++calls > 3) throw std::runtime_error("the list broke off");
        next->name = path;
        return true;
      },
      rule(), options(2, 10, ResultOrder::kAsReady));
  PreparedImage image;
  for (int i = 0; i < 3; ++i) CHECK(stream.next(&image));
  CHECK_THROWS_WITH(stream.next(&image), "the list broke off");
  CHECK_FALSE(stream.next(&image));
}

TEST_CASE(
    "workers share a budget of memory, and what alone is too large is an error in its place") {
  const TemporaryFolder folder;
  std::vector<std::string> paths;
  for (int i = 0; i < 60; ++i) paths.push_back(write_image(folder, i, i == 30 ? 200 : 100));
  for (const ResultOrder order : {ResultOrder::kInput, ResultOrder::kAsReady}) {
    std::atomic<int> taken{0};
    StreamOptions with = options(8, 20, order);
    // Two images of 100 x 100 pixels at a time, 4 bytes each.
    with.decode.memory = std::make_shared<MemoryBudget>(100'000);
    ImageStream stream(from(paths, &taken), rule(), with);
    int errors = 0, images = 0;
    for (PreparedImage image; stream.next(&image); ++images) {
      if (order == ResultOrder::kInput) CHECK(image.source.name == paths[std::size_t(images)]);
      if (!image.error) continue;
      ++errors;
      CHECK(image.source.name == paths[30]);
      CHECK(image.error->code() == ErrorCode::kLimit);
      CHECK(image.error->hint() == Hint::kRaiseMemoryLimit);
      CHECK(contains(image.error->what(), paths[30]));
    }
    CHECK(images == 60);
    CHECK(errors == 1);
    CHECK(with.decode.memory->held() == 0);
  }
}

TEST_CASE("a stream that goes ends its workers' waits for memory") {
  const TemporaryFolder folder;
  std::vector<std::string> paths;
  for (int i = 0; i < 10; ++i) paths.push_back(write_image(folder, i, 50));
  const auto budget = std::make_shared<MemoryBudget>(20'000);
  const MemoryBudget::Share all = budget->acquire(20'000);
  std::atomic<int> taken{0};
  {
    StreamOptions with = options(4, 20);
    with.decode.memory = budget;
    ImageStream stream(from(paths, &taken), rule(), with);
    while (taken < 4) std::this_thread::yield();
  }
  CHECK(budget->held() == 20'000);
}

TEST_CASE(
    "what is decoded of a JPEG is enough for the rule, and thumbnails are of the whole image") {
  const TemporaryFolder folder;
  // Black, white and black: the crop is white alone.
  auto pixels = std::make_shared<std::vector<std::uint8_t>>();
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 192; ++x) pixels->push_back(x >= 48 && x < 144 ? 255 : 0);
  }
  Image image;
  image.width = 192;
  image.height = 64;
  image.channels = 1;
  image.mode = PixelMode::kGray;
  image.data = pixels->data();
  image.stride = 192;
  image.owner = pixels;
  const std::string path = folder.write("stripes.jpg", encode_jpeg(image, 95));
  for (const int side : {0, 60}) {
    std::atomic<int> taken{0};
    StreamOptions with = options(1, 1);
    with.thumbnail_side = side;
    const std::vector<std::string> paths = {path};
    ImageStream stream(from(paths, &taken), rule(), with);
    PreparedImage prepared;
    REQUIRE(stream.next(&prepared));
    REQUIRE_FALSE(prepared.error.has_value());
    for (const float pixel : prepared.pixels) CHECK(pixel > 0.98F);
    if (side == 0) continue;
    const Image small = decode_bytes(prepared.thumbnail, "thumbnail", {});
    CHECK(small.width == 60);
    CHECK(small.row(5)[2] < 10);
  }
}
