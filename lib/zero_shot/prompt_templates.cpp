#include "zero_shot/prompt_templates.h"

#include <fmt/format.h>

#include <utility>

#include "error.h"

namespace clip {
namespace {

constexpr std::string_view kPlace = "{}";

}  // namespace

void check_template(const std::string& prompt_template) {
  if (prompt_template.find(kPlace) != std::string::npos) return;
  throw Error(
      fmt::format("the template '{}' has no {{}} for the label, as \"a photo of a {{}}.\" has",
                  prompt_template));
}

std::string fill_template(std::string_view prompt_template, std::string_view label) {
  std::string prompt;
  for (;;) {
    const std::size_t place = prompt_template.find(kPlace);
    prompt += prompt_template.substr(0, place);
    if (place == std::string_view::npos) return prompt;
    prompt += label;
    prompt_template.remove_prefix(place + kPlace.size());
  }
}

std::vector<std::string> parse_template_lines(std::string_view text, const std::string& source) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.substr(0, 3) == kByteOrderMark) text.remove_prefix(3);
  std::vector<std::string> templates;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string line(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    try {
      check_template(line);
    } catch (const Error& error) {
      throw Error(fmt::format("{}, line {}: {}", source, number, error.what()));
    }
    templates.push_back(std::move(line));
  }
  if (templates.empty()) throw Error(fmt::format("{} holds no templates", source));
  return templates;
}

}  // namespace clip
