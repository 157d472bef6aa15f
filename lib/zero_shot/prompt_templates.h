// Templates that make prompts of labels: "a photo of a {}.", where {} stands for the label.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace clip {

// Throws Error (kInvalidArgument) for a template without {}.
void check_template(const std::string& prompt_template);

// The template with the label in every place where it has {}.
std::string fill_template(std::string_view prompt_template, std::string_view label);

// How many bytes the prompts of all these templates and labels have together. Both may come from
// outside, where a template may name its label a million times.
std::uint64_t filled_bytes(const std::vector<std::string>& templates,
                           const std::vector<std::string>& labels);

// The lines of a file, a template each; empty lines are skipped. Throws Error (kInvalidArgument)
// naming `source` and the line, also when there is none at all.
std::vector<std::string> parse_template_lines(std::string_view text, const std::string& source);

}  // namespace clip
