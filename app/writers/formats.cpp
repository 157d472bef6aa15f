#include "writers/formats.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace clip_cli {

const std::vector<OutputFormat>& output_formats() {
  static const std::vector<OutputFormat> formats = {
      {"json",
       "--json",
       {"jsonl", "json"},
       "Print one JSON object per image",
       false,
       false,
       make_json_lines},
      {"csv", "--csv", {"csv"}, "Print comma-separated values", false, false, make_csv},
      {"tsv", "--tsv", {"tsv"}, "Print tab-separated values", false, false, make_tsv},
      {"paths", "-l,--paths", {}, "Print paths alone, one per line", false, true, make_paths},
      {"null",
       "-0,--null",
       {},
       "Print paths alone, each followed by a NUL, as for `xargs -0`",
       false,
       true,
       make_nul_paths},
      {"pgvector", nullptr, {}, nullptr, false, false, make_pgvector},
      {"table", nullptr, {}, nullptr, false, false, make_table},
      {"html", nullptr, {"html", "htm"}, nullptr, true, false, make_html},
  };
  return formats;
}

const OutputFormat* format_named(const std::string& name) {
  for (const OutputFormat& format : output_formats()) {
    if (name == format.name) return &format;
  }
  return nullptr;
}

const OutputFormat* format_of_extension(const std::string& path) {
  const std::string extension = clip::extension_of(path);
  for (const OutputFormat& format : output_formats()) {
    for (const char* known : format.extensions) {
      if (extension == known) return &format;
    }
  }
  return nullptr;
}

std::string cell_text(const Cell& cell, int decimals) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* number = std::get_if<double>(&cell))
    return fmt::format("{:.{}f}", *number, decimals);
  if (const auto* count = std::get_if<std::int64_t>(&cell)) return fmt::format("{}", *count);
  return "";
}

}  // namespace clip_cli
