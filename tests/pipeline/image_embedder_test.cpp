#include "clip/image_embedder.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <thread>

#include "fake_engine.h"
#include "support.h"
#include "test_images.h"

using namespace clip;
using namespace clip_test;

namespace {

constexpr int kNoImage = -1;

// Sources in memory: an image of each shade, or bytes that are no image.
NextImage shades(std::vector<int> list) {
  return [list = std::move(list), at = std::size_t{0}](ImageSource* source) mutable {
    if (at == list.size()) return false;
    const int shade = list[at];
    source->name = "image " + std::to_string(at);
    source->tag = at++;
    source->bytes =
        std::make_shared<const std::string>(shade == kNoImage ? "no image" : gray_image(shade));
    return true;
  };
}

EmbedOptions options(std::size_t max_batch = 16) {
  EmbedOptions options;
  options.encoder = use_fake_engine();
  options.max_batch = max_batch;
  options.decode_threads = 2;
  return options;
}

// A result that owns its embedding.
struct Found {
  std::uint64_t tag;
  std::optional<Error> error;
  std::vector<float> embedding;
};

std::vector<Found> all_of(ImageEmbedder* embedder, std::size_t max_batch = 16) {
  std::vector<Found> found;
  for (std::vector<ImageResult> batch; embedder->next(&batch);) {
    CHECK(!batch.empty());
    CHECK(batch.size() <= max_batch);
    for (const ImageResult& result : batch) {
      CHECK((result.embedding == nullptr) == result.error.has_value());
      std::vector<float> embedding;
      if (result.embedding != nullptr) {
        CHECK(result.dim == demo_model()->config().embedding_dim);
        embedding.assign(result.embedding, result.embedding + result.dim);
      }
      found.push_back({result.source.tag, result.error, embedding});
    }
  }
  return found;
}

// What the fake engine gives an image, normalized.
void check_embedding(const Found& found, int shade) {
  REQUIRE_FALSE(found.error.has_value());
  const double norm = std::hypot(shade, 1.0);
  CHECK(found.embedding[0] == doctest::Approx(shade / norm));
  CHECK(found.embedding[1] == doctest::Approx(1 / norm));
  CHECK(std::all_of(found.embedding.begin() + 2, found.embedding.end(),
                    [](float value) { return value == 0; }));
}

}  // namespace

TEST_CASE("embeddings are normalized and come in the order of the sources, in batches") {
  std::vector<int> list;
  for (int i = 0; i < 50; ++i) list.push_back(i % 9 == 4 ? kNoImage : 10 + i);
  ImageEmbedder embedder(demo_model(), shades(list), options(7));
  const std::vector<Found> found = all_of(&embedder, 7);
  REQUIRE(found.size() == 50);
  for (std::size_t i = 0; i < 50; ++i) {
    CHECK(found[i].tag == i);
    if (list[i] == kNoImage) {
      REQUIRE(found[i].error.has_value());
      CHECK(contains(found[i].error->what(), "image " + std::to_string(i)));
    } else {
      check_embedding(found[i], list[i]);
    }
  }
  CHECK(fake_engine().image_encoders == 1);
  CHECK(fake_engine().text_encoders == 0);
  std::vector<ImageResult> batch;
  CHECK_FALSE(embedder.next(&batch));
}

TEST_CASE("a NaN, infinite or zero embedding is the error of that image") {
  const EmbedOptions with = options();
  fake_engine().of_image = [](int shade) {
    return shade == 1   ? std::numeric_limits<float>::quiet_NaN()
           : shade == 2 ? std::numeric_limits<float>::infinity()
                        : static_cast<float>(shade);
  };
  ImageEmbedder embedder(demo_model(), shades({100, 1, 101, 0, 102, 2}), with);
  const std::vector<Found> found = all_of(&embedder);
  REQUIRE(found.size() == 6);
  for (const std::size_t good : {0, 2, 4}) check_embedding(found[good], 100 + int(good) / 2);
  const char* const lengths[] = {"nan", "0", "inf"};
  for (std::size_t i = 0; i < 3; ++i) {
    const Found& bad = found[1 + 2 * i];
    REQUIRE(bad.error.has_value());
    CHECK(bad.error->code() == ErrorCode::kInternal);
    CHECK(bad.error->what() == "cannot use image " + std::to_string(1 + 2 * i) +
                                   ": the model gives it an embedding of length " + lengths[i] +
                                   ", so its weights or its precision do not suit this image");
  }
}

TEST_CASE("an image that the encoder fails on ends neither its batch nor the run") {
  const EmbedOptions with = options(8);
  fake_engine().of_image = [](int shade) {
    if (shade % 10 == 5) throw Error(ErrorCode::kInternal, "it has no square root");
    return static_cast<float>(shade);
  };
  std::vector<int> list;
  for (int i = 1; i <= 40; ++i) list.push_back(i);
  SUBCASE("in a batch") {}
  SUBCASE("the first of all") {
    list.insert(list.begin(), 5);
  }
  ImageEmbedder embedder(demo_model(), shades(list), with);
  const std::vector<Found> found = all_of(&embedder, 8);
  REQUIRE(found.size() == list.size());
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] % 10 == 5) {
      REQUIRE(found[i].error.has_value());
      CHECK(found[i].error->what() ==
            "cannot use image " + std::to_string(i) + ": it has no square root");
    } else {
      check_embedding(found[i], list[i]);
    }
  }
  CHECK(fake_engine().image_encoders == 1);
}

TEST_CASE("every image of a batch may fail, alone or together") {
  for (const std::size_t max_batch : {1, 8}) {
    const EmbedOptions with = options(max_batch);
    fake_engine().of_image = [](int) -> float { throw Error(ErrorCode::kInternal, "no"); };
    ImageEmbedder embedder(demo_model(), shades({3, 4, 5}), with);
    const std::vector<Found> found = all_of(&embedder);
    REQUIRE(found.size() == 3);
    for (const Found& each : found) CHECK(each.error.has_value());
  }
}

TEST_CASE("without an image that can be encoded no encoder is opened") {
  ImageEmbedder embedder(demo_model(), shades({kNoImage, kNoImage}), options());
  CHECK(all_of(&embedder).size() == 2);
  CHECK(fake_engine().image_encoders == 0);
}

TEST_CASE("an encoder that cannot be opened ends the run") {
  const EmbedOptions with = options();
  fake_engine().open_error = Error(ErrorCode::kUnsupported, "no such device", Hint::kUseCpu);
  ImageEmbedder embedder(demo_model(), shades({1}), with);
  std::vector<ImageResult> batch;
  CHECK(code_of([&] { embedder.next(&batch); }) == ErrorCode::kUnsupported);
}

TEST_CASE("results are given while the source waits, and as ready those of later sources") {
  for (const ResultOrder order : {ResultOrder::kInput, ResultOrder::kAsReady}) {
    EmbedOptions with = options();
    with.order = order;
    std::atomic<int> allowed{1};
    std::atomic<int> calls{0};
    ImageEmbedder embedder(
        demo_model(),
        [&](ImageSource* source) {
          const int call = ++calls;
          while (call > allowed) std::this_thread::sleep_for(std::chrono::milliseconds(1));
          source->tag = std::uint64_t(call);
          source->name = "image";
          source->bytes = std::make_shared<const std::string>(gray_image(9));
          return call < 4;
        },
        with);
    std::vector<ImageResult> batch;
    for (int i = 1; i < 4; ++i) {
      REQUIRE(embedder.next(&batch));
      CHECK(batch.size() == 1);
      CHECK(batch[0].source.tag == std::uint64_t(i));
      ++allowed;
    }
    CHECK_FALSE(embedder.next(&batch));
  }
}

TEST_CASE("an embedder that goes cancels what its source waits on") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  CancelToken run;
  {
    CancelToken stop(&run);
    int calls = 0;
    ImageEmbedder embedder(
        demo_model(),
        [&](ImageSource* source) {
          if (++calls > 1) return stop.wait_readable(ends[0]);
          source->name = "image";
          source->bytes = std::make_shared<const std::string>(gray_image(9));
          return true;
        },
        options(), &stop);
    std::vector<ImageResult> batch;
    CHECK(embedder.next(&batch));
  }
  CHECK_FALSE(run.cancelled());
  // A source that has ended waits on nothing: its token stays.
  CancelToken stop;
  {
    ImageEmbedder embedder(demo_model(), shades({1}), options(), &stop);
    all_of(&embedder);
  }
  CHECK_FALSE(stop.cancelled());
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("what the source throws comes behind the results before it") {
  int calls = 0;
  ImageEmbedder embedder(
      demo_model(),
      [&](ImageSource* source) {
        if (++calls > 3) throw Error(ErrorCode::kCorrupt, "the list breaks off");
        source->name = "image";
        source->bytes = std::make_shared<const std::string>(gray_image(9));
        return true;
      },
      options());
  std::size_t found = 0;
  std::vector<ImageResult> batch;
  CHECK(error_of([&] {
          while (embedder.next(&batch)) found += batch.size();
        }) == "the list breaks off");
  CHECK(found == 3);
}

TEST_CASE("thumbnails come with the results") {
  EmbedOptions with = options();
  with.thumbnail_side = 4;
  ImageEmbedder embedder(demo_model(), shades({200, kNoImage}), with);
  std::vector<ImageResult> batch;
  std::vector<std::string> thumbnails;
  while (embedder.next(&batch)) {
    for (const ImageResult& result : batch) thumbnails.push_back(result.thumbnail);
  }
  REQUIRE(thumbnails.size() == 2);
  CHECK(decode_bytes(thumbnails[0], "thumbnail", {}).width == 4);
  CHECK(thumbnails[1].empty());
}
