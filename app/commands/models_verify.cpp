#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "base/sha256.h"
#include "base/strings.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/zip_archive.h"
#include "clip/error.h"
#include "commands/models.h"
#include "exit_code.h"
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

int run_verify(const VerifyOptions& options) {
  const std::string path = model_path(options.model);
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
      "Check that a file is not damaged, and, under a published model's name, that it is that one");
  auto options = std::make_shared<VerifyOptions>();
  verify->add_option("MODEL", options->model, "A name, or a path")->type_name("")->required();
  verify->add_flag("--json", options->json, "Print one JSON object");
  verify->footer("Example:\n  clip-cli models verify ViT-B/32");
  verify->callback([=] { *command = [=] { return run_verify(*options); }; });
}

}  // namespace clip_cli
