// One HTML file that shows what classify has found: thumbnails under their labels, with rankings
// and filters. Holds everything it needs; data/report/report.html is the page, and the pictures are
// written into it one by one, so memory does not grow with their number.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ui/classified.h"
#include "ui/output.h"

namespace clip_cli {

struct ReportRun {
  std::string model;
  std::vector<std::string> labels;
  double threshold = 0;
};

struct ReportSummary {
  std::uint64_t pictures = 0, failed = 0;
  double seconds = 0;
  bool interrupted = false;
};

class HtmlReport {
 public:
  static constexpr int kThumbnailSide = 192;  // pixels

  HtmlReport(const std::string& path, const ReportRun& run);

  // `thumbnail`: a JPEG file.
  void add(const Classified& result, const std::string& thumbnail);

  // Completes the file, which appears under its name only now.
  void finish(const ReportSummary& summary);

 private:
  Output output_;
  bool first_ = true;
};

}  // namespace clip_cli
