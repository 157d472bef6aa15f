// Results as a page of images, each under its label. Classified images have the ranking of their
// labels; scored ones that of their prompts, the likeliest of which stands for the label.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

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

class HtmlWriter : public RecordWriter {
 public:
  explicit HtmlWriter(WriterContext context) : context_(std::move(context)) {}

  void begin(Output* output) override {
    report_.begin(
        {{"model", context_.model},
         {"version", CLIP_VERSION},
         {"created", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))},
         {"labels", context_.labels},
         {"threshold", context_.threshold}},
        output);
  }

  void write(const Record& record, Output* output) override {
    const clip::Json& result = record.json;
    // Answers of batch do not repeat the name of the image.
    clip::Json image = {{"image", result.value("image", record.file)}};
    if (const std::string url = file_url(record.file); !url.empty()) image["href"] = url;

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
