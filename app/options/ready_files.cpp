#include "options/ready_files.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "base/file.h"
#include "base/ready_file.h"
#include "base/strings.h"
#include "options/cache_folder.h"

namespace clip_cli {

std::string ready_folder() {
  const std::string cache = cache_folder();
  return cache.empty() ? "" : cache + "/ready";
}

std::vector<ReadyFile> ready_files() {
  std::vector<ReadyFile> files;
  const std::string folder = ready_folder();
  std::error_code error;
  for (std::filesystem::directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error)) {
    const std::string path = each->path().string();
    if (!clip::ends_with(path, ".ready")) continue;
    const auto header = clip::read_ready_header(path);
    if (header == nullptr) continue;
    files.push_back({path, header->note, header->value("precision"), header->value("tower"),
                     header->value("model"), header->file_size});
  }
  std::sort(files.begin(), files.end(),
            [](const ReadyFile& a, const ReadyFile& b) { return a.path < b.path; });
  return files;
}

std::vector<std::string> remove_ready_files(const std::string& identity, const std::string& model) {
  std::vector<std::string> removed;
  for (const ReadyFile& file : ready_files()) {
    if (file.identity != identity && file.model != model) continue;
    if (std::remove(file.path.c_str()) != 0 && errno != ENOENT) {
      throw clip::file_error("remove", file.path, errno);
    }
    removed.push_back(file.path);
  }
  return removed;
}

}  // namespace clip_cli
