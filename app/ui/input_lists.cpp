#include "ui/input_lists.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "error.h"

namespace clip_cli {
namespace {

constexpr std::size_t kLongestText = 16 << 20;  // bytes; no prompt of 77 tokens comes near
constexpr std::size_t kLongestPath = 1 << 16;
constexpr std::size_t kLargestWhole = 64 << 20;

void for_each_line(const std::string& path,
                   const std::function<void(std::size_t, const std::string&)>& use) {
  LineReader reader(path);
  bool too_long = false;
  for (std::string line; reader.next(&line, kLongestText, &too_long);) {
    if (too_long) {
      throw clip::Error(fmt::format("{}, line {} has more than {} MiB", reader.name(),
                                    reader.number(), kLongestText >> 20));
    }
    use(reader.number(), line);
  }
}

bool is_json_lines(const std::string& path) {
  return path.size() > 6 && path.compare(path.size() - 6, 6, ".jsonl") == 0;
}

std::string text_field(const std::string& path, std::size_t number, const std::string& line) {
  const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("text") || !json["text"].is_string()) {
    throw clip::Error(fmt::format(
        "{}, line {}: expected a JSON object with a string `text`, as in {{\"text\": \"a cat\"}}",
        path, number));
  }
  return json["text"].get<std::string>();
}

}  // namespace

void for_each_text(const std::string& path, const std::function<void(const std::string&)>& use) {
  const bool json_lines = is_json_lines(path);
  for_each_line(path, [&](std::size_t number, const std::string& line) {
    if (!json_lines) {
      use(line);
    } else if (!line.empty()) {
      use(text_field(path, number, line));
    }
  });
}

std::vector<std::string> read_texts(const std::string& path) {
  std::vector<std::string> texts;
  for_each_text(path, [&](const std::string& text) {
    if (!text.empty()) texts.push_back(text);
  });
  return texts;
}

bool PathList::next(std::string* path) {
  bool too_long = false;
  while (reader_.next(path, kLongestPath, &too_long)) {
    if (too_long) {
      throw clip::Error(fmt::format(
          "{}, line {} is too long for a path; is it a list, and are its paths separated by NUL "
          "(-0)?",
          reader_.name(), reader_.number()));
    }
    if (!path->empty()) return true;
  }
  return false;
}

std::string read_whole(const std::string& path) {
  std::string text;
  bool too_long = false;
  LineReader reader(path);
  for (std::string line; reader.next(&line, kLargestWhole, &too_long);) {
    text += line;
    text += '\n';
    if (too_long || text.size() > kLargestWhole) {
      throw clip::Error(fmt::format("{} has more than {} MiB", reader.name(), kLargestWhole >> 20));
    }
  }
  return text;
}

}  // namespace clip_cli
