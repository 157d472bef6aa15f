#include "run/laion_layout.h"

#include <doctest/doctest.h>

#include <string>

#include "embedding/npy.h"
#include "support.h"

using namespace clip_cli;
using namespace clip_test;

namespace {

// Vectors with their lines; those of `failed` failed.
void write_rows(const TemporaryFolder& folder, const std::string& name, std::int64_t rows,
                std::int64_t failed) {
  clip::NpyWriter writer =
      clip::NpyWriter::create(folder.path(name + ".npy"), clip::NpyType::kFloat32, 2);
  std::string lines;
  for (std::int64_t i = 0; i < rows; ++i) {
    const float row[2] = {float(i), 1};
    writer.write(row, 1);
    lines += "{\"image\":\"" + std::to_string(i) + ".png\",\"model\":\"m\"" +
             (i == failed ? ",\"error\":{}" : "") + "}\n";
  }
  writer.finish();
  folder.write(name + ".jsonl", lines);
}

void write_layout(const TemporaryFolder& folder, const std::string& name,
                  const LaionOptions& options) {
  write_laion_layout(folder.path(name + ".npy"), folder.path(name + ".jsonl"), folder.path(),
                     options);
}

LaionOptions part(std::uint64_t index, std::uint64_t count) {
  LaionOptions options;
  options.part = LaionOptions::Part{index, count};
  return options;
}

}  // namespace

TEST_CASE("the files of parts have their numbers") {
  const TemporaryFolder folder;
  write_rows(folder, "a", 5, 2);
  write_layout(folder, "a", part(3, 12));
  const std::string path = folder.path("img_emb/img_emb_03.npy");
  CHECK(LaionFolder::part_path(folder.path(), part(3, 12)) == path);
  const clip::Embeddings rows = clip::read_npy(path);
  CHECK(rows.count == 4);
  CHECK(rows.row(2)[0] == 3);  // the third failed
  CHECK(contains(bytes_of(folder.path("metadata/metadata_03.parquet")), "4.png"));
  CHECK(!contains(bytes_of(folder.path("metadata/metadata_03.parquet")), "2.png"));
}

TEST_CASE("a part without rows is there, and a layout without rows is not") {
  const TemporaryFolder folder;
  write_rows(folder, "empty", 0, -1);
  write_rows(folder, "failed", 1, 0);
  write_layout(folder, "empty", LaionOptions());
  write_layout(folder, "failed", LaionOptions());
  CHECK(bytes_of(folder.path("img_emb/img_emb_0.npy")).empty());
  write_layout(folder, "empty", part(0, 2));
  write_layout(folder, "failed", part(1, 2));
  for (const char* number : {"0", "1"}) {
    const std::string path = folder.path(std::string("img_emb/img_emb_") + number + ".npy");
    CHECK(clip::parse_npy_header(bytes_of(path)).rows == 0);
    CHECK(clip::parse_npy_header(bytes_of(path)).dim == 2);
    CHECK(contains(bytes_of(folder.path(std::string("metadata/metadata_") + number + ".parquet")),
                   "image_path"));
  }
}

TEST_CASE("lines that do not belong to the vectors leave nothing") {
  const TemporaryFolder folder;
  write_rows(folder, "a", 3, -1);
  write_rows(folder, "b", 4, -1);
  const auto mixed = [&] {
    write_laion_layout(folder.path("a.npy"), folder.path("b.jsonl"), folder.path(), {});
  };
  CHECK(contains(error_of(mixed), "do not belong together"));
  folder.write("a.jsonl", "{}\nnonsense\n{}\n");
  CHECK(contains(error_of([&] { write_layout(folder, "a", {}); }), "a.jsonl, line 2 is no result"));
  CHECK(bytes_of(folder.path("img_emb/img_emb_0.npy")).empty());
}
