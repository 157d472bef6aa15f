#include "options/label_options.h"

#include <fmt/format.h>

#include "clip/error.h"
#include "input/argument_texts.h"
#include "input/input_lists.h"
#include "options/encoding_option.h"
#include "options/value_words.h"
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
          fmt::format("Prompt with {{}} where the label goes [\"{}\"]\n"
                      "With several templates the embeddings of a label's prompts are averaged.",
                      clip::kDefaultTemplate))
      ->type_name("TEMPLATE")
      ->allow_extra_args(false)
      ->take_all()
      ->group(kGroup);
  CLI::Option* set = command
                         ->add_option("--template-set", options->set,
                                      "OpenAI's templates for a data set, such as openai_imagenet\n"
                                      "`clip-cli classify --list-label-sets` names them all.")
                         ->type_name("SET")
                         ->group(kGroup);
  value_words(set).kind = Words::kTemplateSet;
  add_truncate_option(command, &options->truncate, kGroup);
}

void add_truncate_option(CLI::App* command, bool* truncate, const char* group) {
  command
      ->add_flag("--truncate", *truncate,
                 "Cut prompts that are too long for the model, instead of refusing them")
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
                   "Labels, separated by commas: \"cat,dog,hot dog\"\n"
                   "A label that has a comma in it is quoted: 'cat,\"salt, pepper\"'.")
      ->type_name("LIST")
      ->group(kGroup);
  command
      ->add_option(
          "--labels-file", options->file,
          "A file of labels, one per line; - is standard input\n"
          "A line may also be LABEL<TAB>PROMPT, for a prompt of its own; a label may have several "
          "such lines, whose embeddings are averaged.")
      ->type_name("FILE")
      ->group(kGroup);
  add_encoding_option(command, &options->encoding, kGroup);
  CLI::Option* set =
      command
          ->add_option("--label-set", options->set,
                       "The labels of a known data set, such as cifar10 or imagenet\n"
                       "`clip-cli classify --list-label-sets` names them all.")
          ->type_name("SET")
          ->group(kGroup);
  value_words(set).kind = Words::kLabelSet;
  // One of them in a configuration file is put aside by another one on the command line.
  value_words(set).alternatives = {"--labels", "--labels-file"};
  value_words(command->get_option("--labels")).alternatives = {"--label-set", "--labels-file"};
  value_words(command->get_option("--labels-file")).alternatives = {"--label-set", "--labels"};
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
