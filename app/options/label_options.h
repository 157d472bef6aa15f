// Which labels images are told apart by, and the templates that make prompts of them.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "clip/zero_shot.h"

namespace clip_cli {

struct TemplateOptions {
  std::vector<std::string> templates;  // --template
  std::string set;                     // --template-set
  bool truncate = false;
};

void add_template_options(CLI::App* command, TemplateOptions* options);

// --truncate, for prompts that are too long.
void add_truncate_option(CLI::App* command, bool* truncate, const char* group = "Options");

// The templates that the options name, or the default one. Throws UsageError for one without {},
// and for an unknown set.
std::vector<std::string> read_templates(const TemplateOptions& options);

struct LabelOptions {
  std::string list, file, set;  // --labels, --labels-file, --label-set
  std::string encoding;         // of the file
};

void add_label_options(CLI::App* command, LabelOptions* options);

// Throws UsageError where they name none, or several sources, or a list that is none; clip::Error
// for a file that cannot be used.
std::vector<clip::Label> read_labels(const LabelOptions& options);

}  // namespace clip_cli
