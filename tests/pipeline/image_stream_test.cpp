#include "pipeline/image_stream.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>

using namespace clip;

namespace {

// A picture of one grey, `shade`, large enough that its decoding takes its time, or not.
std::string write_picture(int shade, int side) {
  const std::filesystem::path folder = CLIP_TEST_FOLDER;
  std::filesystem::create_directories(folder);
  const std::string path = folder / ("shade-" + std::to_string(shade) + ".pgm");
  std::ofstream file(path, std::ios::binary);
  file << "P5\n"
       << side << " " << side << "\n255\n"
       << std::string(std::size_t(side) * std::size_t(side), char(shade));
  return path;
}

PreprocessRule rule() {
  PreprocessRule rule;
  rule.image_size = 8;
  rule.mean = {0, 0, 0};
  rule.deviation = {1, 1, 1};
  return rule;
}

StreamOptions options(int workers, std::size_t ahead) {
  StreamOptions options;
  options.workers = workers;
  options.ahead = ahead;
  return options;
}

// The paths of a list, one after the other.
ImageStream::NextPath from(const std::vector<std::string>& paths, std::atomic<int>* taken) {
  return [&paths, taken](PicturePath* next) {
    const int index = (*taken)++;
    if (index >= int(paths.size())) return false;
    next->path = paths[std::size_t(index)];
    return true;
  };
}

}  // namespace

TEST_CASE("pictures come in the order of their paths, bad ones among them") {
  std::vector<std::string> paths;
  for (int i = 0; i < 60; ++i) {
    // Large and small in turn, so that later ones are ready first.
    paths.push_back(i % 7 == 3 ? "missing-" + std::to_string(i)
                               : write_picture(i, i % 2 == 0 ? 700 : 8));
  }
  for (const int workers : {1, 3, 8}) {
    std::atomic<int> taken{0};
    ImageStream stream(from(paths, &taken), rule(), options(workers, 5));
    PreparedImage image;
    for (int i = 0; i < 60; ++i) {
      REQUIRE(stream.next(&image));
      CHECK(image.path == paths[std::size_t(i)]);
      CHECK(image.error.empty() == (i % 7 != 3));
      if (image.error.empty()) {
        REQUIRE(image.pixels.size() == 3 * 8 * 8);
        CHECK(image.pixels[20] == float(i) / 255);
      } else {
        CHECK(image.error.find(image.path) != std::string::npos);
        CHECK(image.pixels.empty());
      }
    }
    CHECK_FALSE(stream.next(&image));
    CHECK_FALSE(stream.next(&image));
  }
}

TEST_CASE("no worker runs further ahead than it may") {
  const std::vector<std::string> paths(100, write_picture(1, 8));
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

TEST_CASE("what the source throws comes behind the pictures before it, once") {
  int calls = 0;
  const std::string path = write_picture(2, 8);
  ImageStream stream(
      [&](PicturePath* next) {
        if (++calls > 3) throw std::runtime_error("the list broke off");
        next->path = path;
        return true;
      },
      rule(), options(2, 10));
  PreparedImage image;
  for (int i = 0; i < 3; ++i) CHECK(stream.next(&image));
  CHECK_THROWS_WITH(stream.next(&image), "the list broke off");
  CHECK_FALSE(stream.next(&image));
}

TEST_CASE("a picture is handed out while the source waits for the next path") {
  std::atomic<bool> go{false};
  int calls = 0;
  const std::string path = write_picture(3, 8);
  ImageStream stream(
      [&](PicturePath* next) {
        if (++calls > 1) {
          while (!go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
          return false;
        }
        next->path = path;
        return true;
      },
      rule(), options(2, 10));
  PreparedImage image;
  CHECK(stream.next(&image));
  go = true;
  CHECK_FALSE(stream.next(&image));
}

TEST_CASE("who does not want to wait for paths is told that none are at hand") {
  std::atomic<int> allowed{2};
  std::atomic<int> calls{0};
  const std::string path = write_picture(4, 8);
  ImageStream stream(
      [&](PicturePath* next) {
        const int call = ++calls;
        if (call > 5) return false;
        while (call > allowed) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        next->path = path;
        next->tag = std::uint64_t(call);
        return true;
      },
      rule(), options(2, 10));
  PreparedImage image;
  REQUIRE(stream.next(&image));
  CHECK(image.tag == 1);
  // The second may not have been asked for yet; once it has, it is waited for.
  while (calls < 3) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  REQUIRE(stream.next_at_hand(&image));
  CHECK(image.tag == 2);
  CHECK_FALSE(stream.next_at_hand(&image));
  allowed = 5;
  for (std::uint64_t tag = 3; tag <= 5; ++tag) {
    REQUIRE(stream.next(&image));
    CHECK(image.tag == tag);
  }
  CHECK_FALSE(stream.next_at_hand(&image));
  CHECK_FALSE(stream.next(&image));
}

TEST_CASE("a path that comes with an error is handed out, and thumbnails are made") {
  int calls = 0;
  StreamOptions with_thumbnails = options(2, 10);
  with_thumbnails.thumbnail_side = 16;
  const std::string path = write_picture(5, 100);
  ImageStream stream(
      [&](PicturePath* next) {
        if (++calls > 2) return false;
        next->path = path;
        if (calls == 1) next->error = "cannot be entered";
        return true;
      },
      rule(), with_thumbnails);
  PreparedImage image;
  REQUIRE(stream.next(&image));
  CHECK(image.error == "cannot be entered");
  CHECK(image.pixels.empty());
  CHECK(image.thumbnail.empty());
  REQUIRE(stream.next(&image));
  CHECK(image.error.empty());
  const Picture thumbnail = decode_bytes(image.thumbnail, "thumbnail", {});
  CHECK(thumbnail.width == 16);
  CHECK(thumbnail.height == 16);
  CHECK(std::abs(int(thumbnail.row(8)[8]) - 5) <= 2);
}
