// Results as a page of images. Classified images stand under their labels, with the ranking of
// these; scored ones have that of their prompts, the likeliest of which stands for the label. Hits
// of a search have their scores, and near-duplicates stand side by side.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "terminal/text.h"
#include "writers/formats.h"
#include "writers/html_report.h"

namespace clip_cli {
namespace {

using Ranking = std::vector<std::pair<std::string, double>>;  // with probabilities

Ranking ranking_of(const clip::Json& pairs, const char* name) {
  Ranking ranking;
  for (const clip::Json& pair : pairs) {
    ranking.emplace_back(pair.at(name).get<std::string>(), pair.at("probability").get<double>());
  }
  std::stable_sort(ranking.begin(), ranking.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return ranking;
}

// The name by which the page knows a kind that is not the first.
const char* name_of(PageKind kind) {
  return kind == PageKind::kHits ? "hits" : "group";
}

// A row of a card: two texts, and how far the bar behind them goes, from 0 to 1.
clip::Json row(const std::string& text, double share, const std::string& end) {
  return clip::Json::array({text, std::clamp(share, 0.0, 1.0), end});
}

clip::Json hit(const clip::Json& result) {
  const double score = result.at("score").get<double>();
  clip::Json image = {{"score", score}, {"label", ""}};
  image["ranking"].push_back(row(fmt::format("#{}", result.at("rank").get<std::int64_t>()),
                                 0.01 * score, fmt::format("{:.2f}", score)));
  return image;
}

clip::Json near_duplicate(const clip::Json& result, const std::string& heading) {
  const bool keep = result.value("keep", false);
  const bool compared = result.contains("cosine");
  const double cosine = result.value("cosine", 0.0);
  clip::Json image = {{"group", result.at("group")}, {"label", heading}, {"keep", keep}};
  image["ranking"].push_back(row(size_text(result.at("bytes").get<std::uint64_t>()), cosine,
                                 compared ? fmt::format("{:.3f}", cosine) : ""));
  std::string size;
  if (result.contains("width")) {
    size = fmt::format("{} \u00d7 {}", result["width"].get<std::int64_t>(),
                       result.at("height").get<std::int64_t>());
  }
  if (keep || !size.empty()) image["ranking"].push_back(row(size, 0, keep ? "kept" : ""));
  return image;
}

class HtmlWriter : public RecordWriter {
 public:
  explicit HtmlWriter(WriterContext context) : context_(std::move(context)) {}

  void begin(Output* output) override {
    clip::Json run = {
        {"model", context_.model},
        {"version", CLIP_VERSION},
        {"created", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))},
        {"labels", context_.labels},
        {"threshold", context_.threshold}};
    if (context_.page != PageKind::kLabels) {
      run["kind"] = name_of(context_.page);
      run["title"] = context_.title;
    }
    report_.begin(run, output);
  }

  void write(const Record& record, Output* output) override {
    const clip::Json& result = record.json;
    // Answers of batch do not repeat the name of the image.
    clip::Json image = {{"image", result.value("image", record.file)}};
    if (const std::string url = file_url(record.file); !url.empty()) image["href"] = url;

    if (context_.page != PageKind::kLabels) {
      if (result.contains("error")) return;  // neither a hit nor like another
      image.update(context_.page == PageKind::kHits ? hit(result)
                                                    : near_duplicate(result, record.title));
      image["thumbnail"] = base64(record.thumbnail);
      return report_.add(image, output);
    }

    const bool scored = result.contains("scores");
    Ranking ranking;
    if (scored) ranking = ranking_of(result["scores"], "text");
    if (result.contains("ranking")) ranking = ranking_of(result["ranking"], "label");
    if (!ranking.empty()) {
      noun_ = scored ? "prompt" : "label";
      image["thumbnail"] = base64(record.thumbnail);
      image["label"] = result.value("label", ranking.front().first);
      image["probability"] = ranking.front().second;
      for (auto& [label, probability] : ranking) {
        image["ranking"].push_back(clip::Json::array({label, probability}));
      }
    } else if (result.contains("error")) {
      image["error"] = result["error"];
    } else {
      return;  // nothing that a page could show
    }
    report_.add(image, output);
  }

  void end(const RunSummary& summary, Output* output) override {
    report_.end({{"images", summary.images},
                 {"failed", summary.failed},
                 {"seconds", summary.seconds},
                 {"interrupted", summary.interrupted},
                 {"noun", noun_}},
                output);
  }

 private:
  const WriterContext context_;
  const char* noun_ = "label";
  HtmlReport report_;
};

}  // namespace

std::unique_ptr<RecordWriter> make_html(const WriterContext& context) {
  return std::make_unique<HtmlWriter>(context);
}

}  // namespace clip_cli
