// `clip-cli index`: builds, refreshes, checks and removes the indexes that `search` uses.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "clip/error.h"
#include "commands/commands.h"
#include "exit_code.h"
#include "index/status.h"
#include "index/verify.h"
#include "options/index_options.h"
#include "options/shard_option.h"
#include "run/index_import.h"
#include "run/index_run.h"
#include "terminal/error_notice.h"
#include "terminal/hints.h"
#include "terminal/interrupt.h"
#include "terminal/progress.h"
#include "terminal/text.h"
#include "usage_error.h"
#include "writers/print_json.h"

namespace clip_cli {
namespace {

constexpr std::size_t kShownFailures = 20;  // of a status that people read

struct IndexOptions {
  std::vector<std::string> folders;
  bool here = false, status = false, verify = false, prune = false, remove = false, list = false;
  bool json = false;
  std::vector<std::string> exclude;
  bool excludes_named = false;
  std::optional<bool> archives;
  ImportOptions import;
  IndexRunOptions run;
};

std::string megabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

clip::Error no_index(const std::string& folder) {
  return clip::Error(
      clip::ErrorCode::kNotFound,
      fmt::format("there is no index of {}; `clip-cli index {}` makes one", folder, folder));
}

// Indexes that are there are made of folders that may be gone.
IndexedFolder there(const std::string& named) {
  IndexedFolder folder = known_folder(named);
  if (!folder.is_there) throw no_index(named);
  if (!folder.sub.empty() && !clip::is_folder(named)) {
    throw clip::Error(clip::ErrorCode::kNotFound, fmt::format("there is no folder {}", named));
  }
  return folder;
}

std::string when(std::int64_t seconds) {
  if (seconds == 0) return "never completely";
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(static_cast<std::time_t>(seconds)));
}

clip::Json status_json(clip::Index* index, const clip::IndexStatus& status) {
  clip::Json json;
  clip::put_name(&json, "root", index->place().root);
  clip::put_name(&json, "index", index->place().folder);
  json["images"] = status.images;
  json["folders"] = status.folders;
  json["refreshed"] = status.refreshed == 0 ? clip::Json() : clip::Json(status.refreshed);
  json["exclude"] = status.exclude;
  json["archives"] = status.archives;
  json["models"] = clip::Json::array();
  for (const clip::ModelStatus& each : status.models) {
    clip::Json model = {{"name", each.model.name}, {"identity", each.model.identity}};
    clip::put_name(&model, "path", each.model.path);
    model["dim"] = each.model.dim;
    model["embedded"] = each.embedded;
    model["failed"] = each.failed;
    model["missing"] = each.missing;
    model["bytes"] = each.bytes;
    json["models"].push_back(std::move(model));
  }
  json["failures"] = clip::Json::array();
  clip::for_each_failure(index, [&](const std::string& path, const std::string& error) {
    clip::Json failure;
    clip::put_name(&failure, "image", path);
    failure["error"] = error;
    json["failures"].push_back(std::move(failure));
  });
  return json;
}

void print_status(clip::Index* index, const clip::IndexStatus& status) {
  fmt::print("{}\n", printable(index->place().root));
  fmt::print("  index:      {} ({})\n", printable(index->place().folder), megabytes(status.bytes));
  fmt::print("  images:     {} in {} folders\n", status.images, status.folders);
  fmt::print("  refreshed:  {}\n", when(status.refreshed));
  for (const std::string& pattern : status.exclude) {
    fmt::print("  exclude:    {}\n", printable(pattern));
  }
  if (status.archives) fmt::print("  archives:   are read\n");
  for (const clip::ModelStatus& each : status.models) {
    fmt::print("  model:      {}: {} embedded, {} failed, {} missing ({})\n",
               printable(each.model.name), each.embedded, each.failed, each.missing,
               megabytes(each.bytes));
  }
  std::size_t failures = 0;
  clip::for_each_failure(index, [&](const std::string& path, const std::string& error) {
    if (failures++ < kShownFailures) {
      fmt::print("  failed:     {}: {}\n", printable(path), printable(error));
    }
  });
  if (failures > kShownFailures) {
    fmt::print("  and {} more, which --json prints\n", failures - kShownFailures);
  }
}

int show_status(const IndexedFolder& folder, bool json) {
  const auto index = clip::Index::open(folder.place);
  const clip::IndexStatus status = clip::status_of(index.get());
  if (json) {
    print_json(status_json(index.get(), status));
  } else {
    print_status(index.get(), status);
  }
  return kDone;
}

int verify_index(const IndexedFolder& folder, bool json) {
  const auto index = clip::Index::open(folder.place);
  const std::vector<std::string> problems = clip::verify(index.get());
  if (json) {
    clip::Json result;
    clip::put_name(&result, "root", folder.place.root);
    result["right"] = problems.empty();
    result["problems"] = problems;
    print_json(result);
  } else if (problems.empty()) {
    fmt::print("{}: right\n", printable(folder.place.root));
  } else {
    for (const std::string& problem : problems) {
      fmt::print("{}: {}\n", printable(folder.place.root), printable(problem));
    }
    notice(
        "the index is damaged; remove it with `clip-cli index --remove FOLDER`, and build it "
        "again");
  }
  return problems.empty() ? kDone : kFailed;
}

int remove_indexes(const IndexedFolder& folder, bool json) {
  if (!folder.sub.empty()) {
    throw UsageError(
        fmt::format("{} has no index of its own, but is in that of {}: `clip-cli index "
                    "--remove {}` removes it",
                    folder.named, folder.place.root, folder.place.root));
  }
  clip::remove_index(folder.place);
  if (json) {
    clip::Json result;
    clip::put_name(&result, "root", folder.place.root);
    result["removed"] = true;
    print_json(result);
  } else {
    notice(fmt::format("removed the index of {}; the images are as they were", folder.place.root));
  }
  return kDone;
}

int list_indexes(bool json) {
  for (const clip::IndexPlace& place : clip::indexes_in(clip::index_data_folder())) {
    const auto index = clip::Index::open(place);
    const clip::IndexStatus status = clip::status_of(index.get());
    if (json) {
      print_json(status_json(index.get(), status));
    } else {
      fmt::print("{}\t{}\n", printable(place.root), status.images);
    }
  }
  return kDone;
}

std::string summary_of(const clip::RefreshReport& report) {
  std::string text = fmt::format("{} new", report.added);
  const auto add = [&](std::uint64_t count, const char* what) {
    if (count > 0) text += fmt::format(", {} {}", count, what);
  };
  add(report.changed, "changed");
  add(report.renamed, "renamed");
  add(report.copied, "copied");
  add(report.deleted, "deleted");
  add(report.failed, "failed");
  add(report.kept, "kept though out of reach");
  return text;
}

clip::Json report_json(const IndexedFolder& folder, const clip::RefreshReport& report,
                       double seconds) {
  clip::Json json;
  clip::put_name(&json, "root", folder.place.root);
  json["added"] = report.added;
  json["changed"] = report.changed;
  json["renamed"] = report.renamed;
  json["copied"] = report.copied;
  json["deleted"] = report.deleted;
  json["failed"] = report.failed;
  json["kept"] = report.kept;
  json["embedded"] = report.embedded;
  json["seconds"] = seconds;
  json["complete"] = report.complete;
  return json;
}

int build(const IndexedFolder& folder, const IndexOptions& options) {
  const auto model = open_index_model(options.run.model, folder, options.run.run.quiet);
  const auto index = clip::Index::open_for_writing(folder.place, &interrupts(), [] {
    notice("another process is bringing this index up to date; waiting for it");
  });
  clip::RefreshOptions refresh;
  refresh.prune = options.prune;
  refresh.archives = options.archives;
  if (options.excludes_named) {
    refresh.exclude.emplace();
    for (const std::string& pattern : options.exclude) {
      if (!pattern.empty()) refresh.exclude->push_back(pattern);
    }
  }
  const Refreshed refreshed =
      refresh_folder(index.get(), folder, model, options.run, refresh, Failures::kEach);
  const clip::RefreshReport& report = refreshed.report;
  if (options.json) {
    print_json(report_json(folder, report, refreshed.seconds));
  } else if (!options.run.run.quiet) {
    const std::string where =
        folder.sub.empty() ? folder.place.root : clip::joined_path(folder.place.root, folder.sub);
    notice(fmt::format("{}{}: {}, in {}", report.complete ? "" : "interrupted: ", where,
                       summary_of(report), duration(refreshed.seconds)));
  }
  return report.failed == 0 ? kDone : kFailed;
}

clip::Json import_json(const IndexedFolder& folder, const Imported& imported) {
  clip::Json json;
  clip::put_name(&json, "root", folder.place.root);
  json["vectors"] = imported.rows;
  json["added"] = imported.report.added;
  json["known"] = imported.report.known;
  json["missing"] = imported.report.missing;
  json["newer"] = imported.report.newer;
  json["failed"] = imported.failed;
  json["complete"] = imported.complete;
  return json;
}

int import(const IndexedFolder& folder, const IndexOptions& options) {
  const auto model = open_index_model(options.run.model, folder, options.run.run.quiet);
  const auto index = clip::Index::open_for_writing(folder.place, &interrupts(), [] {
    notice("another process is bringing this index up to date; waiting for it");
  });
  const Imported imported = import_vectors(
      options.import, folder, *model, !options.run.model.named.empty(), index.get(), interrupts());
  if (options.json) {
    print_json(import_json(folder, imported));
  } else if (!options.run.run.quiet) {
    const clip::ImportReport& report = imported.report;
    std::string text = fmt::format("{}{}: {} vectors: {} new",
                                   imported.complete ? "" : "interrupted: ", folder.place.root,
                                   imported.rows, report.added);
    const auto add = [&](std::uint64_t count, const char* what) {
      if (count > 0) text += fmt::format(", {} {}", count, what);
    };
    add(report.known, "known before");
    add(report.missing, "of images that are not there");
    add(report.newer, "of images that were changed later, which the next refresh reads");
    add(imported.failed, "failed");
    notice(text);
  }
  return imported.failed == 0 ? kDone : kFailed;
}

int run_index(const IndexOptions& options) {
  if (options.import.named() && options.folders.size() > 1) {
    throw UsageError("--import is for one folder");
  }
  if (!options.import.named() && !options.import.names.empty()) {
    throw UsageError("--names says what the vectors of --import are of; name them, too");
  }
  const int modes =
      options.import.named() + options.status + options.verify + options.remove + options.list;
  if (modes > 1 || (modes == 1 && options.prune)) {
    throw UsageError(
        "--status, --verify, --remove, --list, --import and --prune exclude each other");
  }
  if (modes == 1 &&
      ((options.here && !options.import.named()) || options.excludes_named || options.archives)) {
    throw UsageError("--here, --exclude and --archives are for building an index");
  }
  if (options.list) return list_indexes(options.json);
  std::vector<std::string> folders = options.folders;
  if (folders.empty()) folders.emplace_back(".");
  catch_interrupts();
  int code = kDone;
  for (const std::string& named : folders) {
    if (interrupts().cancelled()) break;
    try {
      int outcome = kDone;
      if (options.status) {
        outcome = show_status(there(named), options.json);
      } else if (options.verify) {
        outcome = verify_index(there(named), options.json);
      } else if (options.remove) {
        outcome = remove_indexes(there(named), options.json);
      } else if (options.import.named()) {
        outcome = import(indexed_folder(named, options.here), options);
      } else {
        outcome = build(indexed_folder(named, options.here), options);
      }
      if (outcome != kDone) code = outcome;
    } catch (const clip::Error& error) {
      error_notice(message_of(error));
      code = kFailed;
    }
  }
  return code;
}

}  // namespace

void setup_index(CLI::App* index, Command* command) {
  auto options = std::make_shared<IndexOptions>();
  index->add_option("FOLDER", options->folders, "Folders to index [the current folder]")
      ->type_name("");
  index->add_flag("--here", options->here,
                  "Keep the index in FOLDER/.clip-cli, so that it moves with the folder");
  index
      ->add_option_function<std::vector<std::string>>(
          "--exclude",
          [options](const std::vector<std::string>& patterns) {
            options->exclude = patterns;
            options->excludes_named = true;
          },
          "Leave out files and folders that match a pattern, as in .gitignore\n"
          "Kept with the index: later runs leave out the same. An empty pattern ends that.")
      ->type_name("GLOB")
      ->allow_extra_args(false)
      ->take_all();
  index->add_flag_function(
      "--archives,!--no-archives", [options](std::int64_t count) { options->archives = count > 0; },
      "Index the images in tar archives, too, from now on, or no longer\n"
      "Kept with the index: later runs do the same.");
  index->add_flag("--status", options->status, "Print what the index has, and which images failed");
  index->add_flag("--verify", options->verify, "Check that no part of the index is damaged");
  index->add_flag("--prune", options->prune,
                  "Refresh, and forget images that cannot be reached now\n"
                  "Otherwise those of a disk that is not mounted, say, are kept.");
  index->add_flag("--remove", options->remove, "Remove the index; images are not touched");
  index->add_flag("--list", options->list, "Print all indexes, except those made with --here");
  index
      ->add_option("--import", options->import.vectors,
                   "Take embeddings that `embed` has written, instead of reading images\n"
                   "NAME.jsonl beside NAME.npy says what they are of, or --names.")
      ->type_name("NAME.npy");
  index
      ->add_option("--names", options->import.names,
                   "The images of --import: .jsonl as of `embed`, else a path per line\n"
                   "Name the model that made the embeddings with --model.")
      ->type_name("FILE");
  index->add_flag("--json", options->json, "Print one JSON object per folder");
  refuse_shard_option(
      index,
      "an index is written by one process at a time; index its subfolders apart, or "
      "embed with --shard, and --import what is merged");
  add_index_run_options(index, &options->run, /*update=*/false);
  index->footer(
      "Examples:\n"
      "  clip-cli index photos\n"
      "  clip-cli index photos --exclude \"*.gif\" --exclude drafts/\n"
      "  clip-cli index photos --import photos.npy\n"
      "  clip-cli index shards --archives\n"
      "  clip-cli index --status photos");
  index->callback([=] { *command = [=] { return run_index(*options); }; });
}

}  // namespace clip_cli
