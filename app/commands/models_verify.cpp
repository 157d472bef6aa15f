#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/mapped_file.h"
#include "base/sha256.h"
#include "base/strings.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/finite.h"
#include "checkpoint/formats.h"
#include "checkpoint/model_files.h"
#include "checkpoint/recorded_digests.h"
#include "checkpoint/zip_archive.h"
#include "clip/error.h"
#include "commands/models.h"
#include "exit_code.h"
#include "hub/hub_cache.h"
#include "options/model_lookup.h"
#include "terminal/hints.h"
#include "terminal/text.h"
#include "writers/output.h"
#include "writers/print_json.h"

namespace clip_cli {
namespace {

constexpr std::size_t kMaxNamed = 10;  // damaged records in a message

struct VerifyOptions {
  std::string model;
  bool json = false;
  bool record = false;
};

// Compares every record with the checksum that the file has of it. Throws clip::Error for a file
// that is no model, or is damaged where no checksum says it.
clip::Checkpoint::Verified verify_records(const clip::MappedFile& file) {
  try {
    return clip::open_checkpoint(file.path())->verify();
  } catch (const clip::Error& error) {
    // A file with a damaged index cannot be opened as a model, nor can an archive of another kind.
    if (!clip::ZipArchive::matches(file.bytes())) throw;
    const clip::ZipArchive archive(file);
    clip::Checkpoint::Verified verified;
    for (const auto& [name, record] : archive.records()) {
      verified.parts.push_back(name);
      if (!clip::ZipArchive::is_whole(record)) verified.damaged.push_back(name);
    }
    if (verified.damaged.empty() && error.code() == clip::ErrorCode::kCorrupt) throw;
    return verified;
  }
}

// The published model that the file goes by, whether it is that or not; null where it is by none.
const clip::PublishedModel* published_name_of(const std::string& named, const std::string& path) {
  for (const clip::PublishedModel& each : clip::published_models()) {
    if (clip::base_name(path) == each.file) return &each;
  }
  return clip::find_by_name(named);
}

std::string first_names(const std::vector<std::string>& names) {
  const std::size_t count = std::min(names.size(), kMaxNamed);
  std::string text = fmt::format("{}", fmt::join(names.begin(), names.begin() + count, ", "));
  if (count < names.size()) text += fmt::format(" and {} more", names.size() - count);
  return text;
}

// What is found out of one file.
struct Checked {
  std::string path;
  std::string digest;                   // SHA-256, or what the hub's cache names its contents by
  std::vector<std::string> checked_by;  // what said how it must be, and was right
  std::vector<std::string> damaged;     // records in it
  std::size_t records = 0;              // that have a checksum in it
  bool recorded = false;                // a digest beside it, or the hub's, covers all of it
  const clip::PublishedModel* published = nullptr;
  std::optional<clip::Error> error;  // the first

  bool whole() const { return !error && damaged.empty(); }
  bool right() const { return whole() && !checked_by.empty(); }
  void fail(const clip::Error& failure) {
    if (!error) error = failure;
  }
};

// Compares the file with every digest that is known of it.
void compare_digests(std::string_view bytes, Checked* checked) {
  const std::string& path = checked->path;
  for (const std::string& hub : {clip::blob_name(path), clip::local_dir_digest(path)}) {
    if (hub.empty()) continue;
    checked->digest = hub;
    try {
      clip::verify_blob(path, hub);
      checked->checked_by.emplace_back("hub");
      checked->recorded = true;
    } catch (const clip::Error& error) {
      checked->fail(error);
    }
  }
  const std::string sha256 = clip::sha256(bytes);
  if (checked->digest.empty()) checked->digest = sha256;
  checked->published = clip::find_by_sha256(sha256);
  if (checked->published != nullptr) checked->checked_by.emplace_back("published");
  try {
    bool all_right = true;
    const std::vector<clip::RecordedDigest> digests = clip::recorded_digests(path);
    for (const clip::RecordedDigest& recorded : digests) {
      if (recorded.sha256 == sha256) continue;
      all_right = false;
      checked->fail(clip::Error(
          clip::ErrorCode::kCorrupt,
          fmt::format("{} is damaged, or is not the file that {} was written for: its SHA-256 is "
                      "{}, expected {}",
                      path, recorded.list, sha256, recorded.sha256)));
    }
    if (all_right && !digests.empty()) {
      checked->checked_by.emplace_back("record");
      checked->recorded = true;
    }
  } catch (const clip::Error& error) {
    checked->fail(error);
  }
}

// NaN and infinity are wrong whatever digests say.
void check_numbers(const clip::Checkpoint& checkpoint) {
  const std::vector<clip::NotFinite> found = clip::tensors_not_finite(checkpoint);
  if (found.empty()) return;
  std::vector<std::string> names;
  for (const clip::NotFinite& each : found) {
    names.push_back(fmt::format("{} ({})", each.tensor, each.nan ? "NaN" : "infinity"));
  }
  throw clip::Error(
      clip::ErrorCode::kCorrupt,
      fmt::format("{}: weights hold NaN or infinity, expected finite numbers: {}; the file is "
                  "damaged or the training that made it had failed",
                  checkpoint.path(), first_names(names)));
}

// What is no checkpoint is right where a digest says so, unless it `must_open`.
void check_weights(const clip::MappedFile& file, bool must_open, Checked* checked) {
  try {
    clip::Checkpoint::Verified records = verify_records(file);
    checked->records = records.parts.size();
    checked->damaged = std::move(records.damaged);
    if (checked->records > 0 && checked->damaged.empty()) {
      checked->checked_by.emplace_back("checksums");
    }
    if (!checked->damaged.empty()) return;
    check_numbers(*clip::open_checkpoint_file(file.path()));
  } catch (const clip::Error& error) {
    const bool other_kind = error.code() == clip::ErrorCode::kUnsupported;
    if (!other_kind || (must_open && checked->records == 0)) checked->fail(error);
  }
}

Checked check_file(const std::string& path, bool must_open) {
  Checked checked;
  checked.path = path;
  try {
    const clip::MappedFile file(path);
    compare_digests(file.bytes(), &checked);
    if (clip::has_model_extension(path) || must_open) check_weights(file, must_open, &checked);
  } catch (const clip::Error& error) {
    checked.fail(error);
  }
  return checked;
}

std::string damage_of(const Checked& checked) {
  return fmt::format("{} is damaged: {} of {} records are not what their checksums say: {}",
                     checked.path, checked.damaged.size(), checked.records,
                     first_names(checked.damaged));
}

// Of a file that nothing is known to be wrong with.
clip::Error nothing_says(const Checked& checked) {
  return clip::Error(
      clip::ErrorCode::kUnsupported,
      fmt::format("nothing says what {} must hold: it has no checksums, and no digest of it is "
                  "beside it. Its SHA-256 is {}; compare that with its publisher's, and let "
                  "`clip-cli models verify --record {}` write it down",
                  checked.path, checked.digest, checked.path));
}

void replace_file(const std::string& path, const std::string& text) {
  Output output = Output::replacing(path);
  output.write(text);
  output.commit();
  notice(fmt::format("{} has the SHA-256 now", path));
}

// What --record is to cover besides what has been checked: nothing may be known to be wrong.
void record_file(Checked* checked) {
  if (!checked->whole() || checked->recorded) return;
  replace_file(checked->path + ".sha256",
               clip::digest_line(checked->digest, clip::base_name(checked->path)));
  checked->checked_by.emplace_back("record");
}

void record_folder(const std::string& folder, std::vector<Checked>* files) {
  std::string lines;
  for (Checked& file : *files) {
    if (!file.whole()) return;
    if (file.recorded) continue;
    lines += clip::digest_line(file.digest, clip::base_name(file.path));
    file.checked_by.emplace_back("record");
  }
  if (lines.empty()) return;
  const std::string list = clip::joined_path(folder, clip::kDigestList);
  std::string before = clip::exists(list) ? clip::read_file(list) : "";
  if (!before.empty() && before.back() != '\n') before += '\n';
  replace_file(list, before + lines);
}

// Weights and JSON of a folder, and what lists of digests in it name.
std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names = clip::recorded_names(folder);
  for (const std::filesystem::directory_entry& entry :
       std::filesystem::directory_iterator(folder)) {
    std::string name = entry.path().filename().string();
    if (clip::has_model_extension(name) || clip::extension_of(name) == "json") {
      names.push_back(std::move(name));
    }
  }
  if (names.empty()) {
    throw clip::Error(clip::ErrorCode::kNotFound,
                      fmt::format("{} holds neither weights nor JSON", folder));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

int verify_files(const VerifyOptions& options, const std::string& folder,
                 const std::vector<std::string>& names) {
  std::vector<Checked> checked;
  for (const std::string& name : names) {
    checked.push_back(check_file(clip::joined_path(folder, name), /*must_open=*/false));
  }
  if (options.record) record_folder(folder, &checked);
  clip::Json files = clip::Json::array();
  bool right = true;
  for (Checked& file : checked) {
    if (file.whole() && !file.right()) file.fail(nothing_says(file));
    clip::Json json;
    clip::put_name(&json, "file", file.path);
    if (!file.digest.empty()) json["digest"] = file.digest;
    json["checked_by"] = file.checked_by;
    if (!file.damaged.empty()) {
      file.fail(clip::Error(clip::ErrorCode::kCorrupt, damage_of(file)));
    }
    if (file.error) {
      json["error"] = error_json(*file.error);
      notice(message_of(*file.error));
    }
    json["right"] = file.right();
    right = right && file.right();
    if (!options.json && file.right()) fmt::print("{} is right\n", printable(file.path));
    files.push_back(std::move(json));
  }
  if (options.json) {
    clip::Json json;
    clip::put_name(&json, "folder", folder);
    json["right"] = right;
    json["files"] = files;
    print_json(json);
  }
  return right ? kDone : kFailed;
}

// The index, the files of weights that it names, and the JSON beside them.
int verify_shards(const VerifyOptions& options, const std::string& index) {
  const std::string name(clip::base_name(index));
  const std::string folder =
      index.size() == name.size() ? "." : index.substr(0, index.size() - name.size() - 1);
  std::vector<std::string> names = {name};
  for (const auto& [shard, tensors] : clip::shards_of(clip::read_file(index), index)) {
    names.push_back(shard);
  }
  for (const std::string& document : clip::config_files()) {
    if (clip::exists(clip::joined_path(folder, document))) names.push_back(document);
  }
  return verify_files(options, folder, names);
}

int run_verify(const VerifyOptions& options) {
  const std::string path = model_path(options.model);
  if (clip::is_folder(path)) return verify_files(options, path, names_in(path));
  if (clip::ends_with(path, ".index.json")) return verify_shards(options, path);
  Checked checked = check_file(path, /*must_open=*/true);
  if (checked.digest.empty()) throw clip::Error(*checked.error);  // it cannot be read
  const clip::PublishedModel* named = published_name_of(options.model, path);
  const bool is_named = named == nullptr || named == checked.published;
  if (options.record && is_named) record_file(&checked);
  if (checked.whole() && is_named && !checked.right()) checked.fail(nothing_says(checked));
  const bool right = checked.right() && is_named;

  if (options.json) {
    clip::Json json;
    clip::put_name(&json, "file", path);
    json["sha256"] = checked.digest;
    json["published"] =
        checked.published != nullptr ? clip::Json(checked.published->name) : clip::Json(nullptr);
    json["right"] = right;
    json["checked_by"] = checked.checked_by;
    json["records"] = checked.records;
    json["damaged"] = checked.damaged;
    if (checked.error) json["error"] = error_json(*checked.error);
    print_json(json);
  } else if (right && checked.published != nullptr) {
    fmt::print("{} is {}, as published\n", printable(path), checked.published->name);
  } else if (right && checked.checked_by.back() == "checksums") {
    fmt::print(
        "every record of {} is whole; it is none of the published files: its SHA-256 is {}\n",
        printable(path), checked.digest);
  } else if (right) {
    fmt::print("{} has the digest that was written down: {}\n", printable(path), checked.digest);
  }
  if (checked.error) notice(message_of(*checked.error));
  if (!checked.damaged.empty()) notice(damage_of(checked));
  if (!is_named) {
    notice(checked.published != nullptr
               ? fmt::format("{} is {}, not {}", path, checked.published->name, named->name)
               : fmt::format("{} is not {} as published: its SHA-256 is {}, expected {}", path,
                             named->name, checked.digest, named->sha256));
  }
  return right ? kDone : kFailed;
}

}  // namespace

void setup_models_verify(CLI::App* models, Command* command) {
  CLI::App* verify = models->add_subcommand(
      "verify", "Check by digests that no bit of a model's files has changed");
  auto options = std::make_shared<VerifyOptions>();
  verify->add_option("MODEL", options->model, "A model's name or path")->type_name("")->required();
  verify->add_flag("--record", options->record,
                   "Write the SHA-256 beside the file, for later runs and sha256sum\n"
                   "To FILE.sha256, in a folder to SHA256SUMS; unless something is damaged.");
  verify->add_flag("--json", options->json, "Print one JSON object");
  verify->footer(
      "Compared are the digests of published files, those of the hub's cache, FILE.sha256 and\n"
      "SHA256SUMS beside the file, and the checksums in archives of PyTorch. safetensors files "
      "have\n"
      "no checksums: where nothing says what a file must hold, the exit code is 1.\n\n"
      "Examples:\n"
      "  clip-cli models verify ViT-B/32\n"
      "  clip-cli models verify ViT-B-32/laion2b_s34b_b79k\n"
      "  clip-cli models verify --record demo.pt");
  verify->callback([=] { *command = [=] { return run_verify(*options); }; });
}

}  // namespace clip_cli
