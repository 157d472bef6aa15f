#include "zero_shot/prompt_templates.h"

#include <fmt/format.h>

#include "base/excerpt.h"
#include "base/strings.h"
#include "clip/error.h"

namespace clip {
namespace {

constexpr std::string_view kPlace = "{}";

}  // namespace

void check_template(const std::string& prompt_template) {
  if (prompt_template.find(kPlace) != std::string::npos) return;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("the template '{}' has no {{}} for the label, as \"a photo of a {{}}.\" has",
                  excerpt(prompt_template)));
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

std::uint64_t filled_bytes(const std::vector<std::string>& templates,
                           const std::vector<std::string>& labels) {
  std::uint64_t label_bytes = 0;
  for (const std::string& label : labels) label_bytes += label.size();
  std::uint64_t bytes = 0;
  for (const std::string& each : templates) {
    std::uint64_t places = 0;
    for (std::size_t at = each.find(kPlace); at != std::string::npos;
         at = each.find(kPlace, at + kPlace.size())) {
      ++places;
    }
    bytes += labels.size() * (each.size() - places * kPlace.size()) + places * label_bytes;
  }
  return bytes;
}

std::vector<std::string> parse_template_lines(std::string_view text, const std::string& source) {
  std::vector<std::string> templates;
  Lines lines(text);
  for (std::string_view line; lines.next(&line);) {
    if (trimmed(line).empty()) continue;
    templates.emplace_back(line);
    try {
      check_template(templates.back());
    } catch (const Error& error) {
      throw error.within(fmt::format("{}, line {}", source, lines.number()));
    }
  }
  if (templates.empty()) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{} holds no templates", source));
  }
  return templates;
}

}  // namespace clip
