#include "run/laion_layout.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <functional>
#include <memory>
#include <utility>

#include "base/file.h"
#include "base/strings.h"
#include "clip/error.h"
#include "input/line_reader.h"
#include "run/metadata_columns.h"
#include "terminal/text.h"

namespace clip_cli {
namespace {

constexpr std::size_t kMaxLine = 64 << 20;
constexpr std::int64_t kRowsAtOnce = 1024;

std::string kind_of(const LaionOptions& options) {
  return options.texts ? "text_emb" : "img_emb";
}

std::string numbered(std::uint64_t index, std::uint64_t count) {
  return fmt::format("{:0{}}", index, std::to_string(count).size());
}

void make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0777) == 0 || (errno == EEXIST && clip::is_folder(path))) return;
  throw clip::file_error("make the folder", path, errno);
}

void rename_file(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) throw clip::file_error("write", to, errno);
}

// The lines, with whether each has a row that counts.
void for_each_line(const std::string& path,
                   const std::function<void(const clip::Json& line, bool failed)>& take) {
  LineReader reader(path);
  bool too_long = false;
  for (std::string text; reader.next(&text, kMaxLine, &too_long);) {
    if (text.empty()) continue;
    clip::Json line;
    if (!too_long) {
      try {
        line = clip::parse_json(text);
      } catch (const clip::Error&) {
        // Told below: it is no object then.
      }
    }
    if (!line.is_object()) {
      throw clip::Error(clip::ErrorCode::kCorrupt,
                        fmt::format("{}, line {} is no result of embed", path, reader.number()));
    }
    take(line, line.contains("error"));
  }
}

// The first file of such a layout in a folder; empty where there is none.
std::string first_file(const std::string& folder, const std::string& begin) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(folder.c_str()), &::closedir);
  if (entries == nullptr) {
    if (errno == ENOENT) return "";
    throw clip::file_error("read the folder", folder, errno);
  }
  std::string first;
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string name = entry->d_name;
    if (!clip::starts_with(name, begin) || clip::ends_with(name, ".part")) continue;
    if (first.empty() || name < first) first = name;
  }
  return first.empty() ? "" : clip::joined_path(folder, first);
}

// One pair of files, which have other names until commit().
class Pair {
 public:
  Pair(const std::string& folder, const LaionOptions& options, const std::string& number,
       std::int64_t dim, const MetadataColumns& columns,
       const std::vector<std::pair<std::string, std::string>>& facts)
      : rows_path_(fmt::format("{0}/{1}/{1}_{2}.npy", folder, kind_of(options), number)),
        names_path_(fmt::format("{}/metadata/metadata_{}.parquet", folder, number)) {
    try {
      rows_.emplace(clip::NpyWriter::create(rows_path_ + ".part", options.type, dim));
      names_.emplace(names_path_ + ".part", columns.columns(), facts);
    } catch (...) {
      remove_parts();
      throw;
    }
  }
  // What was not committed goes.
  ~Pair() {
    if (!committed_) remove_parts();
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  void write(const float* row, const std::vector<clip::ParquetValue>& name) {
    rows_->write(row, 1);
    names_->write(name);
  }
  // All is on the disk. The files are closed: there may be thousands of pairs.
  void finish() {
    rows_->finish();
    rows_.reset();
    names_->finish();
    names_.reset();
  }
  // The vectors last: where they are, both are.
  void commit() {
    rename_file(names_path_ + ".part", names_path_);
    rename_file(rows_path_ + ".part", rows_path_);
    committed_ = true;
  }

 private:
  void remove_parts() const {
    ::unlink((rows_path_ + ".part").c_str());
    ::unlink((names_path_ + ".part").c_str());
  }

  const std::string rows_path_, names_path_;
  std::optional<clip::NpyWriter> rows_;
  std::optional<clip::ParquetWriter> names_;
  bool committed_ = false;
};

clip::Error do_not_belong(const std::string& rows, const std::string& lines) {
  return clip::Error(clip::ErrorCode::kCorrupt,
                     fmt::format("{} and {} do not belong together: they have rows and lines of "
                                 "different numbers",
                                 rows, lines));
}

}  // namespace

void write_laion_layout(const std::string& rows_path, const std::string& lines_path,
                        const std::string& folder, const LaionOptions& options) {
  MetadataColumns columns;
  std::string model;
  std::int64_t lines = 0;
  std::uint64_t rows = 0;
  for_each_line(lines_path, [&](const clip::Json& line, bool failed) {
    ++lines;
    const auto made_by = line.find("model");
    if (model.empty() && made_by != line.end() && made_by->is_string()) model = *made_by;
    if (failed) return;
    ++rows;
    columns.add(line);
  });
  // As clip-retrieval does. How long vectors are nobody may know.
  if (rows == 0 && !options.part) return;
  if (columns.left_out() > 0) {
    notice(fmt::format("the samples have more than {} keys; the others are left out",
                       MetadataColumns::kMaxColumns));
  }
  if (rows == 0) columns.add({{options.texts ? "text" : "image", nullptr}});
  const clip::NpyReader reader(rows_path);
  if (reader.rows() != lines) throw do_not_belong(rows_path, lines_path);

  make_folder(clip::joined_path(folder, kind_of(options)));
  make_folder(clip::joined_path(folder, "metadata"));
  const std::uint64_t per_file =
      options.part ? std::max<std::uint64_t>(rows, 1) : options.rows_per_file;
  const std::uint64_t files = options.part ? options.part->count : (rows - 1) / per_file + 1;
  const std::uint64_t first = options.part ? options.part->index : 0;
  std::vector<std::unique_ptr<Pair>> pairs;
  const auto begin_pair = [&](std::uint64_t place) {
    if (!pairs.empty()) pairs.back()->finish();
    pairs.push_back(std::make_unique<Pair>(
        folder, options, numbered(first + place, files), reader.dim(), columns,
        std::vector<std::pair<std::string, std::string>>{{"model", model}}));
  };
  std::vector<float> block(static_cast<std::size_t>(kRowsAtOnce * reader.dim()));
  std::int64_t at = 0;
  std::uint64_t written = 0;
  for_each_line(lines_path, [&](const clip::Json& line, bool failed) {
    if (at == reader.rows()) throw do_not_belong(rows_path, lines_path);
    if (at % kRowsAtOnce == 0) {
      reader.read(at, std::min(kRowsAtOnce, reader.rows() - at), block.data());
    }
    const float* row = block.data() + at++ % kRowsAtOnce * reader.dim();
    if (failed) return;
    if (written % per_file == 0) begin_pair(written / per_file);
    pairs.back()->write(row, columns.row(line));
    ++written;
  });
  if (pairs.empty()) begin_pair(0);
  pairs.back()->finish();
  for (const auto& pair : pairs) pair->commit();
}

LaionFolder::LaionFolder(const std::string& folder, const LaionOptions& options, bool resume)
    : folder_(folder), options_(options) {
  make_folder(folder);
  const auto& part = options.part;
  const std::string number = part ? "_" + numbered(part->index, part->count) : "";
  const std::string stem = clip::joined_path(folder, "embeddings" + number);
  rows_path_ = stem + ".npy";
  lines_path_ = stem + ".jsonl";
  // Complete, but for the layout.
  const bool left = clip::exists(rows_path_) || clip::exists(lines_path_);
  if (left && !resume) {
    throw clip::Error(clip::ErrorCode::kInvalidArgument,
                      fmt::format("an earlier run left {} and {}: go on with them by --resume, or "
                                  "delete them",
                                  rows_path_, lines_path_));
  }
  if (left || clip::exists(lines_path_ + ".part")) return;
  for (const std::string& kind : {std::string("metadata"), kind_of(options)}) {
    const std::string there =
        first_file(clip::joined_path(folder, kind), kind + (part ? number + "." : "_"));
    if (there.empty()) continue;
    throw clip::Error(
        clip::ErrorCode::kInvalidArgument,
        fmt::format("{} has embeddings already ({}): name another folder, or delete what is in it",
                    folder, there));
  }
}

std::string LaionFolder::part_path(const std::string& folder, const LaionOptions& options) {
  return fmt::format("{0}/{1}/{1}_{2}.npy", folder, kind_of(options),
                     numbered(options.part->index, options.part->count));
}

void LaionFolder::finish() {
  write_laion_layout(rows_path_, lines_path_, folder_, options_);
  for (const std::string& path : {rows_path_, lines_path_}) {
    if (::unlink(path.c_str()) != 0) throw clip::file_error("remove", path, errno);
  }
}

}  // namespace clip_cli
