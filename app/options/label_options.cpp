#include "options/label_options.h"

#include <fmt/format.h>

#include "clip/error.h"
#include "input/argument_texts.h"
#include "input/input_lists.h"
#include "options/encoding_option.h"
#include "usage_error.h"
#include "zero_shot/builtin_sets.h"
#include "zero_shot/label_set.h"
#include "zero_shot/prompt_templates.h"

namespace clip_cli {
namespace {

constexpr const char* kGroup = "Labels";

// What the library says of an option's value is bad usage.
template <typename Call>
auto as_usage(const char* option, const Call& call) {
  try {
    return call();
  } catch (const clip::Error& error) {
    throw UsageError(fmt::format("{}: {}", option, error.what()));
  }
}

}  // namespace

void add_template_options(CLI::App* command, TemplateOptions* options) {
  command
      ->add_option(
          "--template", options->templates,
          fmt::format("Makes a prompt of a label, which replaces {{}}; repeatable: a label's "
                      "prompts are averaged [\"{}\"]",
                      clip::kDefaultTemplate))
      ->type_name("TEMPLATE")
      ->allow_extra_args(false)
      ->take_all()
      ->group(kGroup);
  command
      ->add_option("--template-set", options->set,
                   "The templates that OpenAI used for a data set (--list-label-sets names them)")
      ->type_name("NAME")
      ->group(kGroup);
  add_truncate_option(command, &options->truncate, kGroup);
}

void add_truncate_option(CLI::App* command, bool* truncate, const char* group) {
  command
      ->add_flag("--truncate", *truncate,
                 "Cut prompts that are longer than the model's context instead of refusing them")
      ->group(group);
}

std::vector<std::string> read_templates(const TemplateOptions& options) {
  std::vector<std::string> templates = options.templates;
  note_bytes(templates);
  for (const std::string& each : templates) {
    as_usage("--template", [&] { clip::check_template(each); });
  }
  if (!options.set.empty()) {
    const auto set =
        as_usage("--template-set", [&] { return clip::builtin_template_set(options.set); });
    templates.insert(templates.end(), set.begin(), set.end());
  }
  if (templates.empty()) templates.emplace_back(clip::kDefaultTemplate);
  return templates;
}

void add_label_options(CLI::App* command, LabelOptions* options) {
  command
      ->add_option("--labels", options->list,
                   "Labels between commas; one that has a comma in it is quoted: "
                   "'cat,\"salt, pepper\"'")
      ->type_name("LIST")
      ->group(kGroup);
  command
      ->add_option(
          "--labels-file", options->file,
          "File of labels (-: standard input), one per line, or of lines label<TAB>prompt; "
          "a label may have several")
      ->type_name("FILE")
      ->group(kGroup);
  add_encoding_option(command, &options->encoding, kGroup);
  command
      ->add_option("--label-set", options->set,
                   "The labels of a known data set, such as cifar10 (see --list-label-sets)")
      ->type_name("NAME")
      ->group(kGroup);
}

std::vector<clip::Label> read_labels(const LabelOptions& options) {
  const int sources =
      int(!options.list.empty()) + int(!options.file.empty()) + int(!options.set.empty());
  if (sources == 0) {
    throw UsageError(
        "no labels: name them with --labels \"cat,dog\", --labels-file FILE or --label-set NAME");
  }
  if (sources > 1) {
    throw UsageError("labels come from one of --labels, --labels-file and --label-set");
  }
  if (!options.set.empty()) {
    return as_usage("--label-set", [&] { return clip::builtin_label_set(options.set); });
  }
  if (!options.list.empty()) {
    note_bytes({options.list});
    return as_usage("--labels", [&] { return clip::parse_label_list(options.list); });
  }
  return clip::parse_label_lines(read_whole({options.file, options.encoding}),
                                 options.file == "-" ? "standard input" : options.file);
}

}  // namespace clip_cli
