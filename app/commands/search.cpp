// `clip-cli search`: finds images of a folder by what they show.
#include "index/search.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "clip/text_embedder.h"
#include "commands/commands.h"
#include "exit_code.h"
#include "index/duplicates.h"
#include "index/matching.h"
#include "index/neutral_bank.h"
#include "index/neutral_prompts.h"
#include "input/input_lists.h"
#include "options/database_options.h"
#include "options/encoding_option.h"
#include "options/index_options.h"
#include "options/label_options.h"
#include "options/output_options.h"
#include "options/preview_options.h"
#include "options/query_options.h"
#include "options/sort_options.h"
#include "run/database_search.h"
#include "run/index_run.h"
#include "run/query_terms.h"
#include "run/results.h"
#include "run/thumbnail.h"
#include "service/result.h"
#include "terminal/interrupt.h"
#include "terminal/text.h"
#include "usage_error.h"

namespace clip_cli {
namespace {

constexpr std::size_t kDefaultTop = 10;

// How often the vectors may be written anew by another process before this one gives up.
constexpr int kMaxTries = 10;

struct SearchCommand {
  QueryOptions query;
  std::string queries, encoding;  // --queries, and what the file is in
  std::optional<std::string> in;  // --in; none: the current folder
  DatabaseOptions database;
  std::optional<std::size_t> top;
  bool matching = false, unique = false;
  std::optional<double> min_score;
  bool truncate = false;
  SortOptions sort;
  OutputOptions output;
  PreviewOptions preview;
  IndexRunOptions run;
};

WriterContext context_of(const SearchCommand& options, const clip::Model& model) {
  Column rank, score, image;
  rank.name = "rank";
  score.name = "score";
  score.decimals = 4;
  score.in_table = true;
  score.table_decimals = 4;
  score.width = 9;
  image.name = "image";
  image.in_table = true;
  WriterContext context;
  context.columns = {rank, score, image};
  context.table_header = false;
  context.model = title_of(model);
  context.page = PageKind::kHits;
  context.title = title_of(options.query);
  return context;
}

Record record_of(const std::string& image, std::int64_t rank, double score) {
  Record record;
  clip::put_name(&record.json, "image", image);
  record.json["rank"] = rank;
  record.json["score"] = score;
  record.rows.push_back({rank, score, image});
  record.file = image;
  return record;
}

// Puts the image under DIR/query. False, with a notice, where that is not possible.
bool file_hit(SortInto* sorter, const std::string& query, Record* record) {
  try {
    record->file = sorter->file(record->file, query);
    clip::put_name(&record->json, "filed", record->file);
    return true;
  } catch (const clip::Error& error) {
    notice(error.what());
    record->json["error"] = clip::to_json(clip::ResultError{clip::kNotFiled, error.what()});
    return false;
  }
}

// Where the image lies, however the folder was named.
std::string hit_path(const IndexedFolder& folder, const clip::SearchHit& hit) {
  return clip::joined_path(folder.place.root, hit.path);
}

clip::TextOptions text_options(const SearchCommand& options) {
  clip::TextOptions texts;
  texts.encoder = encoder_options(options.run.model);
  texts.truncate = options.truncate;
  return texts;
}

// The terms of the query, with their embeddings.
std::vector<clip::QueryTerm> embedded_terms(const SearchCommand& options,
                                            const std::vector<TermSpec>& specs,
                                            const std::shared_ptr<const clip::Model>& model) {
  clip::EmbedOptions images;
  images.encoder = encoder_options(options.run.model);
  images.decode = decode_options(options.run.decode, model->config());
  return embedded_terms(specs, options.query.vector, model, text_options(options), images);
}

clip::SearchOptions search_options(const SearchCommand& options) {
  clip::SearchOptions search;
  search.top = options.top.value_or(options.matching ? SIZE_MAX : kDefaultTop);
  if (options.min_score) search.min_score = *options.min_score;
  if (options.unique) search.unique_cosine = clip::kNearDuplicateCosine;
  search.threads = static_cast<int>(threads(options.run.model));
  return search;
}

// Hits in the index as it is now.
class Searcher {
 public:
  Searcher(clip::Index* index, const IndexedFolder& folder, const clip::Model& model,
           const SearchCommand& options)
      : index_(index), folder_(folder), model_(model), options_(options) {}

  std::vector<clip::SearchHit> find(const std::vector<clip::QueryTerm>& terms) {
    const clip::SearchOptions options = search_options(options_);
    for (int tries = 0; tries < kMaxTries; ++tries) {
      if (!collection_)
        collection_.emplace(index_, model_.identity(), title_of(model_), folder_.sub);
      check_dim(terms);
      std::vector<double> stds(terms.size(), 1);
      if (clip::needs_scales(terms)) stds = clip::stds_of(*collection_, terms, options.threads);
      const std::vector<float> query = clip::combined_query(terms, stds);
      const auto hits = bank_ ? clip::search_matching(*collection_, query, *bank_,
                                                      model_.config().logit_scale, options)
                              : clip::search(*collection_, query, options);
      if (hits) return *hits;
      collection_.reset();
    }
    throw clip::Error(clip::ErrorCode::kIo,
                      fmt::format("another process writes the index of {} anew again and again",
                                  folder_.place.root));
  }

  // From here on only what matches is found.
  void match(clip::NeutralBank bank) { bank_ = std::move(bank); }

 private:
  void check_dim(const std::vector<clip::QueryTerm>& terms) const {
    if (collection_->rows().count == 0) return;
    for (const clip::QueryTerm& term : terms) {
      const auto dim = static_cast<std::int64_t>(term.embedding.size());
      if (dim == collection_->model().dim) continue;
      throw clip::Error(
          clip::ErrorCode::kInvalidArgument,
          fmt::format("{} has {} numbers, and the vectors of {} in the index have {}", term.name,
                      dim, collection_->model().name, collection_->model().dim));
    }
  }

  clip::Index* const index_;
  const IndexedFolder& folder_;
  const clip::Model& model_;
  const SearchCommand& options_;
  std::optional<clip::Collection> collection_;
  std::optional<clip::NeutralBank> bank_;
};

// What queries compete with: embedded once a model, and kept in the index.
clip::NeutralBank neutral_bank(std::unique_ptr<clip::Index>* index, const IndexedFolder& folder,
                               const std::shared_ptr<const clip::Model>& model,
                               const SearchCommand& options) {
  const auto indexed = (*index)->find_model(model->identity());
  if (indexed) {
    if (auto bank = clip::read_bank(index->get(), *indexed)) return *bank;
  }
  clip::NeutralBank bank;
  bank.prompts = clip::TextEmbedder(model, text_options(options)).embed(clip::neutral_prompts());
  bank.near_synonym = clip::near_synonym_cosine(bank.prompts);
  if (!indexed) return bank;
  try {
    index->reset();
    const auto writer =
        clip::Index::open_for_writing(folder.place, nullptr, [] { throw OtherWriter(); });
    clip::write_bank(writer.get(), *indexed, bank);
  } catch (const OtherWriter&) {  // the next search keeps it
  } catch (const clip::Error&) {  // nor can it be kept where nothing can be written
  }
  *index = clip::Index::open(folder.place);
  return bank;
}

// A hit, wherever it was found.
struct FoundImage {
  std::string shown;  // its path, as people see it
  std::string path;   // of the file
  double score = 0;
};
using Find = std::function<std::vector<FoundImage>(const std::vector<clip::QueryTerm>& terms)>;

// One line of JSON for each query of a file.
void answer_queries(const SearchCommand& options, const std::shared_ptr<const clip::Model>& model,
                    const Find& find, Output* output) {
  clip::TextEmbedder embedder(model, text_options(options));
  for_each_text({options.queries, options.encoding}, [&](const std::string& text) {
    if (text.empty()) return;
    clip::QueryTerm term;
    term.name = text;
    const clip::Embeddings embedded = embedder.embed({text});
    term.embedding.assign(embedded.row(0), embedded.row(0) + embedded.dim);
    clip::Json answer = {{"query", text}, {"hits", clip::Json::array()}};
    std::int64_t rank = 0;
    for (const FoundImage& hit : find({term})) {
      answer["hits"].push_back(record_of(hit.shown, ++rank, hit.score).json);
    }
    output->write(clip::json_line(answer));
    output->flush();
  });
}

// The best hits among what is indexed so far, as the table will print them.
LiveLines live_hits(const SearchCommand& options, const IndexedFolder& folder,
                    const clip::Model& model, const std::vector<clip::QueryTerm>& terms) {
  return [&](clip::Index* index) {
    std::vector<std::string> lines;
    try {
      for (const clip::SearchHit& hit : Searcher(index, folder, model, options).find(terms)) {
        lines.push_back(fmt::format("{:>9.4f}  {}", hit.score, shown_path(folder, hit.path)));
      }
    } catch (const clip::Error&) {
      // The search of all images tells it, if it is still so.
    }
    return lines;
  };
}

void check(const SearchCommand& options) {
  const bool has_query = !options.query.words.empty() || !options.query.like.empty() ||
                         !options.query.no.empty() || !options.query.vector.empty();
  if (has_query == !options.queries.empty()) {
    throw UsageError(has_query ? "a query and --queries exclude each other"
                               : "no query: say what to find, or name a file with --queries FILE");
  }
  const bool shows_one = !options.preview.mode.empty() || !options.sort.folder.empty() ||
                         !options.output.report.empty() ||
                         (!options.output.format.empty() && options.output.format != "json");
  if (!options.queries.empty() && shows_one) {
    throw UsageError("--queries answers with JSON Lines alone: one object per query");
  }
  check(options.output);
}

// Other commands take a folder as an argument. Throws UsageError where it stands beside the query;
// alone it may be a word of that name.
void check_folder_in_query(const SearchCommand& options) {
  const std::vector<std::string>& words = options.query.words;
  if (options.in || words.empty()) return;
  for (const std::string& word : {words.front(), words.back()}) {
    if (!clip::is_folder(word)) continue;
    if (words.size() == 1) {
      notice(fmt::format("'{0}' is taken as a text; --in {0} searches in the folder", word));
      return;
    }
    throw UsageError(
        fmt::format("'{0}' is a folder: search in it with --in {0}; as a part of the query, put "
                    "quotation marks around all of it: \"{1}\"",
                    word, title_of(options.query)));
  }
}

// README.md of lib/index: for sums of terms, and images, no rule was found that is good enough.
void check_matching(const SearchCommand& options, const std::vector<TermSpec>& specs) {
  if (!options.matching || !options.queries.empty()) return;
  const bool one_text = specs.size() == 1 && specs[0].kind == clip::TermKind::kText &&
                        specs[0].weight > 0 && options.query.vector.empty();
  if (!one_text) {
    throw UsageError("--matching needs a query of one text; say it in one sentence");
  }
}

// Prints the hits of one query.
int print_hits(const SearchCommand& options, const clip::Model& model, const OutputFormat& format,
               const Preview* preview, const std::vector<FoundImage>& hits) {
  if (hits.empty() && !options.run.run.quiet) {
    notice(options.matching    ? "no image matches"
           : options.min_score ? "no image has a score as high as --min-score"
                               : "there is no image to find");
  }
  std::optional<SortInto> sorter;
  if (!options.sort.folder.empty()) {
    sorter.emplace(options.sort.folder, options.sort.by.value_or(SortMethod::kLink),
                   options.sort.dry_run);
  }
  bool failed = false;
  Results results(Results::output_of(options.output), format, options.output,
                  context_of(options, model));
  results.begin();
  const bool thumbnails = Results::thumbnail_side(format, options.output) > 0;
  std::int64_t rank = 0;
  for (const FoundImage& hit : hits) {
    Record record = record_of(hit.shown, ++rank, hit.score);
    // Before the image is put elsewhere.
    if (thumbnails) record.thumbnail = thumbnail_of(hit.path);
    if (preview != nullptr) record.preview = preview_of(hit.path, *preview);
    if (sorter) failed = !file_hit(&*sorter, title_of(options.query), &record) || failed;
    results.write(record);
    if (preview != nullptr) results.flush();  // as they come
  }
  RunSummary summary;
  summary.images = hits.size();
  results.finish(summary);
  return failed ? kFailed : kDone;
}

int answer(const SearchCommand& options, const std::shared_ptr<const clip::Model>& model,
           const OutputFormat& format, const Preview* preview,
           const std::vector<clip::QueryTerm>& terms, const Find& find) {
  if (options.queries.empty()) return print_hits(options, *model, format, preview, find(terms));
  Output output = Results::output_of(options.output);
  answer_queries(options, model, find, &output);
  output.commit();
  return kDone;
}

// The model that the options name, else the best one on this machine.
std::shared_ptr<const clip::Model> open_any_model(const IndexRunOptions& options) {
  return open_index_model(options.model, IndexedFolder(), options.run.quiet);
}

int search_database(const SearchCommand& options, const std::vector<TermSpec>& specs,
                    const OutputFormat& format, const Preview* preview) {
  catch_interrupts();
  DatabaseSearcher searcher(options.database, &interrupts());
  const auto model = open_any_model(options.run);
  searcher.check_model(*model);
  std::vector<clip::QueryTerm> terms;
  if (options.queries.empty()) terms = embedded_terms(options, specs, model);
  return answer(options, model, format, preview, terms,
                [&](const std::vector<clip::QueryTerm>& query) {
                  std::vector<FoundImage> found;
                  for (const clip::SearchHit& hit : searcher.find(query, search_options(options))) {
                    found.push_back({hit.path, hit.path, hit.score});
                  }
                  return found;
                });
}

int run_search(const SearchCommand& options) {
  check(options);
  std::vector<TermSpec> specs;  // mistakes in it show before the model is read
  if (options.queries.empty()) specs = read_terms(options.query);
  if (!options.database.named()) check_folder_in_query(options);
  std::vector<std::string> files = {options.queries, options.query.vector};
  for (const TermSpec& spec : specs) {
    if (spec.kind == clip::TermKind::kImage) files.push_back(spec.value);
  }
  check_outputs({options.output.output, options.output.report}, files);
  check_matching(options, specs);
  const OutputFormat& format = format_of(options.output, "table");
  const auto preview = make_preview(options.preview, format);
  if (options.database.named()) return search_database(options, specs, format, preview.get());
  const IndexedFolder folder = indexed_folder(options.in.value_or("."));
  catch_interrupts();
  const auto model = open_index_model(options.run.model, folder, options.run.run.quiet);
  std::vector<clip::QueryTerm> terms;
  if (options.queries.empty()) terms = embedded_terms(options, specs, model);
  // What matches is known only of the whole.
  const bool live =
      &format == format_named("table") && options.queries.empty() && !options.matching;
  auto index = current_index(folder, model, options.run,
                             live ? live_hits(options, folder, *model, terms) : LiveLines());
  std::optional<clip::NeutralBank> bank;
  if (options.matching) bank = neutral_bank(&index, folder, model, options);
  Searcher searcher(index.get(), folder, *model, options);
  if (bank) searcher.match(std::move(*bank));
  return answer(
      options, model, format, preview.get(), terms, [&](const std::vector<clip::QueryTerm>& query) {
        std::vector<FoundImage> found;
        for (const clip::SearchHit& hit : searcher.find(query)) {
          found.push_back({shown_path(folder, hit.path), hit_path(folder, hit), hit.score});
        }
        return found;
      });
}

}  // namespace

void setup_search(CLI::App* search, Command* command) {
  auto options = std::make_shared<SearchCommand>();
  add_query_options(search, &options->query);
  search->add_option("--in", options->in, "The folder to search [the current folder]")
      ->type_name("FOLDER");
  search->add_option("--top", options->top, "Print at most N hits [10; with --matching: all]")
      ->check(CLI::Range(1, 1000000000))
      ->type_name("N");
  search->add_flag("--matching", options->matching,
                   "Print only images that fit the query far better than other texts\n"
                   "The query is one text.");
  search
      ->add_option("--min-score", options->min_score,
                   "Leave out hits with a lower score (100 x cosine)")
      ->type_name("S");
  search
      ->add_option("--queries", options->queries,
                   "Answer each text of a file by a JSON object; - is standard input\n"
                   "One text per line, or JSON Lines with a field `text` where its name ends in "
                   ".jsonl.")
      ->type_name("FILE");
  add_encoding_option(search, &options->encoding);
  add_truncate_option(search, &options->truncate);
  search->add_flag("--unique", options->unique,
                   "Of images that are nearly the same, print only the best");
  add_sort_options(search, &options->sort, "each hit into a folder DIR/QUERY");
  add_output_options(search, &options->output, /*report=*/true,
                     {{"json", "Print one JSON object per hit"},
                      {"report", "Also write an HTML page that shows the hits"}},
                     /*paths=*/true);
  add_preview_option(search, &options->preview);
  add_index_run_options(search, &options->run, /*update=*/true);
  // What needs the vectors here, or a folder.
  add_database_options(search, &options->database,
                       {"--in", "--matching", "--unique", "--no-update"});
  search->footer(
      "Examples:\n"
      "  clip-cli search \"sunset over the sea\"\n"
      "  clip-cli search --in photos \"a red car\" + rain - \"at night\"\n"
      "  clip-cli search --like holiday.jpg --not people --top 20 --json\n"
      "  clip-cli search --database postgresql://localhost/archive --table images \"a red car\"");
  search->callback([=] { *command = [=] { return run_search(*options); }; });
}

}  // namespace clip_cli
