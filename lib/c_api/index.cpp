#include <fmt/format.h>

#include <limits>

#include "c_api/guard.h"
#include "c_api/handles.h"

clip_index* clip_index_open(const char* folder, const clip_model* model, clip_error** error) {
  clip_index* opened = nullptr;
  clip::guarded(error, [&] {
    clip::require(folder, "folder");
    clip::require(model, "model");
    opened = new clip_index{clip::ImageIndex::open(folder, model->model), clip_model_dim(model),
                            model->encoder.threads};
  });
  return opened;
}

void clip_index_close(clip_index* index) {
  delete index;
}

const char* clip_index_root(const clip_index* index) {
  return index != nullptr ? index->index->root().c_str() : "";
}

clip_code clip_index_count(clip_index* index, size_t* count, clip_error** error) {
  return clip::guarded(error, [&] {
    clip::require(index, "index");
    clip::require(count, "count");
    *count = static_cast<size_t>(index->index->count());
  });
}

clip_code clip_index_search(clip_index* index, const float* query, size_t dim, size_t top,
                            clip_hits** hits, clip_error** error) {
  if (hits != nullptr) *hits = nullptr;
  return clip::guarded(error, [&] {
    clip::require(index, "index");
    clip::require(query, "query");
    clip::require(hits, "hits");
    if (dim != index->dim) {
      throw clip::Error(clip::ErrorCode::kInvalidArgument,
                        fmt::format("the query has {} floats, and the model's embeddings have {}",
                                    dim, index->dim));
    }
    clip::ImageSearchOptions options;
    options.top = top;
    options.threads = index->threads;
    *hits = new clip_hits{index->index->search(query, options)};
  });
}

size_t clip_hits_count(const clip_hits* hits) {
  return hits != nullptr ? hits->hits.size() : 0;
}

const char* clip_hits_path(const clip_hits* hits, size_t at) {
  return at < clip_hits_count(hits) ? hits->hits[at].path.c_str() : nullptr;
}

double clip_hits_score(const clip_hits* hits, size_t at) {
  return at < clip_hits_count(hits) ? hits->hits[at].score
                                    : std::numeric_limits<double>::quiet_NaN();
}

void clip_hits_free(clip_hits* hits) {
  delete hits;
}
