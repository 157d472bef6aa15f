#include "input/line_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/module.h"
#include "base/strings.h"
#include "base/utf8.h"
#include "clip/error.h"
#include "encoding_module/entry.h"
#include "input/standard_input.h"

extern "C" const clip::EmbeddedFile clip_encoding_module[];

namespace clip_cli {
namespace {

// Empty where nothing can be said.
std::string likely_encoding(const std::string& sample) {
  // ICU does not guess UTF-16 without a byte-order mark; every other byte of plain text is 0 in it.
  const auto nul = sample.find('\0');
  if (nul != std::string::npos) return nul % 2 == 1 ? "UTF-16LE" : "UTF-16BE";
  std::string name;
  try {
    static const clip::Module module(clip_encoding_module[0], "guessing an encoding needs ICU", "");
    module.symbol<EncodingEntry>(kEncodingEntry)(sample, &name);
  } catch (const clip::Error&) {
    // Then without a guess.
  }
  return name;
}

}  // namespace

LineReader::LineReader(const std::string& path, char end, const clip::CancelToken* stop,
                       const std::string& encoding)
    : name_(path == "-" ? "standard input" : path),
      end_(end),
      file_(STDIN_FILENO),
      stop_(stop),
      decoder_(encoding) {
  if (path == "-") {
    note_terminal_input();
    return;
  }
  owned_ = clip::Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!owned_.valid()) throw clip::file_error("open", path, errno);
  file_ = owned_.get();
  struct stat info = {};
  if (::fstat(file_, &info) == 0 && S_ISDIR(info.st_mode)) {
    throw clip::Error(clip::ErrorCode::kInvalidArgument,
                      fmt::format("cannot read {}: it is a folder, expected a list", path));
  }
}

void LineReader::begin_with(std::string head, bool at_end) {
  head_ = std::move(head);
  head_is_all_ = at_end;
}

bool LineReader::fill() {
  constexpr std::size_t kChunk = 1 << 16;
  if (at_end_) return false;
  std::string bytes = std::exchange(head_, "");
  at_end_ = head_is_all_;
  if (bytes.empty() && !at_end_) {
    if (stop_ != nullptr && !stop_->wait_readable(file_)) return false;
    bytes.resize(kChunk);
    const ssize_t count = clip::read_some(file_, bytes.data(), kChunk);
    if (count < 0) throw clip::file_error("read", name_, errno);
    bytes.resize(static_cast<std::size_t>(count));
    at_end_ = count == 0;
  }
  buffer_.erase(0, at_);
  at_ = 0;
  read_ += bytes.size();
  if (sample_.size() < kChunk) sample_ += bytes;
  const std::size_t before = buffer_.size();
  try {
    decoder_.append(bytes, at_end_, &buffer_);
  } catch (const clip::Error& error) {
    const auto lines = std::count(buffer_.begin(), buffer_.end(), '\n');
    throw clip::Error(
        error.code(),
        fmt::format("{}, line {} holds {}; `--encoding NAME` says which it has", name_,
                    number_ + static_cast<std::size_t>(lines) + 1, error.what()));
  }
  return !at_end_ || buffer_.size() > before;
}

bool LineReader::next(std::string* line, std::size_t max, bool* too_long) {
  line->clear();
  *too_long = false;
  std::size_t found = std::string::npos;
  bool any = false;
  // Whole buffers without an end go to the line; beyond what it may hold they are dropped.
  for (;;) {
    found = buffer_.find(end_, at_);
    const std::size_t until = found == std::string::npos ? buffer_.size() : found;
    any = any || until > at_ || found != std::string::npos;
    const std::size_t room = max - std::min(max, line->size());
    *too_long = *too_long || until - at_ > room;
    line->append(buffer_, at_, std::min(until - at_, room));
    at_ = until;
    if (found != std::string::npos) {
      ++at_;
      break;
    }
    if (!fill()) {
      // Half a line that is cut off by cancelling is no line.
      if (!any || cancelled()) return false;
      break;
    }
  }
  had_end_ = found != std::string::npos;
  if (end_ == '\n' && !line->empty() && line->back() == '\r') line->pop_back();
  if (number_++ == 0) line->erase(0, line->size() - clip::without_byte_order_mark(*line).size());
  return true;
}

void LineReader::check_text(const std::string& line) const {
  const std::size_t nul = line.find('\0');
  std::size_t at = 0;
  while (at < std::min(nul, line.size())) {
    const std::size_t length = clip::utf8_sequence_length(line, at);
    if (length == 0) break;
    at += length;
  }
  if (at == line.size()) return;
  std::string advice = "`--encoding NAME` says which it has";
  const std::string likely = likely_encoding(sample_);
  if (!likely.empty()) {
    advice = fmt::format("it looks like {}: pass `--encoding {}`", likely, likely);
  }
  throw clip::Error(clip::ErrorCode::kCorrupt,
                    fmt::format("{}, line {} is not UTF-8 (byte {} is 0x{:02X}); {}", name_,
                                number_, at + 1, static_cast<std::uint8_t>(line[at]), advice));
}

}  // namespace clip_cli
