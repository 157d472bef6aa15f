#include "clip/image_embedder.h"

#include <algorithm>
#include <utility>

#include "base/cpu.h"
#include "pipeline/blocking_openmp_wait.h"
#include "pipeline/embedding_check.h"
#include "pipeline/image_stream.h"

namespace clip {
namespace {

StreamOptions stream_options(const EmbedOptions& options, const CancelToken* stop) {
  StreamOptions stream;
  stream.decode = options.decode;
  stream.order = options.order;
  stream.workers = options.decode_threads > 0    ? options.decode_threads
                   : options.encoder.threads > 0 ? options.encoder.threads
                                                 : usable_processors();
  stream.ahead = options.max_batch + options.decode_ahead;
  stream.thumbnail_side = options.thumbnail_side;
  stream.stop = stop;
  return stream;
}

}  // namespace

struct ImageEmbedder::Parts {
  Parts(std::shared_ptr<const Model> of_model, NextImage next_source, const EmbedOptions& with,
        CancelToken* to_stop)
      : model(std::move(of_model)),
        options(with),
        stop(to_stop),
        stream(std::move(next_source), model->config().preprocessing,
               stream_options(options, to_stop)) {}

  ~Parts() {
    if (stop != nullptr && !stream.source_ended()) stop->cancel();
  }

  void take(std::vector<ImageResult>* batch);
  void add_pixels(std::vector<float>* pixels, std::size_t good);
  void encode(std::vector<ImageResult>* batch);
  void encode_one_by_one(const std::vector<ImageResult*>& images);
  void open_encoder();
  Embeddings encoded(const float* from, std::size_t count);

  const std::shared_ptr<const Model> model;
  const EmbedOptions options;
  CancelToken* const stop;
  ImageStream stream;
  std::unique_ptr<ImageEncoder> encoder;
  std::optional<Error> open_error;
  std::optional<BlockingOpenMpWait> blocking_wait;
  std::vector<float> alone;     // [3, n, n]: the first good image of the batch
  std::vector<float> together;  // [good images, 3, n, n], where there are several; kept from
                                // batch to batch, since fresh pages cost time
  Embeddings embeddings;        // of the good images of the batch
};

// Takes the next images, and gathers the pixels of the good ones.
void ImageEmbedder::Parts::take(std::vector<ImageResult>* batch) {
  std::size_t good = 0;
  alone.clear();
  together.clear();
  for (PreparedImage image; batch->empty() ? stream.next(&image) : stream.try_next(&image);) {
    ImageResult& result = batch->emplace_back();
    result.width = image.width;
    result.height = image.height;
    if (!image.error && options.keep_input) result.input = image.pixels;
    if (!image.error) add_pixels(&image.pixels, ++good);
    result.source = std::move(image.source);
    result.error = std::move(image.error);
    result.thumbnail = std::move(image.thumbnail);
    if (batch->size() >= std::max<std::size_t>(options.max_batch, 1)) break;
  }
}

// An image that stays alone is not copied.
void ImageEmbedder::Parts::add_pixels(std::vector<float>* pixels, std::size_t good) {
  if (good == 1) {
    alone.swap(*pixels);
    return;
  }
  if (good == 2) {
    together.reserve(options.max_batch * alone.size());
    together.insert(together.end(), alone.begin(), alone.end());
  }
  together.insert(together.end(), pixels->begin(), pixels->end());
}

// With the first call. An encoder that cannot be opened is not tried again.
void ImageEmbedder::Parts::open_encoder() {
  if (open_error) throw *open_error;
  if (encoder != nullptr) return;
  try {
    if (options.open_encoder) {
      encoder = options.open_encoder();
      return;
    }
    blocking_wait.emplace(options.encoder.threads);
    encoder = open_image_encoder(model, options.encoder);
  } catch (const Error& error) {
    open_error = error;
    throw;
  }
}

Embeddings ImageEmbedder::Parts::encoded(const float* from, std::size_t count) {
  Embeddings rows = encoder->encode(from, static_cast<std::int64_t>(count));
  check_shape(rows, static_cast<std::int64_t>(count), *model);
  return rows;
}

// Sets `embeddings`, or the error of each image that the encoder fails on.
void ImageEmbedder::Parts::encode_one_by_one(const std::vector<ImageResult*>& images) {
  std::vector<Embeddings> rows(images.size());
  embeddings = Embeddings();
  for (std::size_t i = 0; i < images.size(); ++i) {
    try {
      rows[i] = encoded(together.data() + i * alone.size(), 1);
      embeddings.dim = rows[i].dim;
    } catch (const Error& error) {
      images[i]->error = error.within("cannot use " + images[i]->source.name);
    }
  }
  embeddings.count = static_cast<std::int64_t>(images.size());
  for (Embeddings& row : rows) {
    row.values.resize(static_cast<std::size_t>(embeddings.dim));  // zeros for those that failed
    embeddings.values.insert(embeddings.values.end(), row.values.begin(), row.values.end());
  }
}

void ImageEmbedder::Parts::encode(std::vector<ImageResult>* batch) {
  std::vector<ImageResult*> good;
  for (ImageResult& result : *batch) {
    if (!result.error) good.push_back(&result);
  }
  if (good.empty()) return;
  open_encoder();
  try {
    embeddings = encoded(good.size() == 1 ? alone.data() : together.data(), good.size());
  } catch (const Error& error) {
    if (good.size() == 1) {
      good.front()->error = error.within("cannot use " + good.front()->source.name);
      return;
    }
    // One image that the model fails on is no error of the others.
    encode_one_by_one(good);
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    ImageResult& result = *good[i];
    if (result.error) continue;
    float* row = embeddings.row(static_cast<std::int64_t>(i));
    const double norm = normalize(row, embeddings.dim);
    if (usable_norm(norm)) {
      result.embedding = row;
      result.dim = embeddings.dim;
    } else {
      result.error = unusable_embedding(result.source.name, "image", norm);
    }
  }
}

ImageEmbedder::ImageEmbedder(std::shared_ptr<const Model> model, NextImage next_source,
                             const EmbedOptions& options, CancelToken* stop)
    : parts_(std::make_unique<Parts>(std::move(model), std::move(next_source), options, stop)) {}

ImageEmbedder::~ImageEmbedder() = default;

ImageEncoder* ImageEmbedder::encoder() {
  return parts_->encoder.get();
}

bool ImageEmbedder::next(std::vector<ImageResult>* batch) {
  batch->clear();
  parts_->take(batch);
  parts_->encode(batch);
  return !batch->empty();
}

}  // namespace clip
