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
#include "checkpoint/model_files.h"
#include "checkpoint/zip_archive.h"
#include "clip/error.h"
#include "commands/models.h"
#include "exit_code.h"
#include "hub/hub_cache.h"
#include "options/model_lookup.h"
#include "terminal/hints.h"
#include "terminal/text.h"
#include "writers/print_json.h"

namespace clip_cli {
namespace {

constexpr std::size_t kMaxNamed = 10;  // damaged records in a message

struct VerifyOptions {
  std::string model;
  bool json = false;
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

// A folder's weights and JSON, compared with the names of their blobs, which are digests of what
// they must hold.
int verify_folder(const VerifyOptions& options, const std::string& folder) {
  clip::Json files = clip::Json::array();
  std::vector<std::string> names;
  bool right = true;
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
  for (const std::string& name : names) {
    const std::string path = clip::joined_path(folder, name);
    clip::Json json;
    clip::put_name(&json, "file", path);
    bool file_right = false;
    try {
      const std::string digest = clip::blob_name(path);
      if (digest.empty()) {
        throw clip::Error(clip::ErrorCode::kUnsupported,
                          fmt::format("{} is no link into the blobs of a hub's cache, so nothing "
                                      "says what it must hold",
                                      path));
      }
      json["digest"] = digest;
      clip::verify_blob(path, digest);
      file_right = true;
    } catch (const clip::Error& error) {
      json["error"] = error_json(error);
      notice(message_of(error));
    }
    json["right"] = file_right;
    right = right && file_right;
    if (!options.json && file_right) fmt::print("{} has its digest\n", printable(path));
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

int run_verify(const VerifyOptions& options) {
  const std::string path = model_path(options.model);
  if (clip::is_folder(path)) return verify_folder(options, path);
  const clip::MappedFile file(path);
  const std::string sha256 = clip::sha256(file.bytes());
  const clip::PublishedModel* published = clip::find_by_sha256(sha256);
  const clip::PublishedModel* named = published_name_of(options.model, path);
  clip::Checkpoint::Verified records;
  std::optional<clip::Error> error;
  try {
    records = verify_records(file);
  } catch (const clip::Error& caught) {
    error = caught;
  }
  const bool whole = !error && records.damaged.empty();
  const bool right = whole && (named == nullptr || named == published);

  if (options.json) {
    clip::Json json;
    clip::put_name(&json, "file", path);
    json["sha256"] = sha256;
    json["published"] = published != nullptr ? clip::Json(published->name) : clip::Json(nullptr);
    json["right"] = right;
    json["records"] = records.parts.size();
    json["damaged"] = records.damaged;
    if (error) json["error"] = error_json(*error);
    print_json(json);
  } else if (right && published != nullptr) {
    fmt::print("{} is {}, as published\n", printable(path), published->name);
  } else if (right) {
    fmt::print(
        "every record of {} is whole; it is none of the published files: its SHA-256 is {}\n",
        printable(path), sha256);
  }
  if (error) notice(message_of(*error));
  if (!records.damaged.empty()) {
    notice(fmt::format("{} is damaged: {} of {} records are not what their checksums say: {}", path,
                       records.damaged.size(), records.parts.size(), first_names(records.damaged)));
  }
  if (named != nullptr && named != published) {
    notice(published != nullptr
               ? fmt::format("{} is {}, not {}", path, published->name, named->name)
               : fmt::format("{} is not {} as published: its SHA-256 is {}, expected {}", path,
                             named->name, sha256, named->sha256));
  }
  return right ? kDone : kFailed;
}

}  // namespace

void setup_models_verify(CLI::App* models, Command* command) {
  CLI::App* verify = models->add_subcommand(
      "verify",
      "Check that a file is not damaged, and, under a published model's name, that it is that one; "
      "in the hub's cache, that each file has its digest");
  auto options = std::make_shared<VerifyOptions>();
  verify->add_option("MODEL", options->model, "A name, or a path")->type_name("")->required();
  verify->add_flag("--json", options->json, "Print one JSON object");
  verify->footer(
      "Examples:\n"
      "  clip-cli models verify ViT-B/32\n"
      "  clip-cli models verify ViT-B-32/laion2b_s34b_b79k");
  verify->callback([=] { *command = [=] { return run_verify(*options); }; });
}

}  // namespace clip_cli
