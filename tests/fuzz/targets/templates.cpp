// The lines of a file of templates, filled with a label.
#include "clip/error.h"
#include "fuzz.h"
#include "zero_shot/prompt_templates.h"

void clip_fuzz::read_input(std::string_view input) {
  const std::vector<std::string> templates = clip::parse_template_lines(input, "input");
  const std::string label = "{} cat";
  std::uint64_t bytes = 0;
  for (const std::string& each : templates) bytes += clip::fill_template(each, label).size();
  require(bytes == clip::filled_bytes(templates, {label}), "prompts are as long as foretold");
}
