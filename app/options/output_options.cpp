#include "options/output_options.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "base/strings.h"
#include "clip/image.h"
#include "options/value_words.h"
#include "usage_error.h"

namespace clip_cli {
namespace {

constexpr const char* kGroup = "Output";

// Files that hold something else, by what they are called: a slip would write TSV over an image.
bool is_of_another_kind(const std::string& path) {
  constexpr const char* kOthers[] = {
      "arrow",   "bz2",  "db",     "feather", "gz",   "h5",  "hdf5",        "npz",    "ods",
      "parquet", "pdf",  "pickle", "pkl",     "pt",   "pth", "safetensors", "sqlite", "tar",
      "xls",     "xlsx", "xml",    "xz",      "yaml", "yml", "zip",         "zst",
  };
  const std::string extension = clip::extension_of(path);
  return clip::has_image_extension(path) ||
         std::find(std::begin(kOthers), std::end(kOthers), extension) != std::end(kOthers);
}

}  // namespace

void add_output_options(CLI::App* command, OutputOptions* options, bool report,
                        const std::map<std::string, const char*>& help, bool paths) {
  const auto words = [&](const char* name, const char* otherwise) {
    const auto own = help.find(name);
    return own != help.end() ? own->second : otherwise;
  };
  std::vector<CLI::Option*> flags;
  std::string extensions;
  for (const OutputFormat& format : output_formats()) {
    if (!format.extensions.empty()) {
      extensions += fmt::format("{}.{}", extensions.empty() ? "" : ", ", format.extensions.front());
    }
    if (format.option == nullptr || (format.paths_alone && !paths)) continue;
    const std::string name = format.name;
    flags.push_back(command
                        ->add_flag_callback(
                            format.option, [options, name] { options->format = name; },
                            words(format.name, format.help))
                        ->group(kGroup));
  }
  for (std::size_t i = 0; i < flags.size(); ++i) {
    for (std::size_t j = i + 1; j < flags.size(); ++j) flags[i]->excludes(flags[j]);
  }
  // A format in a configuration file is for standard output.
  for (CLI::Option* flag : flags) value_words(flag).alternatives = {"--output"};
  command
      ->add_option("-o,--output", options->output,
                   fmt::format("Write to a file; its ending chooses: {}\n"
                               "Otherwise results go to standard output. The file appears when it "
                               "is complete.",
                               extensions))
      ->type_name("FILE")
      ->group(kGroup);
  if (!report) return;
  command
      ->add_option(
          "--report", options->report,
          words("report", "Also write an HTML page that shows the images under their labels"))
      ->type_name("FILE.html")
      ->group(kGroup);
}

const OutputFormat& format_of(const OutputOptions& options, const char* otherwise) {
  if (!options.format.empty()) return *format_named(options.format);
  if (options.output.empty()) return *format_named(otherwise);
  const OutputFormat* format = format_of_extension(options.output);
  if (format == nullptr && is_of_another_kind(options.output)) {
    std::string known;
    for (const OutputFormat& each : output_formats()) {
      if (!each.extensions.empty()) known += fmt::format(" .{}", each.extensions.front());
    }
    throw UsageError(
        fmt::format("{} ends like a file of another kind; its ending chooses the "
                    "format, of{} (and of embed .npy, .faiss); --json, --csv or --tsv "
                    "choose it whatever the file is called",
                    options.output, known));
  }
  return format != nullptr ? *format : *format_named("tsv");
}

void check(const OutputOptions& options) {
  if (!options.report.empty() && options.report == options.output) {
    throw UsageError("--report and --output name the same file");
  }
  const std::string page = clip::extension_of(options.report);
  const bool is_page = page == "html" || page == "htm" || page == "xhtml";
  if (!is_page && (is_of_another_kind(options.report) || format_of_extension(options.report))) {
    throw UsageError(fmt::format(
        "--report writes an HTML page; {} ends like a file of another kind", options.report));
  }
  const std::string extension = clip::extension_of(options.output);
  if (extension == "npy" || extension == "faiss") {
    throw UsageError(
        fmt::format("{}: only embed writes vectors; name a file of results .jsonl, "
                    ".csv or .tsv",
                    options.output));
  }
  if (clip::has_image_extension(options.output)) {
    throw UsageError(
        fmt::format("{} is called like an image, and results are none", options.output));
  }
}

void check_outputs(const std::vector<std::string>& outputs,
                   const std::vector<std::string>& inputs) {
  const auto identity = [](const std::string& path, struct stat* info) {
    return !path.empty() && ::stat(path.c_str(), info) == 0 && S_ISREG(info->st_mode);
  };
  for (const std::string& output : outputs) {
    struct stat to = {};
    if (!identity(output, &to)) continue;
    for (const std::string& input : inputs) {
      struct stat from = {};
      if (identity(input, &from) && from.st_dev == to.st_dev && from.st_ino == to.st_ino) {
        throw UsageError(
            fmt::format("{} is read, and the results would replace it; name another file", output));
      }
    }
  }
}

}  // namespace clip_cli
