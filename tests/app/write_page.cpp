// Writes a page without labels, for tests of it in a browser:
//   write_page hits|groups TITLE FILE.html < RECORDS
// A line of RECORDS is a JSON object: "json", the record's; "file", the path of the image (or
// "file_hex", where that is not UTF-8); "title".
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>

#include "clip/image.h"
#include "image/thumbnail.h"
#include "service/json.h"
#include "writers/formats.h"
#include "writers/html_report.h"

int main(int argc, char** argv) {
  using namespace clip_cli;
  if (argc != 4) return 2;
  try {
    WriterContext context;
    context.model = "demo";
    context.page = std::string(argv[1]) == "hits" ? PageKind::kHits : PageKind::kGroups;
    context.title = argv[2];
    Output output = Output::replacing(argv[3]);
    const auto page = make_html(context);
    page->begin(&output);
    RunSummary summary;
    for (std::string line; std::getline(std::cin, line);) {
      const clip::Json described = clip::parse_json(line);
      Record record;
      record.json = described.at("json");
      record.file = clip::name_in(described, "file");
      record.title = described.value("title", "");
      record.thumbnail = clip::jpeg_thumbnail(clip::decode_file(record.file, {}), kThumbnailSide);
      page->write(record, &output);
      ++summary.images;
    }
    page->end(summary, &output);
    output.commit();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "write_page: %s\n", error.what());
    return 1;
  }
}
