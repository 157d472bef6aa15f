#include "ui/input_lists.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "error.h"

namespace clip_cli {
namespace {

void for_each_line(const std::string& path,
                   const std::function<void(std::size_t, const std::string&)>& use) {
  std::ifstream file;
  const bool standard_input = path == "-";
  if (!standard_input) {
    // A folder opens like a file and then reads as empty, which would hide the mistake.
    struct stat info = {};
    if (::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
      throw clip::Error(fmt::format("cannot read {}: it is a folder, expected a list", path));
    }
    file.open(path);
    if (!file) throw clip::Error(fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  }
  std::istream& input = standard_input ? std::cin : file;
  std::string line;
  for (std::size_t number = 1; std::getline(input, line); ++number) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    use(number, line);
  }
  if (input.bad()) {
    throw clip::Error(fmt::format("cannot read {}: {}", path, std::strerror(errno)));
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

std::vector<std::string> read_paths(const std::string& path) {
  std::vector<std::string> paths;
  for_each_line(path, [&](std::size_t, const std::string& line) {
    if (!line.empty()) paths.push_back(line);
  });
  return paths;
}

}  // namespace clip_cli
