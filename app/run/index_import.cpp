#include "run/index_import.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/strings.h"
#include "clip/error.h"
#include "embedding/npy.h"
#include "input/line_reader.h"
#include "options/model_options.h"
#include "pipeline/file_state.h"
#include "service/json.h"
#include "terminal/text.h"

namespace clip_cli {
namespace {

constexpr std::size_t kMaxLine = 64 << 20;
constexpr std::int64_t kRowsAtOnce = 1024;

// What a row is of.
struct RowName {
  std::string path;
  std::string model;    // its identity; empty: nothing says it
  bool failed = false;  // the row is none
};

RowName name_of_line(const std::string& line, const std::string& where) {
  RowName name;
  clip::Json json;
  try {
    json = clip::parse_json(line);
    if (json.is_object() && json.contains("image")) {
      name.path = clip::name_in(json, "image");
      name.failed = json.contains("error");
      const auto model = json.find("model");
      if (model != json.end() && model->is_string()) name.model = *model;
      return name;
    }
  } catch (const clip::Error&) {
  } catch (const nlohmann::json::exception&) {
  }
  const bool of_text = json.is_object() && json.contains("text");
  throw clip::Error(clip::ErrorCode::kInvalidArgument,
                    fmt::format("{} is {}; an index takes vectors of images", where,
                                of_text ? "of a text" : "no result of embed"));
}

void for_each_name(const std::string& path,
                   const std::function<bool(const RowName& name, std::size_t line)>& take) {
  const bool results = clip::extension_of(path) == "jsonl";
  LineReader reader(path);
  bool too_long = false;
  for (std::string line; reader.next(&line, kMaxLine, &too_long);) {
    const std::string where = fmt::format("{}, line {}", path, reader.number());
    if (too_long) throw clip::Error(clip::ErrorCode::kLimit, where + " is too long");
    if (line.empty() && results) continue;
    RowName name;
    name.path = line;
    if (results) name = name_of_line(line, where);
    if (!take(name, reader.number())) return;
  }
}

// Finds files by the paths that people give.
class Paths {
 public:
  explicit Paths(const IndexedFolder& folder) : folder_(folder) {
    std::error_code error;
    here_ = std::filesystem::current_path(error).string();
  }

  // Relative to the index's root; nothing for what is not in the folder.
  std::optional<std::string> in_root(const std::string& named) const {
    std::optional<std::string> first;
    for (const std::string& absolute : meanings(named)) {
      const auto found = below_root(absolute);
      if (!found) continue;
      if (!first) first = found;
      if (clip::exists(clip::joined_path(folder_.place.root, *found))) return found;
    }
    return first;
  }

 private:
  // What a name may mean, absolute.
  std::vector<std::string> meanings(const std::string& named) const {
    const std::string folder = clip::joined_path(folder_.place.root, folder_.sub);
    std::vector<std::string> paths;
    if (named.empty() || named.find('\0') != std::string::npos) return paths;
    // The folder as it was named, which may be a link.
    const std::string begin = folder_.named + (clip::ends_with(folder_.named, "/") ? "" : "/");
    if (clip::starts_with(named, begin)) {
      paths.push_back(clip::joined_path(folder, named.substr(begin.size())));
    }
    paths.push_back(named.front() == '/' ? named : clip::joined_path(here_, named));
    if (named.front() != '/') paths.push_back(clip::joined_path(folder, named));
    return paths;
  }

  std::optional<std::string> below_root(const std::string& absolute) const {
    const std::string plain = std::filesystem::path(absolute).lexically_normal().string();
    if (const auto found = without_root(plain)) return found;
    // Another name of the folder that the file is in.
    const std::string name(clip::base_name(plain));
    const std::string real = clip::real_path(plain.substr(0, plain.size() - name.size()));
    return real.empty() ? std::nullopt : without_root(clip::joined_path(real, name));
  }

  std::optional<std::string> without_root(const std::string& path) const {
    const std::string& root = folder_.place.root;
    const std::string begin = root == "/" ? root : root + '/';
    if (!clip::starts_with(path, begin) || path.size() == begin.size()) return std::nullopt;
    return path.substr(begin.size());
  }

  const IndexedFolder& folder_;
  std::string here_;
};

std::string names_beside(const std::string& vectors) {
  return vectors.substr(0, vectors.size() - clip::extension_of(vectors).size()) + "jsonl";
}

std::int64_t made_when(const std::string& path) {
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) throw clip::file_error("read", path, errno);
  return clip::state_of(info).modified_nsec;
}

// Whether the names suit: as many as there are rows, and of the model.
void check_names(const std::string& path, std::int64_t rows, const clip::Model& model,
                 bool model_is_named) {
  std::int64_t count = 0;
  bool says_model = false;
  for_each_name(path, [&](const RowName& name, std::size_t line) {
    ++count;
    if (name.model.empty()) return true;
    says_model = true;
    if (name.model == model.identity()) return true;
    throw clip::Error(
        clip::ErrorCode::kInvalidArgument,
        fmt::format("{}, line {}: the vector is of the model {}, and the index gets those of {} "
                    "({}); name theirs with --model",
                    path, line, name.model, title_of(model), model.identity()));
  });
  if (count != rows) {
    throw clip::Error(
        clip::ErrorCode::kInvalidArgument,
        fmt::format("{} names {} images, and there are {} vectors", path, count, rows));
  }
  if (!says_model && !model_is_named && count > 0) {
    throw clip::Error(clip::ErrorCode::kInvalidArgument,
                      fmt::format("{} does not say which model the vectors are of; name it with "
                                  "--model",
                                  path));
  }
}

}  // namespace

Imported import_vectors(const ImportOptions& options, const IndexedFolder& folder,
                        const clip::Model& model, bool model_is_named, clip::Index* index,
                        const clip::CancelToken& stop) {
  const clip::NpyReader reader(options.vectors);
  const std::string names = options.names.empty() ? names_beside(options.vectors) : options.names;
  check_names(names, reader.rows(), model, model_is_named);
  const std::int64_t dim = model.config().embedding_dim;
  if (dim > 0 && dim != reader.dim()) {
    throw clip::Error(clip::ErrorCode::kInvalidArgument,
                      fmt::format("the vectors in {} have {} numbers, and those of {} have {}",
                                  options.vectors, reader.dim(), title_of(model), dim));
  }

  const Paths paths(folder);
  clip::Importer importer(index, model, reader.dim(), made_when(options.vectors));
  Imported imported;
  std::vector<float> block(static_cast<std::size_t>(kRowsAtOnce * reader.dim()));
  std::int64_t at = 0;
  for_each_name(names, [&](const RowName& name, std::size_t line) {
    if (stop.cancelled() || at == reader.rows()) return false;
    if (at % kRowsAtOnce == 0) {
      reader.read(at, std::min(kRowsAtOnce, reader.rows() - at), block.data());
    }
    const float* vector = block.data() + at++ % kRowsAtOnce * reader.dim();
    ++imported.rows;
    std::optional<clip::Error> error;
    if (name.failed) {
      error.emplace(clip::ErrorCode::kCorrupt, name.path + " has no vector: embedding it failed");
    } else if (const auto path = paths.in_root(name.path)) {
      error = importer.add(*path, vector);
    } else {
      error.emplace(clip::ErrorCode::kInvalidArgument,
                    fmt::format("{} is not in {}", name.path, folder.place.root));
    }
    if (!error) return true;
    ++imported.failed;
    notice(fmt::format("{}, line {}: {}", names, line, error->what()));
    return true;
  });
  importer.commit();
  imported.report = importer.report();
  imported.complete = !stop.cancelled();
  return imported;
}

}  // namespace clip_cli
