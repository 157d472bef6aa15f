#include "read_index.h"

#include <filesystem>
#include <string>
#include <vector>

#include "index/collection.h"
#include "index/compaction.h"
#include "index/neutral_bank.h"
#include "index/search.h"
#include "index/status.h"
#include "index/verify.h"
#include "support.h"

namespace clip_fuzz {
namespace {

constexpr std::int64_t kDim = 8, kRows = 4;

const clip_test::TemporaryFolder& folder() {
  static const clip_test::TemporaryFolder made;
  return made;
}

std::string vector_file() {
  clip::VectorFileId id;
  id.dim = kDim;
  id.model = std::string(64, 'a');
  id.index = kIndexNumber;
  id.generation = 1;
  const std::string path = folder().path("vectors");
  const std::vector<float> numbers(kDim * kRows, 0.25F);
  clip::VectorWriter::create(path, id).write(0, numbers.data(), kRows);
  return clip_test::bytes_of(path);
}

void read(clip::Index* index) {
  clip::status_of(index);
  clip::for_each_failure(index, [](const std::string&, const std::string&) {});
  clip::verify(index);
  for (const clip::IndexedModel& model : index->models()) {
    clip::read_bank(index, model);
    const clip::Collection collection(index, model.identity, model.name, "");
    collection.shared_rows();
    const clip::Collection part(index, model.identity, model.name, "sub");
    const std::vector<float> query(static_cast<std::size_t>(collection.rows().dim), 0.25F);
    clip::SearchOptions options;
    options.threads = 1;
    clip::search(collection, query, options);
    options.unique_cosine = 0.9;
    clip::search(part, query, options);
  }
}

}  // namespace

clip::IndexPlace new_index_place() {
  clip::IndexPlace place;
  place.root = folder().path("root");
  place.folder = folder().path("index");
  std::filesystem::remove_all(place.folder);
  std::filesystem::create_directory(place.folder);
  return place;
}

void write_vectors() {
  static const std::string bytes = vector_file();
  folder().write("index/vectors-1-1.f16", bytes);
}

void read_index(const clip::IndexPlace& place) {
  read(clip::Index::open(place).get());
  const auto writing = clip::Index::open_for_writing(place, nullptr, nullptr);
  clip::compact(writing.get(), 0.1);
  clip::verify(writing.get());
}

}  // namespace clip_fuzz
