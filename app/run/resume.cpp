#include "run/resume.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <new>
#include <sstream>
#include <string_view>

#include "base/sha256.h"
#include "clip/error.h"
#include "input/line_reader.h"
#include "service/json.h"

namespace clip_cli {
namespace {

constexpr std::size_t kMaxLine = 64 << 20;
constexpr std::size_t kDigestDigits = 12;

// Whether the text could be what a crash left of a line, which begins with that field.
bool may_be_cut_off(std::string_view text, const std::string& field) {
  const std::string begin = "{\"" + field + "\":";
  const std::size_t length = std::min(text.size(), begin.size());
  // A power cut can leave zeros where the file has grown and its contents were not written.
  return text.substr(0, length) == begin.substr(0, length) ||
         text.find_first_not_of('\0') == std::string_view::npos;
}

bool is_json(const std::string& text) {
  try {
    clip::parse_json(text);
    return true;
  } catch (const clip::Error&) {
    return false;
  }
}

}  // namespace

void RunFacts::add_digest(const std::string& key, const std::string& value) {
  add(key, clip::sha256(value).substr(0, kDigestDigits));
}

std::string RunFacts::text() const {
  std::string text;
  for (const auto& [key, value] : facts_) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", key, value);
  }
  return text;
}

RunFacts RunFacts::in_text(const std::string& text) {
  RunFacts facts;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const std::size_t equals = word.find('=');
    if (equals != std::string::npos) facts.add(word.substr(0, equals), word.substr(equals + 1));
  }
  return facts;
}

std::string RunFacts::difference_from(const std::string& other, const std::string& who) const {
  std::map<std::string, std::string> theirs;
  for (const auto& [key, value] : in_text(other).facts_) theirs[key] = value;
  for (const auto& [key, value] : facts_) {
    const std::string& was = theirs[key];
    if (was != value) {
      return fmt::format("other {} ({}, {} {})", key, was.empty() ? "none" : was, who, value);
    }
  }
  return "";
}

EarlierResults::EarlierResults(const std::string& path, const RunFacts& facts,
                               const EarlierKind& kind)
    : path_(path), kind_(kind), facts_(facts), run_(facts.text()) {
  descriptor_ =
      clip::Descriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!descriptor_.valid()) throw clip::file_error("open", path, errno);
  struct stat info = {};
  if (::fstat(descriptor_.get(), &info) != 0) throw clip::file_error("read", path, errno);
  if (!S_ISREG(info.st_mode)) {
    throw clip::Error(clip::ErrorCode::kInvalidArgument,
                      fmt::format("cannot resume {}: it is no regular file", path));
  }
  if (::flock(descriptor_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) throw clip::file_error("lock", path, errno);
    throw clip::Error(clip::ErrorCode::kIo,
                      fmt::format("another run is writing {}; wait for it", path),
                      clip::Hint::kNameOutput);
  }

  LineReader reader(path);
  std::uint64_t good = 0;   // bytes of whole groups
  std::uint64_t whole = 0;  // of whole lines
  std::vector<Line> group;  // lines behind `good`
  bool ended = true, too_long = false;
  for (std::string line; reader.next(&line, kMaxLine, &too_long); whole = reader.offset()) {
    if (too_long) {
      throw clip::Error(clip::ErrorCode::kLimit,
                        fmt::format("{}, line {} is too long", path, reader.number()));
    }
    // The last line: whole but for its end, or cut off.
    if (!reader.had_end() && may_be_cut_off(line, kind_.name) && !is_json(line)) {
      cut(whole);
      break;
    }
    if (!line.empty()) {
      Line result = read_line(line, reader.number());
      if (kind_.keeps && !kind_.keeps(count_ + group.size(), result.failed)) {
        cut(whole);
        break;
      }
      group.push_back(std::move(result));
    }
    ended = reader.had_end();
    if (group.size() < kind_.group) continue;
    for (const Line& each : group) {
      ++names_[each.name];
      failed_ += each.failed ? 1 : 0;
    }
    count_ += group.size();
    group.clear();
    good = reader.offset();
  }
  if (!group.empty()) {
    cut(good);
  } else if (!ended && !clip::write_all(descriptor_.get(), "\n", 1)) {
    throw clip::file_error("repair", path, errno);
  }
}

void EarlierResults::cut(std::uint64_t bytes) {
  if (::ftruncate(descriptor_.get(), static_cast<off_t>(bytes)) != 0) {
    throw clip::file_error("repair", path_, errno);
  }
}

bool EarlierResults::take(const std::string& name) {
  const auto found = names_.find(name);
  if (found == names_.end()) return false;
  if (--found->second == 0) names_.erase(found);
  ++taken_;
  return true;
}

bool EarlierResults::take_first(const std::string& name) {
  if (take(name)) return true;
  if (taken_ < count_) {
    throw clip::Error(
        clip::ErrorCode::kInvalidArgument,
        fmt::format("cannot resume {}: the list of inputs has changed since, {} is new; delete it "
                    "to begin again",
                    path_, name));
  }
  return false;
}

void EarlierResults::check_all_taken() const {
  if (taken_ == count_) return;
  throw clip::Error(
      clip::ErrorCode::kInvalidArgument,
      fmt::format("cannot resume {}: the list of inputs has changed since, {} is in it no more; "
                  "delete it to begin again",
                  path_, names_.begin()->first));
}

EarlierResults::Line EarlierResults::read_line(const std::string& line, std::size_t number) const {
  const auto fail = [&](const std::string& why) {
    return clip::Error(
        clip::ErrorCode::kInvalidArgument,
        fmt::format("cannot resume {}: line {} {}; name another --output, or leave out --resume",
                    path_, number, why));
  };
  try {
    const clip::Json result = clip::parse_json(line);
    Line read{clip::name_in(result, kind_.name), result.contains("error")};
    if (!result.contains("run")) {
      throw fail("does not say how it was made, as results do that --output has written to a file");
    }
    const std::string run = result.at("run").get<std::string>();
    if (run != run_) {
      const std::string difference = facts_.difference_from(run);
      if (!difference.empty()) throw fail("was made with " + difference);
    }
    return read;
  } catch (const clip::Error& error) {
    if (error.code() == clip::ErrorCode::kInvalidArgument) throw;
    throw fail("is no result of " + kind_.command);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    throw fail("is no result of " + kind_.command);
  }
}

}  // namespace clip_cli
