#include "run/label_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/ready_file.h"
#include "base/sha256.h"
#include "base/strings.h"
#include "clip/engine.h"
#include "clip/error.h"
#include "options/cache_folder.h"

namespace clip_cli {
namespace {

constexpr const char* kEnding = ".labels";

void add(const std::string& text, clip::Sha256* digest) {
  digest->add(text.data(), text.size());
}

// Texts with their lengths, so that no two lists of texts look alike.
void add(const std::vector<std::string>& texts, clip::Sha256* digest) {
  add(fmt::format("{}:", texts.size()), digest);
  for (const std::string& text : texts) add(fmt::format("{}:{}", text.size(), text), digest);
}

std::string digest_of(const std::vector<clip::Label>& labels,
                      const std::vector<std::string>& templates, bool truncate) {
  clip::Sha256 digest;
  add(truncate ? "cut\n" : "whole\n", &digest);
  add(templates, &digest);
  for (const clip::Label& label : labels) {
    // A label with prompts of its own has no other.
    add(label.prompts.empty() ? std::vector<std::string>{label.name} : label.prompts, &digest);
    add(label.prompts.empty() ? "name\n" : "prompts\n", &digest);
  }
  return digest.finish();
}

std::size_t prompts_of(const std::vector<clip::Label>& labels,
                       const std::vector<std::string>& templates) {
  std::size_t count = 0;
  for (const clip::Label& label : labels) {
    count += label.prompts.empty() ? templates.size() : label.prompts.size();
  }
  return count;
}

// Makes room: of all files, those that were not used for longest go, until `max` bytes are left.
void trim(const std::string& folder, std::uint64_t max) {
  struct File {
    std::filesystem::file_time_type used;
    std::uint64_t bytes;
    std::filesystem::path path;
  };
  std::vector<File> files;
  std::uint64_t total = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error)) {
    std::error_code gone;
    File file = {each->last_write_time(gone), each->file_size(gone), each->path()};
    if (gone) continue;
    total += file.bytes;
    files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(),
            [](const File& a, const File& b) { return a.used < b.used; });
  for (const File& file : files) {
    if (total <= max) return;
    if (std::filesystem::remove(file.path, error)) total -= file.bytes;
  }
}

}  // namespace

StoredLabels::StoredLabels(const clip::Model& model, const std::vector<clip::Label>& labels,
                           const std::vector<std::string>& templates,
                           const clip::TextOptions& options)
    : count_(static_cast<std::int64_t>(labels.size())), dim_(model.config().embedding_dim) {
  const std::string folder = cache_folder();
  if (folder.empty() || prompts_of(labels, templates) < kMinStoredPrompts) return;
  key_ = fmt::format("labels 1\nmodel {}\nengine {}\nprecision {}\ndevice {}\nprompts {}\n",
                     model.identity(), clip::resolve_engine(model, options.encoder).name,
                     name_of(clip::resolve_precision(model, options.encoder)),
                     options.encoder.device, digest_of(labels, templates, options.truncate));
  note_ = model.path();
  path_ = fmt::format("{}/labels/{}{}", folder, clip::sha256(key_).substr(0, 32), kEnding);
}

std::optional<clip::Embeddings> StoredLabels::find() const {
  if (path_.empty()) return std::nullopt;
  const auto file = clip::ReadyFile::open(path_, key_);
  const auto size = static_cast<std::size_t>(count_ * dim_);
  if (file == nullptr || file->pieces().size() != 1 ||
      file->pieces()[0].size != size * sizeof(float)) {
    return std::nullopt;
  }
  clip::Embeddings embeddings;
  embeddings.count = count_;
  embeddings.dim = dim_;
  embeddings.values.resize(size);
  std::memcpy(embeddings.values.data(), file->data(0), size * sizeof(float));
  if (clip::fnv_hash(embeddings.values.data(), size * sizeof(float)) != file->pieces()[0].kind) {
    return std::nullopt;  // damaged
  }
  ::utimensat(AT_FDCWD, path_.c_str(), nullptr, 0);  // it was used now
  return embeddings;
}

void StoredLabels::keep(const clip::Embeddings& embeddings) const {
  if (path_.empty()) return;
  const std::size_t size = embeddings.values.size() * sizeof(float);
  try {
    clip::ReadyFile::write(path_, key_, note_,
                           {{clip::fnv_hash(embeddings.values.data(), size),
                             reinterpret_cast<const std::byte*>(embeddings.values.data()), size}});
    trim(std::filesystem::path(path_).parent_path(), kMaxStoredBytes);
  } catch (const clip::Error&) {
    // A full disk, or a folder that cannot be written to.
  }
}

}  // namespace clip_cli
