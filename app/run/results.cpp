#include "run/results.h"

#include <fmt/format.h>

#include <utility>

#include "terminal/text.h"
#include "writers/html_report.h"

namespace clip_cli {
namespace {

void commit(const RunSummary& summary, Output* output) {
  if (!summary.interrupted) {
    output->commit();
    return;
  }
  const std::string kept = output->commit_interrupted();
  if (!kept.empty()) notice(fmt::format("the file of an earlier run is kept as {}", kept));
}

}  // namespace

Results::Results(Output output, const OutputFormat& format, const OutputOptions& options,
                 const WriterContext& context)
    : output_(std::move(output)), writer_(format.make(context)) {
  if (options.report.empty()) return;
  page_output_ = std::make_unique<Output>(Output::replacing(options.report));
  page_ = make_html(context);
}

Output Results::output_of(const OutputOptions& options) {
  return options.output.empty() || options.output == "-" ? Output::standard()
                                                         : Output::replacing(options.output);
}

int Results::thumbnail_side(const OutputFormat& format, const OutputOptions& options) {
  return format.has_thumbnails || !options.report.empty() ? kThumbnailSide : 0;
}

void Results::begin() {
  writer_->begin(&output_);
  if (page_ != nullptr) page_->begin(page_output_.get());
}

void Results::write(const Record& record) {
  write_rows(record);
  write_to_page(record);
}

void Results::write_rows(const Record& record) {
  writer_->write(record, &output_);
}

void Results::write_to_page(const Record& record) {
  if (page_ != nullptr) page_->write(record, page_output_.get());
}

void Results::finish(const RunSummary& summary) {
  writer_->end(summary, &output_);
  commit(summary, &output_);
  if (page_ == nullptr) return;
  page_->end(summary, page_output_.get());
  commit(summary, page_output_.get());
}

}  // namespace clip_cli
