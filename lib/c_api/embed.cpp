#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "base/excerpt.h"
#include "base/utf8.h"
#include "c_api/guard.h"
#include "c_api/handles.h"
#include "clip/image_embedder.h"

namespace {

using clip::Error;
using clip::ErrorCode;
using clip::require;

constexpr const char* kBytesName = "the image in memory";

// Throws unless `count` embeddings have room.
void check_room(const clip_model& model, size_t count, const float* embeddings, size_t capacity) {
  const size_t dim = clip_model_dim(&model);
  if (count == 0) return;
  require(embeddings, "the room for embeddings");
  if (count <= capacity / dim) return;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("there is room for {} floats, and {} x {} are needed", capacity, count, dim));
}

// Throws for what is not UTF-8.
std::string checked_text(const char* text, size_t size, const std::string& name) {
  require(text, name.c_str());
  std::string copy(text, size == CLIP_NUL_TERMINATED ? std::strlen(text) : size);
  size_t at = 0;
  while (at < copy.size()) {
    const size_t length = clip::utf8_sequence_length(copy, at);
    if (length == 0) {
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format("{} is not UTF-8: no character begins with its byte {}, 0x{:02x}: "
                      "\"{}\"",
                      name, at + 1, static_cast<unsigned char>(copy[at]), clip::excerpt(copy)));
    }
    at += length;
  }
  return copy;
}

void embed_texts(clip_model* model, const std::vector<std::string>& texts, float* embeddings) {
  const clip::Embeddings rows = model->texts.embed(texts);
  std::copy(rows.values.begin(), rows.values.end(), embeddings);
}

// Writes the row of each image, NaN for one that cannot be used, whose error `failed` is told.
// `sources` gives the images in order.
template <typename Failed>
void embed_images(clip_model* model, size_t count, const clip::NextImage& sources,
                  float* embeddings, const Failed& failed) {
  clip::EmbedOptions options;
  options.encoder = model->encoder;
  options.decode = model->decode;
  options.open_encoder = [model] { return model->images.open(); };
  const int threads =
      model->encoder.threads > 0 ? model->encoder.threads : clip::usable_processors();
  options.decode_threads = static_cast<int>(std::min(count, static_cast<size_t>(threads)));
  clip::ImageEmbedder embedder(model->model, sources, options);
  const size_t dim = clip_model_dim(model);
  size_t at = 0;
  for (std::vector<clip::ImageResult> batch; embedder.next(&batch);) {
    for (const clip::ImageResult& result : batch) {
      float* row = embeddings + at * dim;
      if (result.error) {
        std::fill(row, row + dim, std::numeric_limits<float>::quiet_NaN());
        failed(at, *result.error);
      } else {
        std::copy(result.embedding, result.embedding + dim, row);
      }
      ++at;
    }
  }
}

void embed_image(clip_model* model, clip::ImageSource image, float* embedding) {
  std::vector<float> row(clip_model_dim(model));
  bool given = false;
  embed_images(
      model, 1,
      [&](clip::ImageSource* source) {
        if (given) return false;
        given = true;
        *source = std::move(image);
        return true;
      },
      row.data(), [](size_t, const Error& error) { throw error; });
  std::copy(row.begin(), row.end(), embedding);
}

}  // namespace

clip_code clip_embed_text(clip_model* model, const char* text, size_t text_size, float* embedding,
                          size_t capacity, clip_error** error) {
  return clip::guarded(error, [&] {
    require(model, "model");
    check_room(*model, 1, embedding, capacity);
    embed_texts(model, {checked_text(text, text_size, "the text")}, embedding);
  });
}

clip_code clip_embed_texts(clip_model* model, const char* const* texts, const size_t* text_sizes,
                           size_t count, float* embeddings, size_t capacity, clip_error** error) {
  return clip::guarded(error, [&] {
    require(model, "model");
    check_room(*model, count, embeddings, capacity);
    if (count == 0) return;
    require(texts, "texts");
    std::vector<std::string> checked;
    for (size_t i = 0; i < count; ++i) {
      checked.push_back(checked_text(texts[i],
                                     text_sizes != nullptr ? text_sizes[i] : CLIP_NUL_TERMINATED,
                                     fmt::format("text {}", i)));
    }
    embed_texts(model, checked, embeddings);
  });
}

clip_code clip_embed_image_file(clip_model* model, const char* path, float* embedding,
                                size_t capacity, clip_error** error) {
  return clip::guarded(error, [&] {
    require(model, "model");
    require(path, "path");
    check_room(*model, 1, embedding, capacity);
    clip::ImageSource source;
    source.name = path;
    embed_image(model, std::move(source), embedding);
  });
}

clip_code clip_embed_image_bytes(clip_model* model, const void* bytes, size_t size,
                                 float* embedding, size_t capacity, clip_error** error) {
  return clip::guarded(error, [&] {
    require(model, "model");
    require(bytes, "bytes");
    check_room(*model, 1, embedding, capacity);
    clip::ImageSource source;
    source.name = kBytesName;
    source.bytes = std::make_shared<const std::string>(static_cast<const char*>(bytes), size);
    embed_image(model, std::move(source), embedding);
  });
}

clip_code clip_embed_image_files(clip_model* model, const char* const* paths, size_t count,
                                 float* embeddings, size_t capacity, clip_error** errors,
                                 clip_error** error) {
  if (errors != nullptr) std::fill(errors, errors + count, nullptr);
  return clip::guarded(error, [&] {
    require(model, "model");
    check_room(*model, count, embeddings, capacity);
    if (count == 0) return;
    require(paths, "paths");
    for (size_t i = 0; i < count; ++i) require(paths[i], fmt::format("path {}", i).c_str());
    std::optional<Error> first;
    size_t next = 0;
    embed_images(
        model, count,
        [&](clip::ImageSource* source) {
          if (next == count) return false;
          *source = clip::ImageSource();
          source->name = paths[next++];
          return true;
        },
        embeddings,
        [&](size_t at, const Error& of_image) {
          if (errors != nullptr) {
            errors[at] = clip::error_object(of_image);
          } else if (!first) {
            first = of_image;
          }
        });
    if (first) throw *first;
  });
}
