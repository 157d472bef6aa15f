#include "zero_shot/label_set.h"

#include <fmt/format.h>

#include <unordered_map>
#include <utility>

#include "base/strings.h"
#include "clip/error.h"

namespace clip {
namespace {

Error invalid(const std::string& message) {
  return Error(ErrorCode::kInvalidArgument, message);
}

// Takes one field off the front of a CSV record, and the comma behind it.
std::string take_field(std::string_view* rest, bool* more) {
  std::string field;
  *rest = trimmed(*rest);
  if (rest->empty() || rest->front() != '"') {
    const std::size_t comma = rest->find(',');
    field = trimmed(rest->substr(0, comma));
    rest->remove_prefix(comma == std::string_view::npos ? rest->size() : comma);
  } else {
    rest->remove_prefix(1);
    for (;;) {
      const std::size_t quote = rest->find('"');
      if (quote == std::string_view::npos) {
        throw invalid(
            fmt::format("the label \"{} has no closing quote", field + std::string(*rest)));
      }
      field += rest->substr(0, quote);
      rest->remove_prefix(quote + 1);
      if (rest->empty() || rest->front() != '"') break;
      field += '"';
      rest->remove_prefix(1);
    }
    *rest = trimmed(*rest);
    if (!rest->empty() && rest->front() != ',') {
      throw invalid(
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
    if (name.empty()) throw invalid("a label in the list is empty");
    collector.label(name, &is_new);
    if (!is_new) throw invalid(fmt::format("the label '{}' is in the list twice", name));
  }
  return collector.take();
}

std::vector<Label> parse_label_lines(std::string_view text, const std::string& source) {
  Collector collector;
  Lines lines(text);
  const auto fail = [&](const std::string& why) {
    return invalid(fmt::format("{}, line {}: {}", source, lines.number(), why));
  };
  for (std::string_view line; lines.next(&line);) {
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
  if (labels.empty()) throw invalid(fmt::format("{} holds no labels", source));
  return labels;
}

}  // namespace clip
