#include "zero_shot/label_set.h"

#include <fmt/format.h>

#include <unordered_map>
#include <utility>

#include "error.h"

namespace clip {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Takes one field off the front of a CSV record, and the comma behind it.
std::string take_field(std::string_view* rest, bool* more) {
  std::string field;
  while (!rest->empty() && is_blank(rest->front())) rest->remove_prefix(1);
  if (rest->empty() || rest->front() != '"') {
    const std::size_t comma = rest->find(',');
    field = trimmed(rest->substr(0, comma));
    rest->remove_prefix(comma == std::string_view::npos ? rest->size() : comma);
  } else {
    rest->remove_prefix(1);
    for (;;) {
      const std::size_t quote = rest->find('"');
      if (quote == std::string_view::npos) {
        throw Error(fmt::format("the label \"{} has no closing quote", field + std::string(*rest)));
      }
      field += rest->substr(0, quote);
      rest->remove_prefix(quote + 1);
      if (rest->empty() || rest->front() != '"') break;
      field += '"';
      rest->remove_prefix(1);
    }
    while (!rest->empty() && is_blank(rest->front())) rest->remove_prefix(1);
    if (!rest->empty() && rest->front() != ',') {
      throw Error(
          fmt::format("behind the quoted label '{}' comes neither a comma nor the end", field));
    }
  }
  *more = !rest->empty();
  if (*more) rest->remove_prefix(1);
  return field;
}

// Labels by name, in the order in which they first came.
class Collector {
 public:
  // The label of that name, new or not.
  Label* label(const std::string& name, bool* is_new) {
    const auto [place, inserted] = places_.emplace(name, labels_.size());
    if (inserted) labels_.push_back({name, {}});
    *is_new = inserted;
    return &labels_[place->second];
  }

  std::vector<Label> take() { return std::move(labels_); }

 private:
  std::vector<Label> labels_;
  std::unordered_map<std::string, std::size_t> places_;
};

}  // namespace

std::vector<Label> parse_label_list(std::string_view list) {
  Collector collector;
  for (bool more = true, is_new = false; more;) {
    const std::string name = take_field(&list, &more);
    if (name.empty()) throw Error("a label in the list is empty");
    collector.label(name, &is_new);
    if (!is_new) throw Error(fmt::format("the label '{}' is in the list twice", name));
  }
  return collector.take();
}

std::vector<Label> parse_label_lines(std::string_view text, const std::string& source) {
  Collector collector;
  std::size_t number = 0;
  const auto fail = [&](const std::string& why) -> Error {
    return Error(fmt::format("{}, line {}: {}", source, number, why));
  };
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.substr(0, 3) == kByteOrderMark) text.remove_prefix(3);
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (trimmed(line).empty()) continue;
    const std::size_t tab = line.find('\t');
    const std::string name(trimmed(line.substr(0, tab)));
    if (name.empty()) throw fail("there is no label before the tab");
    bool is_new = false;
    Label* label = collector.label(name, &is_new);
    if (tab == std::string_view::npos) {
      if (!is_new) throw fail(fmt::format("the label '{}' has been there before", name));
      continue;
    }
    const std::string prompt(trimmed(line.substr(tab + 1)));
    if (prompt.empty()) throw fail(fmt::format("the label '{}' has an empty prompt", name));
    if (!is_new && label->prompts.empty()) {
      throw fail(fmt::format("the label '{}' has been there without a prompt", name));
    }
    label->prompts.push_back(prompt);
  }
  auto labels = collector.take();
  if (labels.empty()) throw Error(fmt::format("{} holds no labels", source));
  return labels;
}

}  // namespace clip
