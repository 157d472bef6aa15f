#include "run/embedding_results.h"

#include <fmt/format.h>

#include <utility>

#include "base/utf8.h"
#include "clip/error.h"
#include "run/sample_columns.h"

namespace clip_cli {
namespace {

VectorsFormat vectors_format(const EmbeddingDestination& to) {
  const VectorOutput output = vector_output_of(to.vectors, to.output);
  if (output == VectorOutput::kFaiss) return VectorsFormat::kFaiss;
  const bool f16 = output == VectorOutput::kLaion ? !to.vectors.f32 : to.vectors.f16;
  return f16 ? VectorsFormat::kNpyFloat16 : VectorsFormat::kNpyFloat32;
}

LaionOptions laion_options(const EmbeddingDestination& to, bool texts, const ShardOutput* shard) {
  LaionOptions laion;
  if (shard != nullptr) laion.part = {shard->shard().index, shard->shard().count};
  laion.rows_per_file = to.vectors.rows_per_file;
  laion.type = to.vectors.f32 ? clip::NpyType::kFloat32 : clip::NpyType::kFloat16;
  laion.texts = texts;
  return laion;
}

EarlierKind kind_of(bool texts) {
  EarlierKind kind;
  kind.command = "embed";
  kind.name = texts ? "text" : "image";
  kind.group = texts ? kTextsAtOnce : 1;
  return kind;
}

}  // namespace

bool to_files(const EmbeddingDestination& to) {
  return vector_output_of(to.vectors, to.output) != VectorOutput::kRecords;
}

std::string format_name(const EmbeddingDestination& to) {
  switch (vector_output_of(to.vectors, to.output)) {
    case VectorOutput::kNpy:
      return to.vectors.f16 ? "npy-f16" : "npy-f32";
    case VectorOutput::kFaiss:
      return "faiss";
    case VectorOutput::kLaion:
      return to.vectors.f32 ? "laion-f32" : "laion-f16";
    case VectorOutput::kRecords:
      break;
  }
  return format_of(to.output, "json").name;
}

EmbeddingResults::EmbeddingResults(const EmbeddingDestination& to, bool texts,
                                   const ImageInputs& images, const RunFacts& facts,
                                   const clip::Model& model, const ShardOutput* shard)
    : to_(to), texts_(texts), images_(images), shard_(shard) {
  const bool resume = to.resume || shard != nullptr;
  const std::string path = shard != nullptr ? shard->part() : to.output.output;
  if (!to.output.output.empty()) run_ = facts.text();
  if (to_files(to)) {
    if (vector_output_of(to.vectors, to.output) == VectorOutput::kLaion) {
      laion_.emplace(to.output.output, laion_options(to, texts, shard), resume);
    }
    files_.emplace(laion_ ? laion_->rows_path() : to.output.output, vectors_format(to), facts,
                   kind_of(texts), resume);
  } else if (resume && std::string(format_of(to.output, "json").name) == "json") {
    earlier_.emplace(path, facts, kind_of(texts));
    output_.emplace(Output::appending(earlier_->take_descriptor(), path));
  } else if (shard != nullptr) {
    output_.emplace(Output::replacing(path));
  } else {
    output_.emplace(Results::output_of(to.output));
  }
  if (files_ && files_->dim() > 0) begin(files_->dim());
  if (!begun_ && model.config().embedding_dim > 0) begin(model.config().embedding_dim);
}

EarlierResults* EmbeddingResults::earlier() {
  if (files_) return &files_->earlier();
  return earlier_ ? &*earlier_ : nullptr;
}

void EmbeddingResults::check(clip::EmbedResult* result) const {
  const std::string& name = texts_ ? result->text : result->image;
  if (result->error || to_.output.format != "pgvector" || clip::is_utf8(name)) return;
  result->error = clip::ResultError{
      clip::kFailed,
      fmt::format("{} has no row: its name is not UTF-8, which a table needs", name)};
  result->embedding.clear();
}

void EmbeddingResults::write(clip::EmbedResult result) {
  if (!begun_ && !result.embedding.empty()) {
    begin(static_cast<std::int64_t>(result.embedding.size()));
  }
  if (begun_) {
    put(result);
  } else {
    waiting_.push_back(std::move(result));
  }
}

void EmbeddingResults::flush() {
  if (files_) files_->flush();
  if (results_) results_->flush();
}

void EmbeddingResults::finish(const RunSummary& summary, const ShardedList* list,
                              std::uint64_t failed) {
  if (!begun_) begin(0);
  const bool completes_shard = shard_ != nullptr && !summary.interrupted && list->items() > 0;
  if (completes_shard && files_ && !laion_) shard_->record(*list, failed);
  if (results_) {
    results_->finish(summary);
  } else if (summary.interrupted || (shard_ != nullptr && !completes_shard)) {
    files_->flush();
  } else {
    files_->finish();
    if (laion_) laion_->finish();
    if (laion_ && completes_shard) shard_->record(*list, failed);
  }
  if (completes_shard && !files_) shard_->complete(*list, failed);
}

void EmbeddingResults::begin(std::int64_t dim) {
  begun_ = true;
  dim_ = dim;
  if (files_) {
    files_->begin(dim);
  } else {
    results_.emplace(std::move(*output_), format_of(to_.output, "json"), to_.output,
                     context_of(dim));
    // A file that is gone on with has its beginning.
    if (!earlier_ || earlier_->count() == 0) results_->begin();
  }
  for (const clip::EmbedResult& result : waiting_) put(result);
  waiting_.clear();
}

WriterContext EmbeddingResults::context_of(std::int64_t dim) const {
  WriterContext context;
  Column name, error;
  name.name = texts_ ? "text" : "image";
  error.name = "error";
  context.columns.push_back(name);
  for (std::int64_t i = 1; i <= dim; ++i) {
    Column number;
    number.name = fmt::format("embedding_{}", i);
    context.columns.push_back(number);
  }
  context.columns.push_back(error);
  if (to_.output.format != "pgvector") {  // which has them from the JSON
    for (Column& column : sample_columns(images_)) {
      context.columns.push_back(std::move(column));
    }
  }
  context.table = vector_table(to_.vectors);
  return context;
}

void EmbeddingResults::put(const clip::EmbedResult& result) {
  if (files_) {
    files_->write(result);
    return;
  }
  Record record;
  record.json = to_json(result);
  if (std::string(format_of(to_.output, "json").name) != "json") {
    std::vector<Cell> row = {texts_ ? result.text : result.image};
    // As text: with as many digits as it takes to read the same number again.
    for (const float value : result.embedding) row.emplace_back(fmt::format("{}", value));
    row.resize(static_cast<std::size_t>(dim_) + 1);
    row.push_back(result.error ? Cell(result.error->message) : Cell());
    if (to_.output.format != "pgvector") {
      for (Cell& cell : sample_cells(result.texts)) row.push_back(std::move(cell));
    }
    record.rows.push_back(std::move(row));
  }
  results_->write(record);
}

}  // namespace clip_cli
