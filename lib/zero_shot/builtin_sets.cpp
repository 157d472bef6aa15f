#include "zero_shot/builtin_sets.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/embedded_file.h"
#include "base/strings.h"
#include "clip/error.h"
#include "zero_shot/label_set.h"
#include "zero_shot/prompt_templates.h"

extern "C" const clip::EmbeddedFile clip_label_sets[], clip_label_sets_end[];
extern "C" const clip::EmbeddedFile clip_template_sets[], clip_template_sets_end[];

namespace clip {
namespace {

std::vector<std::string> names(const EmbeddedFile* begin, const EmbeddedFile* end) {
  std::vector<std::string> names;
  for (const EmbeddedFile* file = begin; file != end; ++file) names.emplace_back(file->name);
  std::sort(names.begin(), names.end());
  return names;
}

std::string_view text_of(const EmbeddedFile* begin, const EmbeddedFile* end,
                         const std::string& name, const char* what) {
  const EmbeddedFile* file =
      std::find_if(begin, end, [&](const EmbeddedFile& each) { return name == each.name; });
  if (file != end) return file->bytes();
  const std::vector<std::string> all = names(begin, end);
  const std::string similar = similar_name(name, all);
  throw Error(ErrorCode::kNotFound,
              fmt::format("there is no {} '{}'; {}", what, name,
                          !similar.empty() ? fmt::format("did you mean {}?", similar)
                                           : fmt::format("there are {}", fmt::join(all, ", "))));
}

}  // namespace

std::vector<std::string> label_set_names() {
  return names(clip_label_sets, clip_label_sets_end);
}

std::vector<std::string> template_set_names() {
  return names(clip_template_sets, clip_template_sets_end);
}

std::vector<Label> builtin_label_set(const std::string& name) {
  return parse_label_lines(text_of(clip_label_sets, clip_label_sets_end, name, "label set"), name);
}

std::vector<std::string> builtin_template_set(const std::string& name) {
  return parse_template_lines(
      text_of(clip_template_sets, clip_template_sets_end, name, "template set"), name);
}

}  // namespace clip
