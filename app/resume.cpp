#include "resume.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "error.h"
#include "ui/line_reader.h"

namespace clip_cli {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestLine = 64 << 20;
constexpr std::string_view kBegin = R"({"image":)";  // of every line

std::string bytes_of_hex(const std::string& digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

// Whether the text could be what a crash left of a line.
bool may_be_cut_off(std::string_view text) {
  const std::size_t length = std::min(text.size(), kBegin.size());
  // A power cut can leave zeros where the file has grown and its contents were not written.
  return text.substr(0, length) == kBegin.substr(0, length) ||
         text.find_first_not_of('\0') == std::string_view::npos;
}

}  // namespace

EarlierResults::EarlierResults(const std::string& path, const std::string& model,
                               const std::unordered_set<std::string>& labels)
    : path_(path), model_(model) {
  const auto fail = [&](const char* what) {
    return clip::Error(fmt::format("cannot {} {}: {}", what, path, std::strerror(errno)));
  };
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw fail("open");
  struct stat info = {};
  if (::fstat(descriptor_, &info) != 0) throw fail("read");
  if (!S_ISREG(info.st_mode)) {
    throw clip::Error(fmt::format("cannot resume {}: it is no regular file", path));
  }
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    throw clip::Error(
        fmt::format("another run is writing {}; wait for it, or name another --output", path));
  }

  LineReader reader(path);
  std::uint64_t good = 0;  // bytes of whole lines
  bool too_long = false;
  for (std::string line; reader.next(&line, kLongestLine, &too_long); good = reader.offset()) {
    if (too_long) throw clip::Error(fmt::format("{}, line {} is too long", path, reader.number()));
    // The last line: whole but for its end, or cut off.
    if (!reader.had_end() && !json::accept(line) && may_be_cut_off(line)) {
      if (::ftruncate(descriptor_, static_cast<off_t>(good)) != 0) throw fail("repair");
      return;
    }
    if (!line.empty()) read_line(line, reader.number(), labels);
    if (!reader.had_end() && ::write(descriptor_, "\n", 1) != 1) throw fail("repair");
  }
}

void EarlierResults::read_line(const std::string& line, std::size_t number,
                               const std::unordered_set<std::string>& labels) {
  const auto fail = [&](const std::string& why) {
    return clip::Error(
        fmt::format("cannot resume {}: line {} {}; name another --output, or leave out --resume",
                    path_, number, why));
  };
  try {
    const json result = json::parse(line);
    std::string image = result.at("image");
    if (result.contains("image_hex")) image = bytes_of_hex(result.at("image_hex"));
    if (result.at("model").get<std::string>() != model_) {
      throw fail(fmt::format("is of the model {}", result.at("model").get<std::string>()));
    }
    if (result.contains("error")) ++failed_;
    if (result.contains("ranking")) {
      for (const json& choice : result.at("ranking")) {
        const std::string label = choice.at("label");
        if (labels.count(label) == 0) throw fail(fmt::format("has another label, '{}'", label));
      }
    }
    images_.insert(std::move(image));
  } catch (const clip::Error&) {
    throw;
  } catch (const std::exception&) {
    throw fail("is no result of classify");
  }
}

}  // namespace clip_cli
