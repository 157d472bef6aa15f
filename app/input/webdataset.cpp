#include "input/webdataset.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <utility>

#include "base/excerpt.h"
#include "base/file.h"
#include "base/strings.h"
#include "clip/error.h"
#include "input/input_lists.h"
#include "zero_shot/prompt_templates.h"

namespace clip_cli {
namespace {

constexpr const char* kClassFile = "classnames.txt";
constexpr const char* kTemplatesFile = "zeroshot_classification_templates.txt";
constexpr std::uint64_t kMaxShards = 1'000'000'000;

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The folder that a path lies in: "a/b": "a", "b": ".", "/b": "/".
std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

void find_files(const std::string& folder, Webdataset* found) {
  const std::string classes = clip::joined_path(folder, kClassFile);
  const std::string templates = clip::joined_path(folder, kTemplatesFile);
  if (found->class_file.empty() && clip::exists(classes)) found->class_file = classes;
  if (found->templates_file.empty() && clip::exists(templates)) found->templates_file = templates;
}

}  // namespace

std::optional<Webdataset> find_webdataset(const std::string& data, const std::string& split) {
  Webdataset found;
  if (!clip::is_folder(data)) {
    found.archives = data;
    if (data == "-") return found;
    // What is not there is no archive; whoever reads folders says so. A list has braces.
    if (data.find('{') == std::string::npos && !clip::exists(data)) return std::nullopt;
    const std::string folder = folder_of(data);
    find_files(folder, &found);
    find_files(clip::joined_path(folder, ".."), &found);
    return found;
  }
  const std::string part = clip::joined_path(data, split);
  const std::string count_file = clip::joined_path(part, "nshards.txt");
  if (!clip::exists(count_file)) return std::nullopt;
  const std::string text = read_whole({count_file, ""});
  std::string_view line(text);
  line = clip::trimmed(line.substr(0, line.find_first_of("\r\n")));
  const auto count = number_in(line);
  if (!count || *count == 0 || *count > kMaxShards) {
    throw clip::Error(clip::ErrorCode::kCorrupt,
                      fmt::format("{} should hold the number of archives, and holds '{}'",
                                  count_file, clip::excerpt(line)));
  }
  // One alone is a name without a list.
  found.archives =
      clip::joined_path(part, *count == 1 ? "0.tar" : fmt::format("{{0..{}}}.tar", *count - 1));
  find_files(data, &found);
  return found;
}

std::vector<ClassFolder> parse_class_names(std::string_view text, const std::string& source) {
  std::vector<ClassFolder> classes;
  clip::Lines lines(text);
  for (std::string_view line; lines.next(&line);) {
    const std::string_view name = clip::trimmed(line);
    if (name.empty()) continue;
    classes.push_back({std::to_string(classes.size()), std::string(name)});
  }
  if (classes.empty()) {
    throw clip::Error(clip::ErrorCode::kCorrupt, fmt::format("{} names no classes", source));
  }
  return classes;
}

std::vector<std::string> parse_wds_templates(std::string_view text, const std::string& source) {
  std::string ours(text);
  for (std::size_t at = 0; (at = ours.find("{c}", at)) != std::string::npos; at += 2) {
    ours.replace(at, 3, "{}");
  }
  return clip::parse_template_lines(ours, source);
}

void tag_class(std::size_t classes, clip::ImageSource* source) {
  if (source->error) return;
  const auto fail = [&](const std::string& why) {
    source->error =
        clip::Error(clip::ErrorCode::kCorrupt, fmt::format("cannot use {}: {}", source->name, why));
  };
  if (source->texts == nullptr || !source->texts->cls) {
    fail("it has no class; a .cls of the same key belongs beside it");
    return;
  }
  const std::string_view text = clip::trimmed(*source->texts->cls);
  const auto number = number_in(text);
  if (!number) {
    fail(fmt::format("its class '{}' is no number", clip::excerpt(text)));
  } else if (*number >= classes) {
    fail(fmt::format("its class is {}, and there are {}, from 0 on", *number, classes));
  } else {
    source->tag = *number;
  }
}

std::vector<std::string> captions_of(const clip::ImageSource& source) {
  std::vector<std::string> captions;
  if (source.texts == nullptr || !source.texts->caption) return captions;
  clip::Lines lines(*source.texts->caption);
  for (std::string_view line; lines.next(&line);) {
    const std::string_view caption = clip::trimmed(line);
    if (!caption.empty()) captions.emplace_back(caption);
  }
  return captions;
}

}  // namespace clip_cli
