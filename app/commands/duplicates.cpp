// `clip-cli duplicates`: groups of images that are nearly the same.
#include "index/duplicates.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Validators.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "clip/error.h"
#include "clip/image.h"
#include "commands/commands.h"
#include "exit_code.h"
#include "options/index_options.h"
#include "options/output_options.h"
#include "options/value_words.h"
#include "run/index_run.h"
#include "run/results.h"
#include "run/thumbnail.h"
#include "terminal/interrupt.h"
#include "terminal/status_line.h"
#include "terminal/text.h"
#include "usage_error.h"

namespace clip_cli {
namespace {

// How often the vectors may be written anew by another process before this one gives up.
constexpr int kMaxTries = 10;

struct DuplicatesCommand {
  std::vector<std::string> folders;
  double threshold = clip::kNearDuplicateCosine;
  std::string keep;  // largest, oldest, first; empty: all are printed
  OutputOptions output;
  IndexRunOptions run;
};

using Group = std::vector<clip::DuplicateImage>;

// The image of a group that is to stay.
std::size_t kept_image(const Group& group, const std::string& how) {
  const auto better = [&](const clip::DuplicateImage& a, const clip::DuplicateImage& b) {
    if (how == "largest") return a.bytes > b.bytes;
    if (how == "oldest") return a.modified_nsec < b.modified_nsec;
    return std::pair(a.collection, a.path) < std::pair(b.collection, b.path);
  };
  std::size_t best = 0;
  for (std::size_t i = 1; i < group.size(); ++i) {
    if (better(group[i], group[best])) best = i;
  }
  return best;
}

WriterContext context_of(const DuplicatesCommand& options, const clip::Model& model) {
  Column group, cosine, bytes, image;
  group.name = "group";
  cosine.name = "cosine";
  bytes.name = "bytes";
  image.name = "image";
  Column shown_cosine = cosine, shown_bytes = bytes, shown_image = image;
  shown_cosine.name = shown_bytes.name = shown_image.name = "";
  shown_cosine.in_table = shown_bytes.in_table = shown_image.in_table = true;
  shown_cosine.width = 9;
  shown_cosine.table_decimals = 4;
  shown_bytes.width = 11;
  WriterContext context;
  context.columns = {group, cosine, bytes, image, shown_cosine, shown_bytes, shown_image};
  context.table_header = false;
  context.page = PageKind::kGroups;
  context.title = "Near-duplicates";
  context.separate_groups = options.keep.empty();  // what could go is one list
  context.model = title_of(model);
  return context;
}

Record record_of(const clip::DuplicateImage& image, const std::string& path, std::int64_t group) {
  Record record;
  const auto bytes = static_cast<std::int64_t>(image.bytes);
  record.json["group"] = group;
  clip::put_name(&record.json, "image", path);
  record.json["cosine"] = image.cosine;
  record.json["bytes"] = bytes;
  record.rows.push_back({group, image.cosine, bytes, path, image.cosine, bytes, path});
  record.file = path;
  return record;
}

// One index, and the folders that were named in it.
struct Searched {
  IndexedFolder folder;
  std::unique_ptr<clip::Index> index;
  std::unique_ptr<clip::Collection> collection;
};

// A folder that lies in another that was named, or is the same, adds nothing.
std::vector<IndexedFolder> distinct_folders(const std::vector<std::string>& named) {
  std::vector<IndexedFolder> folders;
  const auto real = [](const IndexedFolder& folder) {
    return clip::joined_path(folder.place.root, folder.sub) + (folder.sub.empty() ? "" : "/");
  };
  for (const std::string& each : named) folders.push_back(indexed_folder(each));
  std::vector<IndexedFolder> distinct;
  for (const IndexedFolder& folder : folders) {
    const bool covered =
        std::any_of(folders.begin(), folders.end(), [&](const IndexedFolder& other) {
          return &other != &folder && real(folder).rfind(real(other), 0) == 0 &&
                 (real(folder) != real(other) || &other < &folder);
        });
    if (!covered) distinct.push_back(folder);
  }
  return distinct;
}

std::vector<Group> find_groups(std::vector<Searched>* searched, const clip::Model& model,
                               const DuplicatesCommand& options) {
  StatusLine line(options.run.run.quiet);
  clip::DuplicateOptions find;
  find.min_cosine = options.threshold;
  find.threads = static_cast<int>(threads(options.run.model));
  find.stop = &interrupts();
  find.progress = [&](double share) { line.show(fmt::format("compared {:.0f} %", 100 * share)); };
  const std::string name = title_of(model);
  for (int tries = 0; tries < kMaxTries; ++tries) {
    std::vector<const clip::Collection*> collections;
    for (Searched& each : *searched) {
      each.collection = std::make_unique<clip::Collection>(each.index.get(), model.identity(), name,
                                                           each.folder.sub);
      collections.push_back(each.collection.get());
    }
    if (auto groups = clip::find_duplicates(collections, find)) return *groups;
  }
  throw clip::Error(clip::ErrorCode::kIo, "other processes write the index anew again and again");
}

int run_duplicates(const DuplicatesCommand& options) {
  check(options.output);
  std::vector<std::string> named = options.folders;
  if (named.empty()) named.emplace_back(".");
  std::vector<Searched> searched;
  for (IndexedFolder& folder : distinct_folders(named)) {
    searched.emplace_back().folder = std::move(folder);
  }
  catch_interrupts();
  const auto model =
      open_index_model(options.run.model, searched.front().folder, options.run.run.quiet);
  for (Searched& each : searched) {
    each.index = current_index(each.folder, model, options.run);
    if (interrupts().cancelled()) return kFailed;
  }
  const std::vector<Group> groups = find_groups(&searched, *model, options);
  const OutputFormat& format = format_of(options.output, "table");
  Results results(Results::output_of(options.output), format, options.output,
                  context_of(options, *model));
  results.begin();
  std::int64_t number = 0;
  std::uint64_t images = 0;
  const bool thumbnails = Results::thumbnail_side(format, options.output) > 0;
  for (const Group& group : groups) {
    ++number;
    const std::size_t kept = options.keep.empty() ? group.size() : kept_image(group, options.keep);
    std::uint64_t bytes = 0;
    for (const clip::DuplicateImage& image : group) bytes += image.bytes;
    const std::string title = fmt::format("{} images, {}", group.size(), size_text(bytes));
    for (std::size_t i = 0; i < group.size(); ++i) {
      const IndexedFolder& folder = searched[group[i].collection].folder;
      Record record = record_of(group[i], shown_path(folder, group[i].path), number);
      if (i == kept) record.json["keep"] = true;
      if (thumbnails) {
        record.thumbnail = thumbnail_of(clip::joined_path(folder.place.root, group[i].path));
      }
      // A page heads each group; a table does where it shows whole groups.
      if (i == 0) record.title = title;
      results.write_to_page(record);
      if (i == kept) continue;
      if (i == 0) {
        record.title = options.keep.empty() ? fmt::format("group {}: {}", number, title) : "";
      }
      results.write_rows(record);
      ++images;
    }
  }
  RunSummary summary;
  summary.images = images;
  results.finish(summary);
  return kDone;
}

}  // namespace

void setup_duplicates(CLI::App* duplicates, Command* command) {
  auto options = std::make_shared<DuplicatesCommand>();
  duplicates->add_option("FOLDER", options->folders, "Folders to look in [the current folder]")
      ->type_name("");
  duplicates
      ->add_option("--threshold", options->threshold,
                   "Cosine of two images from which on they count as the same")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("COSINE")
      ->capture_default_str();
  CLI::Option* keep =
      duplicates
          ->add_option("--keep", options->keep,
                       "Print all of a group but one: the largest, oldest or first by path\n"
                       "These could be deleted; clip-cli deletes nothing.")
          ->type_name("WHICH");
  allow_only(keep, {"largest", "oldest", "first"});
  add_output_options(duplicates, &options->output, /*report=*/true,
                     {{"json", "Print one JSON object per image"},
                      {"report", "Also write an HTML page that shows the groups side by side"}},
                     /*paths=*/true);
  add_index_run_options(duplicates, &options->run, /*update=*/true);
  duplicates->footer(
      "Examples:\n"
      "  clip-cli duplicates photos\n"
      "  clip-cli duplicates photos --report duplicates.html\n"
      "  clip-cli duplicates photos --keep largest -0 | xargs -0 ls -l");
  duplicates->callback([=] { *command = [=] { return run_duplicates(*options); }; });
}

}  // namespace clip_cli
