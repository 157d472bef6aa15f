// The page that shows the results of a run: one HTML file that needs no other and no network, with
// thumbnails under their labels, rankings, and filters; or the hits of a search; or groups of
// near-duplicates. data/report/report.html is the page; the
// images are written into it one by one, so that memory does not grow with their number.
#pragma once

#include <string>
#include <string_view>

#include "service/json.h"
#include "writers/output.h"
#include "writers/record.h"

namespace clip_cli {

constexpr int kThumbnailSide = 192;  // pixels

// Labels, names and messages come from outside: all of them are written as JSON in which nothing
// can end a script element, and the page takes them as text.
class HtmlReport {
 public:
  // The page up to the first image. `run`: "model", "version", "created" (ISO 8601), "labels",
  // "threshold"; of a page without labels also "kind" ("hits" or "group") and "title".
  void begin(const clip::Json& run, Output* output);

  // `image`: "image", and "href" where there is a link; then either "error" ("code" and "message"),
  // or "thumbnail" (JPEG, base64), "label", "probability", and "ranking", a list of [label,
  // probability] with the likeliest first. On pages without labels: "thumbnail"; "ranking", whose
  // rows are [text, length of the bar from 0 to 1, text at its end]; for hits "score"; for images
  // of groups "group", a number, "label", which is the group's heading, and "keep".
  void add(const clip::Json& image, Output* output);

  // The rest of the page. `summary`: "images", "failed", "seconds", "interrupted", "noun" (for one
  // of the labels).
  void end(const clip::Json& summary, Output* output);

 private:
  bool first_ = true;
};

// RFC 4648, section 4.
std::string base64(std::string_view bytes);

// The address of a file, by RFC 8089; empty where there is no such file.
std::string file_url(const std::string& path);

}  // namespace clip_cli
