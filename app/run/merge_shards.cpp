#include "run/merge_shards.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/strings.h"
#include "clip/error.h"
#include "embedding/npy.h"
#include "input/shard.h"
#include "run/embedding_files.h"
#include "run/resume.h"
#include "run/shard_output.h"
#include "service/json.h"
#include "writers/output.h"

namespace clip_cli {
namespace {

constexpr std::size_t kAllBuffers = 64 << 20;  // bytes, of all shards together
constexpr std::size_t kMinBuffer = 4 << 10, kMaxBuffer = 1 << 20;
constexpr std::size_t kMaxLine = 64 << 20;
constexpr std::size_t kShown = 5;  // names in a message

clip::Error refused(const std::string& why) {
  return clip::Error(clip::ErrorCode::kInvalidArgument, why);
}

clip::Error damaged(const std::string& path, const std::string& why) {
  return clip::Error(clip::ErrorCode::kCorrupt, fmt::format("cannot merge {}: {}", path, why));
}

// A file that is read from its beginning to its end, in large pieces. It is open only while a piece
// is read, so that there may be more shards than descriptors.
class PieceReader {
 public:
  PieceReader(std::string path, std::size_t piece) : path_(std::move(path)), piece_(piece) {
    const clip::Descriptor file = open(&first_);
    if (!S_ISREG(first_.st_mode)) throw damaged(path_, "it is not a regular file");
  }

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return static_cast<std::uint64_t>(first_.st_size); }

  // So many bytes, valid until the next call; fewer at the end of the file.
  std::string_view read(std::size_t count) {
    if (buffer_.size() - at_ < count) fill(count);
    const std::size_t got = std::min(count, buffer_.size() - at_);
    at_ += got;
    return std::string_view(buffer_).substr(at_ - got, got);
  }

  // A line with its end, valid until the next call. Throws for one that has none.
  std::string_view line() {
    std::size_t looked = 0;
    for (;;) {
      const std::size_t end = buffer_.find('\n', at_ + looked);
      if (end != std::string::npos) return read(end + 1 - at_);
      looked = buffer_.size() - at_;
      if (looked > kMaxLine) throw damaged(path_, "a line is too long");
      fill(looked + piece_);
      if (buffer_.size() - at_ == looked) throw damaged(path_, "it is cut short");
    }
  }

  bool at_end() {
    if (at_ == buffer_.size()) fill(1);
    return at_ == buffer_.size();
  }

 private:
  clip::Descriptor open(struct stat* info) const {
    clip::Descriptor file(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file.valid() || ::fstat(file.get(), info) != 0) {
      throw clip::file_error("read", path_, errno);
    }
    return file;
  }

  // Reads on until so many bytes are there, or the file ends.
  void fill(std::size_t wanted) {
    buffer_.erase(0, at_);
    at_ = 0;
    struct stat info = {};
    const clip::Descriptor file = open(&info);
    if (info.st_ino != first_.st_ino || info.st_size != first_.st_size ||
        info.st_mtim.tv_sec != first_.st_mtim.tv_sec ||
        info.st_mtim.tv_nsec != first_.st_mtim.tv_nsec) {
      throw damaged(path_, "it was changed meanwhile");
    }
    while (buffer_.size() < wanted) {
      const std::size_t before = buffer_.size();
      const std::size_t more = std::max(piece_, wanted - before);
      buffer_.resize(before + more);
      ssize_t got = 0;
      do {
        got = ::pread(file.get(), buffer_.data() + before, more, static_cast<off_t>(offset_));
      } while (got < 0 && errno == EINTR);
      if (got < 0) throw clip::file_error("read", path_, errno);
      buffer_.resize(before + static_cast<std::size_t>(got));
      offset_ += static_cast<std::uint64_t>(got);
      if (got == 0) return;
    }
  }

  const std::string path_;
  const std::size_t piece_;
  struct stat first_ = {};
  std::string buffer_;
  std::size_t at_ = 0;        // the first byte of the buffer that was not given yet
  std::uint64_t offset_ = 0;  // of the byte behind the buffer
};

struct ShardFile {
  std::string path;
  ShardRecord record;
  clip::NpyHeader header;  // of an array
  std::unique_ptr<PieceReader> rows, lines;
  NameDigest names;
  std::uint64_t failed = 0, results = 0;
};

bool is_array(const std::string& output) {
  return clip::extension_of(output) == "npy";
}

std::string shown(const std::vector<std::string>& paths) {
  std::string text;
  for (std::size_t i = 0; i < std::min(paths.size(), kShown); ++i) {
    text += (i == 0 ? "" : ", ") + paths[i];
  }
  if (paths.size() > kShown) text += fmt::format(" and {} more", paths.size() - kShown);
  return text;
}

// N of a file, with or without .part, that is called as a shard of `output` is.
std::optional<std::uint64_t> count_of_name(std::string_view name, std::string_view output) {
  constexpr std::string_view kPart = ".part", kOf = "-of-";
  if (clip::ends_with(name, kPart)) name.remove_suffix(kPart.size());
  const std::string of_one = shard_path(std::string(output), {0, 1});
  const std::size_t begin = of_one.rfind("-00000-of-00001");
  const std::string_view stem = std::string_view(of_one).substr(0, begin + 1);
  const std::string_view ending = std::string_view(of_one).substr(begin + 15);
  if (!clip::starts_with(name, stem) || !clip::ends_with(name, ending)) return std::nullopt;
  if (name.size() < stem.size() + ending.size()) return std::nullopt;
  const std::string_view numbers =
      name.substr(stem.size(), name.size() - stem.size() - ending.size());
  const std::size_t of = numbers.find(kOf);
  if (of == std::string_view::npos) return std::nullopt;
  Shard shard;
  const auto parse = [](std::string_view digits, std::uint64_t* number) {
    const char* end = digits.data() + digits.size();
    const auto result = std::from_chars(digits.data(), end, *number);
    return result.ec == std::errc() && result.ptr == end;
  };
  if (!parse(numbers.substr(0, of), &shard.index) ||
      !parse(numbers.substr(of + kOf.size()), &shard.count) || shard.index >= shard.count ||
      shard.count > kMaxShards || shard_path(std::string(output), shard) != name) {
    return std::nullopt;
  }
  return shard.count;
}

// The paths of all shards that lie beside `output`, in order, whether they are there or not.
std::vector<std::string> shards_beside(const std::string& output) {
  const std::size_t slash = output.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : output.substr(0, slash + 1);
  const std::string_view base = clip::base_name(output);
  std::set<std::uint64_t> counts;
  std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(folder.c_str()), ::closedir);
  if (listing == nullptr) throw clip::file_error("read", folder, errno);
  for (errno = 0; const dirent* entry = ::readdir(listing.get()); errno = 0) {
    if (const auto count = count_of_name(entry->d_name, base)) counts.insert(*count);
  }
  if (errno != 0) throw clip::file_error("read", folder, errno);
  if (counts.empty()) {
    throw clip::Error(clip::ErrorCode::kNotFound,
                      fmt::format("there are no shards beside {}, which would be called {} and so "
                                  "on",
                                  output, shard_path(std::string(base), {0, 8})));
  }
  if (counts.size() > 1) {
    throw refused(
        fmt::format("beside {} there are shards of runs of {} shards; name the files of "
                    "one of them",
                    output, fmt::join(counts, " and of ")));
  }
  std::vector<std::string> paths;
  for (std::uint64_t i = 0; i < *counts.begin(); ++i) {
    paths.push_back(shard_path(output, {i, *counts.begin()}));
  }
  return paths;
}

// Throws where any is not there: naming those that are missing, and those that are not complete.
void check_all_there(const std::string& output, const std::vector<std::string>& paths) {
  std::vector<std::string> missing, incomplete;
  for (const std::string& path : paths) {
    if (clip::exists(path)) continue;
    (clip::exists(path + ".part") ? incomplete : missing).push_back(path);
  }
  if (missing.empty() && incomplete.empty()) return;
  std::string why;
  if (!missing.empty()) why += fmt::format("missing: {}", shown(missing));
  if (!incomplete.empty()) {
    why += fmt::format("{}not complete yet: {}", why.empty() ? "" : "; ", shown(incomplete));
  }
  throw clip::Error(clip::ErrorCode::kNotFound,
                    fmt::format("cannot merge the {} shards of {}; {}", paths.size(), output, why));
}

ShardRecord record_beside(const std::string& path) {
  const std::string record = record_path(path);
  if (!clip::exists(record)) {
    throw refused(
        fmt::format("cannot merge {}: it is no shard, for {} is not there", path, record));
  }
  ShardRecord read = read_shard_record(record);
  if (read.command != "embed") {
    throw refused(fmt::format("cannot merge {}: it was made by {}", path, read.command));
  }
  return read;
}

// How many results the shard must have, by the list alone.
std::uint64_t results_of(const ShardRecord& record) {
  const auto fail = [] { return clip::Error(clip::ErrorCode::kCorrupt, "its record is damaged"); };
  const std::uint64_t groups =
      record.items / record.group + (record.items % record.group != 0 ? 1 : 0);
  const std::uint64_t own =
      groups / record.shard.count + (groups % record.shard.count > record.shard.index ? 1 : 0);
  if (!record.sizes.empty()) {
    if (record.group != 1 || record.sizes.size() != own) throw fail();
    std::uint64_t results = 0;
    for (const std::uint64_t size : record.sizes) {
      if (size > record.results - results) throw fail();
      results += size;
    }
    return results;
  }
  std::uint64_t results = own * record.group;
  const bool has_last = own > 0 && (groups - 1) % record.shard.count == record.shard.index;
  if (has_last) results -= groups * record.group - record.items;
  return results;
}

// Throws unless the shard is one of those of the first one's run.
void check_same_run(const ShardFile& shard, const ShardFile& first) {
  const ShardRecord &a = shard.record, &b = first.record;
  std::string difference;
  if (a.shard.count != b.shard.count) {
    difference = fmt::format("is one of {} shards, and {} one of {}", a.shard.count, first.path,
                             b.shard.count);
  } else if (a.format != b.format) {
    difference = fmt::format("was made as {}, and {} as {}", a.format, first.path, b.format);
  } else if (const std::string other =
                 RunFacts::in_text(b.run).difference_from(a.run, first.path + " has");
             !other.empty()) {
    difference = "was made with " + other;
  } else if (a.run != b.run) {
    difference = fmt::format("is of another run than {}", first.path);
  } else if (a.items != b.items || a.list != b.list || a.group != b.group) {
    difference = fmt::format("was made of another list of inputs ({} in all) than {} ({})", a.items,
                             first.path, b.items);
  }
  if (!difference.empty())
    throw refused(fmt::format("cannot merge: {} {}", shard.path, difference));
}

// The shards in their order, checked as far as records go.
std::vector<ShardFile> shards_of(const std::string& output, const std::vector<std::string>& named) {
  std::vector<std::string> paths = named;
  if (named.empty()) paths = shards_beside(output);
  check_all_there(output, paths);
  std::vector<ShardFile> shards(paths.size());
  for (std::size_t i = 0; i < paths.size(); ++i) {
    ShardFile& shard = shards[i];
    shard.path = paths[i];
    if (is_array(paths[i]) != is_array(output)) {
      throw refused(
          fmt::format("cannot merge {} to {}: they are of different formats", paths[i], output));
    }
    shard.record = record_beside(paths[i]);
    if (named.empty() && shard.record.shard.index != i) {
      throw refused(fmt::format("cannot merge {}: its record says that it is shard {}", paths[i],
                                shard.record.shard.text()));
    }
    check_same_run(shard, shards.front());
    try {
      if (results_of(shard.record) != shard.record.results) {
        throw clip::Error(clip::ErrorCode::kCorrupt, "its record is damaged");
      }
    } catch (const clip::Error& error) {
      throw error.within("cannot merge " + paths[i]);
    }
  }
  std::sort(shards.begin(), shards.end(), [](const ShardFile& a, const ShardFile& b) {
    return a.record.shard.index < b.record.shard.index;
  });
  std::vector<std::string> missing;
  const std::uint64_t count = shards.front().record.shard.count;
  std::size_t at = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (at == shards.size() || shards[at].record.shard.index != i) {
      missing.push_back(fmt::format("{}/{}", i, count));
      continue;
    }
    if (++at < shards.size() && shards[at].record.shard.index == i) {
      throw refused(fmt::format("cannot merge: {} and {} are both shard {}/{}", shards[at - 1].path,
                                shards[at].path, i, count));
    }
  }
  if (!missing.empty()) {
    throw clip::Error(clip::ErrorCode::kNotFound,
                      fmt::format("cannot merge the {} shards of {}; missing: {}", count, output,
                                  shown(missing)));
  }
  return shards;
}

std::size_t row_bytes(const clip::NpyHeader& header) {
  const std::size_t number = header.type == clip::NpyType::kFloat16   ? 2
                             : header.type == clip::NpyType::kFloat32 ? 4
                                                                      : 8;
  return static_cast<std::size_t>(header.dim) * number;
}

// Opens the files of a shard, and passes over an array's header.
void open_files(const std::string& output, std::size_t piece, ShardFile* shard) {
  if (!is_array(output)) {
    shard->lines = std::make_unique<PieceReader>(shard->path, piece);
    return;
  }
  shard->lines = std::make_unique<PieceReader>(lines_beside(shard->path), piece);
  shard->rows = std::make_unique<PieceReader>(shard->path, piece);
  const auto header_bytes = static_cast<std::size_t>(clip::NpyWriter::kHeaderBytes);
  const auto fail = [&](const char* why) { return damaged(shard->path, why); };
  try {
    shard->header = clip::parse_npy_header(shard->rows->read(header_bytes));
  } catch (const clip::Error& error) {
    throw error.within("cannot merge " + shard->path);
  }
  const clip::NpyHeader& header = shard->header;
  if (header.offset != header_bytes || header.dimensions != 2 ||
      header.type == clip::NpyType::kFloat64) {
    throw fail("its array is not one that embed has written");
  }
  if (static_cast<std::uint64_t>(header.rows) != shard->record.results) {
    throw fail("it has another number of rows than its record");
  }
  // By division: a product of claims may be too large for any type.
  const std::uint64_t data = shard->rows->size() - header_bytes, row = row_bytes(header);
  const bool fits = row == 0 ? data == 0 : data % row == 0 && data / row == shard->record.results;
  if (!fits) throw fail("it is shorter or longer than its header says");
}

// The type and dimension of all. Shards of failures alone may not know the dimension.
clip::NpyHeader common_header(const std::vector<ShardFile>& shards) {
  clip::NpyHeader common = shards.front().header;
  common.rows = 0;
  const ShardFile* with_dim = nullptr;
  for (const ShardFile& shard : shards) {
    common.rows += shard.header.rows;
    if (shard.header.type != common.type) {
      throw refused(
          fmt::format("cannot merge: the numbers of {} and {} are of different types "
                      "(--f16)",
                      shard.path, shards.front().path));
    }
    if (shard.header.dim == 0) continue;
    if (with_dim == nullptr) with_dim = &shard;
    if (shard.header.dim != with_dim->header.dim) {
      throw refused(fmt::format("cannot merge: the rows of {} have {} numbers, and those of {} {}",
                                shard.path, shard.header.dim, with_dim->path,
                                with_dim->header.dim));
    }
  }
  if (with_dim != nullptr) common.dim = with_dim->header.dim;
  return common;
}

// What the line is of goes into the digest; it has to be of the record's run.
void check_line(std::string_view line, ShardFile* shard) {
  ++shard->results;
  try {
    const clip::Json json = clip::parse_json(line);
    if (json.at("run").get<std::string>() == shard->record.run) {
      shard->names.add(clip::name_in(json, json.contains("image") ? "image" : "text"));
      if (json.contains("error")) ++shard->failed;
      return;
    }
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    // Said below.
  }
  throw damaged(shard->lines->path(),
                fmt::format("its line {} is no result of its run", shard->results));
}

void check_ended(ShardFile* shard) {
  if (!shard->lines->at_end()) throw damaged(shard->lines->path(), "it has too many lines");
  if (shard->names.finish() != shard->record.names || shard->failed != shard->record.failed) {
    throw damaged(shard->lines->path(), "its lines are not those that its record says");
  }
}

}  // namespace

MergedShards merge_shards(const std::string& output, const std::vector<std::string>& files,
                          const clip::CancelToken& stop) {
  std::vector<ShardFile> shards = shards_of(output, files);
  const std::size_t piece = std::clamp(kAllBuffers / (2 * shards.size()), kMinBuffer, kMaxBuffer);
  for (ShardFile& shard : shards) open_files(output, piece, &shard);
  const ShardRecord& first = shards.front().record;
  std::optional<Output> rows;
  std::string zeros;  // the row of what failed, where its shard did not know how long it is
  if (is_array(output)) {
    const clip::NpyHeader header = common_header(shards);
    zeros.resize(row_bytes(header));
    rows.emplace(Output::replacing(output));
    rows->write(clip::npy_header(header.type, header.rows, header.dim));
  }
  Output lines = Output::replacing(is_array(output) ? lines_beside(output) : output);

  for (std::uint64_t begin = 0, group = 0; begin < first.items; begin += first.group, ++group) {
    if (stop.cancelled()) throw clip::Error(clip::ErrorCode::kCancelled, "interrupted");
    ShardFile& shard = shards[static_cast<std::size_t>(group % shards.size())];
    const std::vector<std::uint64_t>& sizes = shard.record.sizes;
    const std::uint64_t results = sizes.empty()
                                      ? std::min(first.group, first.items - begin)
                                      : sizes[static_cast<std::size_t>(group / shards.size())];
    for (std::uint64_t i = 0; i < results; ++i) {
      const std::string_view line = shard.lines->line();
      check_line(line, &shard);
      lines.write(line);
      if (!rows) continue;
      const std::size_t size = row_bytes(shard.header);
      const std::string_view row = shard.rows->read(size);
      if (row.size() != size) throw damaged(shard.path, "it is cut short");
      rows->write(size == 0 ? std::string_view(zeros) : row);
    }
  }
  MergedShards merged;
  merged.shards = shards.size();
  for (ShardFile& shard : shards) {
    check_ended(&shard);
    merged.results += shard.results;
    merged.failed += shard.failed;
  }
  // The array last: where it is, both are whole.
  lines.commit();
  if (rows) rows->commit();
  return merged;
}

}  // namespace clip_cli
