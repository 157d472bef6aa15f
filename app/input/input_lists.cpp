#include "input/input_lists.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "clip/error.h"
#include "input/image_urls.h"
#include "service/json.h"

namespace clip_cli {
namespace {

constexpr std::size_t kMaxText = 16 << 20;  // bytes; no prompt of 77 tokens comes near
constexpr std::size_t kMaxPath = 1 << 16;
constexpr std::size_t kMaxDataUrl = 4 << 20;
constexpr std::size_t kMaxWhole = 64 << 20;

void for_each_line(const TextFile& file, const clip::CancelToken* stop,
                   const std::function<void(std::size_t, const std::string&)>& use) {
  LineReader reader(file.path, '\n', stop, file.encoding);
  bool too_long = false;
  for (std::string line; reader.next(&line, kMaxText, &too_long);) {
    if (too_long) {
      throw clip::Error(clip::ErrorCode::kLimit,
                        fmt::format("{}, line {} has more than {} MiB", reader.name(),
                                    reader.number(), kMaxText >> 20));
    }
    reader.check_text(line);
    use(reader.number(), line);
  }
}

std::string text_field(const std::string& path, std::size_t number, const std::string& line) {
  try {
    const clip::Json json = clip::parse_json(line);
    if (json.is_object() && json.contains("text") && json["text"].is_string()) {
      return json["text"].get<std::string>();
    }
  } catch (const clip::Error&) {
    // Said below.
  }
  throw clip::Error(
      clip::ErrorCode::kCorrupt,
      fmt::format("{}, line {}: expected a JSON object with a string `text`, as in {{\"text\": \"a "
                  "cat\"}}",
                  path, number));
}

// Throws clip::Error where a list's first line is how an image begins, or has a NUL, which no path
// has.
void check_first_line(const std::string& line, const std::string& list) {
  const bool is_image = clip::starts_with(line, "\x89PNG") ||
                        clip::starts_with(line, "\xff\xd8\xff") || clip::starts_with(line, "GIF8");
  if (!is_image && line.find('\0') == std::string::npos) return;
  const char* hint = "with -0, paths end with a NUL, as those of find -print0";
  if (is_image) {
    hint = list == "standard input" ? "--image - reads an image from there"
                                    : "name an image as an argument, or with --image";
  }
  throw clip::Error(clip::ErrorCode::kInvalidArgument,
                    fmt::format("{} is no list of paths, one per line, but {}; {}", list,
                                is_image ? "an image" : "binary", hint));
}

}  // namespace

void for_each_text(const TextFile& file, const std::function<void(const std::string&)>& use,
                   const clip::CancelToken* stop) {
  const bool json_lines = clip::extension_of(file.path) == "jsonl";
  for_each_line(file, stop, [&](std::size_t number, const std::string& line) {
    if (!json_lines) {
      use(line);
    } else if (!line.empty()) {
      use(text_field(file.path, number, line));
    }
  });
}

std::vector<std::string> read_texts(const TextFile& file) {
  std::vector<std::string> texts;
  for_each_text(file, [&](const std::string& text) {
    if (!text.empty()) texts.push_back(text);
  });
  return texts;
}

bool PathList::next(std::string* path) {
  bool too_long = false;
  while (reader_.next(path, kMaxDataUrl, &too_long)) {
    if (reader_.number() == 1) check_first_line(*path, reader_.name());
    if (too_long || (path->size() > kMaxPath && url_kind(*path) != UrlKind::kData)) {
      throw clip::Error(
          clip::ErrorCode::kLimit,
          fmt::format("{}, line {} is too long for a path", reader_.name(), reader_.number()),
          clip::Hint::kSeparateByNul);
    }
    if (!path->empty()) return true;
  }
  return false;
}

std::string read_whole(const TextFile& file) {
  std::string text;
  bool too_long = false;
  LineReader reader(file.path, '\n', nullptr, file.encoding);
  for (std::string line; reader.next(&line, kMaxWhole, &too_long);) {
    if (!too_long) reader.check_text(line);
    text += line;
    text += '\n';
    if (too_long || text.size() > kMaxWhole) {
      throw clip::Error(clip::ErrorCode::kLimit,
                        fmt::format("{} has more than {} MiB", reader.name(), kMaxWhole >> 20));
    }
  }
  return text;
}

}  // namespace clip_cli
