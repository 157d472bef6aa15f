#include "input/caption_table.h"

#include <fmt/format.h>

#include <unordered_map>
#include <utility>

#include "clip/error.h"
#include "input/csv_reader.h"

namespace clip_cli {

std::vector<CaptionedImage> read_caption_table(const std::string& path, const std::string& encoding,
                                               const clip::CancelToken* stop) {
  CsvReader table(path, encoding, stop);
  const std::size_t image = table.column({"image", "filepath", "path", "filename"});
  const std::size_t caption = table.column({"caption", "title", "text"});
  std::vector<CaptionedImage> images;
  std::unordered_map<std::string, std::size_t> places;
  for (std::vector<std::string> fields; table.next(&fields);) {
    if (fields[image].empty() || fields[caption].empty()) {
      throw clip::Error(clip::ErrorCode::kCorrupt,
                        fmt::format("{}, line {}: it has no {}", table.name(), table.line(),
                                    fields[image].empty() ? "image" : "caption"));
    }
    const auto [place, is_new] = places.emplace(fields[image], images.size());
    if (is_new) images.push_back({fields[image], {}});
    images[place->second].captions.push_back(std::move(fields[caption]));
  }
  if (images.empty()) {
    throw clip::Error(clip::ErrorCode::kCorrupt,
                      fmt::format("{} has no captions in it", table.name()));
  }
  return images;
}

}  // namespace clip_cli
