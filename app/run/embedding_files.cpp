#include "run/embedding_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>
#include <vector>

#include "base/file.h"
#include "clip/error.h"
#include "embedding/faiss_index.h"
#include "embedding/npy.h"
#include "input/line_reader.h"
#include "service/json.h"

namespace clip_cli {
namespace {

// What a name leads to, so that a link is not replaced by a file.
std::string followed(const std::string& path) {
  const std::string real = clip::real_path(path);
  return real.empty() ? path : real;
}

void check_target(const std::string& path) {
  if (!clip::exists(path)) return;
  if (!clip::is_regular_file(path)) {
    throw clip::Error(clip::ErrorCode::kInvalidArgument,
                      fmt::format("cannot write {}: it is not a regular file", path));
  }
  // Renaming would get around a file that is write-protected.
  if (::access(path.c_str(), W_OK) != 0) throw clip::file_error("write", path, errno);
}

void rename_file(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) throw clip::file_error("write", to, errno);
}

// Whether another process has the file.
bool is_locked(const std::string& path) {
  const clip::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  return file.valid() && ::flock(file.get(), LOCK_SH | LOCK_NB) != 0;
}

clip::NpyType npy_type(VectorsFormat format) {
  return format == VectorsFormat::kNpyFloat16 ? clip::NpyType::kFloat16 : clip::NpyType::kFloat32;
}

std::int64_t header_bytes(VectorsFormat format) {
  return format == VectorsFormat::kFaiss ? clip::FaissWriter::kHeaderBytes
                                         : clip::NpyWriter::kHeaderBytes;
}

std::unique_ptr<clip::RowsWriter> create_rows(VectorsFormat format, const std::string& path,
                                              std::int64_t dim) {
  if (format == VectorsFormat::kFaiss) {
    return std::make_unique<clip::FaissWriter>(clip::FaissWriter::create(path, dim));
  }
  return std::make_unique<clip::NpyWriter>(clip::NpyWriter::create(path, npy_type(format), dim));
}

std::unique_ptr<clip::RowsWriter> open_rows(VectorsFormat format, const std::string& path,
                                            std::int64_t dim, std::int64_t rows) {
  if (format == VectorsFormat::kFaiss) {
    return std::make_unique<clip::FaissWriter>(clip::FaissWriter::open(path, dim, rows));
  }
  return std::make_unique<clip::NpyWriter>(
      clip::NpyWriter::open(path, npy_type(format), dim, rows));
}

// The dimension that the header of an earlier run's file says.
std::int64_t found_dim(VectorsFormat format, const std::string& header, const std::string& path) {
  try {
    if (format == VectorsFormat::kFaiss) return clip::parse_faiss_header(header).dim;
    const clip::NpyHeader found = clip::parse_npy_header(header);
    if (found.type == npy_type(format)) return found.dim;
  } catch (const clip::Error& error) {
    throw error.within("cannot resume " + path);
  }
  throw clip::Error(clip::ErrorCode::kInvalidArgument,
                    fmt::format("cannot resume {}: its numbers are of another type; add --f16, or "
                                "leave it out, as in the run before",
                                path));
}

// Whether there is a file of that name that no run of `embed` has written, by its first line.
bool holds_other_lines(const std::string& path) {
  if (!clip::is_regular_file(path)) return false;
  LineReader reader(path);
  std::string line;
  bool too_long = false;
  if (!reader.next(&line, 1 << 20, &too_long)) return false;
  try {
    const clip::Json first = clip::parse_json(line);
    return !first.is_object() || !first.contains("model") ||
           !(first.contains("image") || first.contains("text")) || first.contains("label") ||
           first.contains("scores");
  } catch (const clip::Error&) {
    return true;
  }
}

}  // namespace

std::string lines_beside(const std::string& rows) {
  return rows.substr(0, rows.rfind('.')) + ".jsonl";
}

EmbeddingFiles::EmbeddingFiles(const std::string& path, VectorsFormat format, const RunFacts& facts,
                               EarlierKind kind, bool resume)
    : rows_path_(followed(path)),
      lines_path_(followed(lines_beside(path))),
      rows_part_(rows_path_ + ".part"),
      lines_part_(lines_path_ + ".part"),
      format_(format) {
  check_target(rows_path_);
  check_target(lines_path_);
  const bool has_rows_part = clip::exists(rows_part_), has_lines_part = clip::exists(lines_part_);
  if (!resume && (has_rows_part || has_lines_part)) {
    if (is_locked(lines_part_)) {
      throw clip::Error(clip::ErrorCode::kIo,
                        fmt::format("another run is writing {}; wait for it", lines_part_),
                        clip::Hint::kNameOutput);
    }
    throw clip::Error(clip::ErrorCode::kInvalidArgument,
                      fmt::format("an earlier run left {} and {}: go on with them by --resume, or "
                                  "delete them",
                                  rows_part_, lines_part_));
  }

  if (!resume && holds_other_lines(lines_path_)) {
    throw clip::Error(
        clip::ErrorCode::kInvalidArgument,
        fmt::format("{} would be replaced, and is not of an earlier run of this kind; "
                    "name another output, or put it elsewhere",
                    lines_path_));
  }

  // Where the earlier run's files are. A crash between the two renamings leaves one of each name.
  std::string rows = rows_part_, lines = lines_part_;
  if (resume && !has_lines_part && clip::exists(lines_path_)) {
    if (has_rows_part) {
      lines = lines_path_;
    } else if (clip::exists(rows_path_)) {
      lines = lines_path_;
      rows = rows_path_;
    }
  }
  if (resume) find_rows(rows);
  kind.keeps = [this](std::uint64_t place, bool failed) { return has_row(place, failed); };
  earlier_.emplace(lines, facts, kind);
  found_.reset();
  count_ = earlier_->count();
  // Complete files that are gone on with are complete no longer. The rows go first: the lines are
  // found under either name.
  if (rows != rows_part_) rename_file(rows, rows_part_);
  if (lines != lines_part_) rename_file(lines, lines_part_);
  lines_.emplace(Output::appending(earlier_->take_descriptor(), lines_part_));
  if (count_ > 0) {
    rows_ = open_rows(format, rows_part_, dim_, static_cast<std::int64_t>(count_));
  } else {
    dim_ = 0;
  }
}

EmbeddingFiles::~EmbeddingFiles() {
  if (finished_ || count_ > 0) return;
  ::unlink(rows_part_.c_str());
  ::unlink(lines_part_.c_str());
}

// What there is of rows; anything else than a header and rows counts as none, and is written again.
void EmbeddingFiles::find_rows(const std::string& rows) {
  if (!clip::exists(rows)) return;
  found_ = clip::Descriptor(::open(rows.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info = {};
  if (!found_.valid() || ::fstat(found_.get(), &info) != 0) {
    throw clip::file_error("read", rows, errno);
  }
  std::string header(static_cast<std::size_t>(header_bytes(format_)), '\0');
  const ssize_t size = ::pread(found_.get(), header.data(), header.size(), 0);
  if (size < static_cast<ssize_t>(header.size())) return;  // a crash left no more than that
  dim_ = found_dim(format_, header, rows);
  const auto bytes = static_cast<std::uint64_t>(info.st_size);
  found_rows_ = format_ == VectorsFormat::kFaiss
                    ? clip::FaissWriter::rows_in(bytes, dim_)
                    : clip::NpyWriter::rows_in(bytes, npy_type(format_), dim_);
}

// A row that is all zeros and no error was not yet on the disk when the power went.
bool EmbeddingFiles::has_row(std::uint64_t place, bool failed) {
  if (static_cast<std::int64_t>(place) >= found_rows_) return false;
  if (failed) return true;
  const std::size_t size =
      static_cast<std::size_t>(dim_) * (format_ == VectorsFormat::kNpyFloat16 ? 2 : 4);
  std::vector<char> row(size);
  const auto offset =
      static_cast<off_t>(static_cast<std::uint64_t>(header_bytes(format_)) + place * size);
  if (::pread(found_.get(), row.data(), size, offset) != static_cast<ssize_t>(size)) return false;
  return std::any_of(row.begin(), row.end(), [](char byte) { return byte != 0; });
}

void EmbeddingFiles::begin(std::int64_t dim) {
  if (rows_) return;
  dim_ = dim;
  rows_ = create_rows(format_, rows_part_, dim);
}

void EmbeddingFiles::write(const clip::EmbedResult& result) {
  std::vector<float> row = result.embedding;
  if (row.empty()) row.resize(static_cast<std::size_t>(dim_));
  if (static_cast<std::int64_t>(row.size()) != dim_) {
    throw clip::Error(
        clip::ErrorCode::kInternal,
        fmt::format("the model gave an embedding of {} numbers after one of {}", row.size(), dim_));
  }
  rows_->write(row.data(), 1);
  clip::EmbedResult line = result;
  line.embedding.clear();
  lines_->write(clip::json_line(to_json(line)));
  ++count_;
}

void EmbeddingFiles::flush() {
  lines_->flush();
}

void EmbeddingFiles::finish() {
  lines_->commit();
  rows_->finish();
  rename_file(lines_part_, lines_path_);
  rename_file(rows_part_, rows_path_);
  finished_ = true;
}

}  // namespace clip_cli
