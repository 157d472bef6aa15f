// The database of an index, beside a sound vector file: what search, status and verify read, and
// what the next run of `index` does first.
#include "index/index.h"

#include <unistd.h>

#include "clip/error.h"
#include "fuzz.h"
#include "index/collection.h"
#include "index/compaction.h"
#include "index/search.h"
#include "index/status.h"
#include "index/verify.h"
#include "support.h"

namespace {

constexpr std::int64_t kDim = 8, kRows = 4;

// Of the model and the index that the seeds name.
std::string vector_file(const clip_test::TemporaryFolder& folder) {
  clip::VectorFileId id;
  id.dim = kDim;
  id.model = std::string(64, 'a');
  id.index = 12345;
  id.generation = 1;
  const std::string path = folder.path("vectors");
  {
    clip::VectorWriter writer = clip::VectorWriter::create(path, id);
    const std::vector<float> numbers(kDim * kRows, 0.25F);
    writer.write(0, numbers.data(), kRows);
  }
  return clip_test::bytes_of(path);
}

void read(clip::Index* index) {
  clip::status_of(index);
  clip::for_each_failure(index, [](const std::string&, const std::string&) {});
  clip::verify(index);
  for (const clip::IndexedModel& model : index->models()) {
    const clip::Collection collection(index, model.identity, model.name, "");
    clip::SearchOptions options;
    options.threads = 1;
    if (collection.rows().dim != kDim) continue;
    const std::vector<float> query(kDim, 0.25F);
    clip::search(collection, query, options);
    options.unique_cosine = 0.9;
    clip::search(collection, query, options);
    collection.shared_rows();
    clip::Collection(index, model.identity, model.name, "sub");
  }
}

}  // namespace

void clip_fuzz::read_input(std::string_view input) {
  static const clip_test::TemporaryFolder folder;
  static const std::string vectors = vector_file(folder);
  clip::IndexPlace place;
  place.root = folder.path("root");
  place.folder = folder.path("index");
  ::unlink((clip::database_path(place) + "-journal").c_str());
  folder.write("index/" + std::string(clip::database_path(place)).substr(place.folder.size() + 1),
               input);
  folder.write("index/vectors-1-1.f16", vectors);
  read(clip::Index::open(place).get());
  const auto writing = clip::Index::open_for_writing(place, nullptr, nullptr);
  clip::compact(writing.get(), 0.1);
  read(writing.get());
}
