// Templates that make prompts of labels: "a photo of a {}.", where {} stands for the label.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace clip {

// The one that is taken where none is named.
constexpr const char* kDefaultTemplate = "a photo of a {}.";

// Throws Error for a template without {}.
void check_template(const std::string& prompt_template);

// The template with the label in every place where it has {}.
std::string fill_template(std::string_view prompt_template, std::string_view label);

// The lines of a file, a template each; empty lines do not count. Throws Error naming `source` and
// the line, also when there is none at all.
std::vector<std::string> parse_template_lines(std::string_view text, const std::string& source);

}  // namespace clip
