#include "run/query_terms.h"

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>

#include "base/file.h"
#include "base/strings.h"
#include "clip/error.h"
#include "embedding/npy.h"
#include "options/model_options.h"
#include "service/result.h"

namespace clip_cli {
namespace {

// The embeddings of the terms that are images. Throws clip::Error for one that cannot be used:
// there is no answer then.
void embed_images(const std::shared_ptr<const clip::Model>& model,
                  const clip::EmbedOptions& options, std::vector<clip::QueryTerm>* terms) {
  std::vector<std::size_t> images;
  for (std::size_t i = 0; i < terms->size(); ++i) {
    if ((*terms)[i].kind == clip::TermKind::kImage && (*terms)[i].embedding.empty()) {
      images.push_back(i);
    }
  }
  if (images.empty()) return;
  std::size_t at = 0;
  clip::ImageEmbedder embedder(
      model,
      [&](clip::ImageSource* source) {
        if (at == images.size()) return false;
        *source = clip::ImageSource();
        source->tag = images[at++];
        source->name = (*terms)[source->tag].name;
        return true;
      },
      options);
  for (std::vector<clip::ImageResult> batch; embedder.next(&batch);) {
    for (const clip::ImageResult& result : batch) {
      if (result.error) throw *result.error;
      (*terms)[result.source.tag].embedding.assign(result.embedding, result.embedding + result.dim);
    }
  }
}

// What embed wrote beside the vectors says of the only row of them: whether it is of a text, and of
// which model. Where there is no such file, it is taken for that of an image.
void read_origin(const std::string& path, const clip::Model& model, clip::QueryTerm* term) {
  const std::string beside =
      path.substr(0, path.size() - clip::extension_of(path).size()) + "jsonl";
  if (clip::extension_of(path) != "npy" || !clip::is_regular_file(beside)) return;
  clip::Json origin;
  try {
    const std::string text = clip::read_file(beside);
    origin = clip::parse_json(text.substr(0, text.find('\n')));
  } catch (const clip::Error&) {
    return;  // another file of that name
  }
  if (!origin.is_object()) return;
  if (origin.contains("text")) term->kind = clip::TermKind::kText;
  const std::string made_by = origin.value("model", clip::Json()).is_string()
                                  ? origin["model"].get<std::string>()
                                  : std::string();
  if (made_by.empty() || made_by == model.identity() || made_by == model.path()) return;
  throw clip::Error(
      clip::ErrorCode::kInvalidArgument,
      fmt::format("the vector in {} is of the model {}, and this search is by {} ({})", path,
                  made_by, title_of(model), model.identity()));
}

clip::QueryTerm vector_term(const std::string& path, const clip::Model& model) {
  clip::Embeddings vectors = clip::read_npy(path);
  if (vectors.count != 1) {
    throw clip::Error(
        clip::ErrorCode::kInvalidArgument,
        fmt::format("{} has {} vectors, and a search takes one", path, vectors.count));
  }
  clip::QueryTerm term;
  term.kind = clip::TermKind::kImage;
  term.name = path;
  if (!clip::usable_norm(clip::normalize(vectors.row(0), vectors.dim))) {
    throw clip::Error(clip::ErrorCode::kInvalidArgument,
                      fmt::format("the vector in {} is zero, or not finite", path));
  }
  term.embedding.assign(vectors.row(0), vectors.row(0) + vectors.dim);
  read_origin(path, model, &term);
  return term;
}

}  // namespace

std::vector<clip::QueryTerm> embedded_terms(const std::vector<TermSpec>& specs,
                                            const std::string& vector,
                                            const std::shared_ptr<const clip::Model>& model,
                                            const clip::TextOptions& text_options,
                                            const clip::EmbedOptions& image_options) {
  std::vector<clip::QueryTerm> terms;
  std::vector<std::string> texts;
  for (const TermSpec& spec : specs) {
    clip::QueryTerm& term = terms.emplace_back();
    term.kind = spec.kind;
    term.name = spec.value;
    term.weight = spec.weight;
    if (spec.kind == clip::TermKind::kText) texts.push_back(spec.value);
  }
  if (!vector.empty()) terms.push_back(vector_term(vector, *model));
  embed_images(model, image_options, &terms);
  if (texts.empty()) return terms;
  // The text tower is gone before the image tower is read for the refresh.
  const clip::Embeddings embedded = clip::TextEmbedder(model, text_options).embed(texts);
  std::int64_t row = 0;
  for (clip::QueryTerm& term : terms) {
    if (!term.embedding.empty() || term.kind != clip::TermKind::kText) continue;
    term.embedding.assign(embedded.row(row), embedded.row(row) + embedded.dim);
    ++row;
  }
  return terms;
}

}  // namespace clip_cli
