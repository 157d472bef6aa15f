#include "image/gif_lzw.h"

#include <array>

#include "clip/error.h"

namespace clip {
namespace {

[[noreturn]] void damaged() {
  throw Error(ErrorCode::kCorrupt, "it is damaged: its compressed pixels are broken");
}

constexpr int kMaxBits = 12;
constexpr std::size_t kMaxCodes = 1 << kMaxBits;

class CodeReader {
 public:
  explicit CodeReader(const std::function<std::string_view()>& next_block)
      : next_block_(next_block) {}

  std::size_t read(int bits) {
    while (count_ < bits) {
      while (block_.empty()) block_ = next_block_();
      bits_ |= std::uint32_t{static_cast<std::uint8_t>(block_[0])} << count_;
      block_.remove_prefix(1);
      count_ += 8;
    }
    const std::uint32_t code = bits_ & ((1U << bits) - 1);
    bits_ >>= bits;
    count_ -= bits;
    return code;
  }

 private:
  const std::function<std::string_view()>& next_block_;
  std::string_view block_;
  std::uint32_t bits_ = 0;
  int count_ = 0;  // of the bits that are there
};

// The strings that codes stand for: each is another string and one index more.
class Strings {
 public:
  struct String {
    const std::uint8_t* first;
    std::size_t size;
  };

  explicit Strings(std::size_t indices) : indices_(indices) { clear(); }

  void clear() {
    next_ = indices_ + 2;  // behind the codes for clearing and for the end
    has_last_ = false;
  }

  std::size_t next() const { return next_; }

  // What the code stands for, until the next call.
  String add(std::size_t code) {
    std::size_t at = kMaxCodes;  // the string is written from its end
    if (!has_last_) {
      if (code >= indices_) damaged();
      first_ = static_cast<std::uint8_t>(code);
      has_last_ = true;
    } else {
      std::size_t rest = code;
      if (code > next_) damaged();
      if (code == next_) {  // the string that is defined by this very code
        string_[--at] = first_;
        rest = last_;
      }
      while (rest >= indices_) {
        if (at == 0 || rest >= kMaxCodes) damaged();
        string_[--at] = index_[rest];
        rest = before_[rest];
      }
      first_ = static_cast<std::uint8_t>(rest);
      if (next_ < kMaxCodes) {
        index_[next_] = first_;
        before_[next_] = static_cast<std::uint16_t>(last_);
        ++next_;
      }
    }
    last_ = code;
    if (at == 0) damaged();
    string_[--at] = first_;
    return {&string_[at], kMaxCodes - at};
  }

 private:
  std::size_t indices_, next_ = 0, last_ = 0;
  bool has_last_ = false;
  std::uint8_t first_ = 0;  // of the last string
  std::array<std::uint8_t, kMaxCodes> index_ = {};
  std::array<std::uint16_t, kMaxCodes> before_ = {};
  std::array<std::uint8_t, kMaxCodes> string_ = {};
};

}  // namespace

void decode_gif_lzw(int code_bits, const std::function<std::string_view()>& next_block,
                    const std::function<bool(const std::uint8_t*, std::size_t)>& take) {
  if (code_bits < 0 || code_bits > kMaxBits) damaged();
  const std::size_t clear = std::size_t{1} << code_bits, end = clear + 1;
  CodeReader reader(next_block);
  Strings strings(clear);
  int bits = code_bits + 1;
  for (;;) {
    const std::size_t code = reader.read(bits);
    if (code == end) {
      throw Error(ErrorCode::kCorrupt, "it is cut short: its pixels end early");
    }
    if (code == clear) {
      strings.clear();
      bits = code_bits + 1;
      continue;
    }
    const std::size_t defined = strings.next();
    const Strings::String string = strings.add(code);
    // Only a string that was defined just now makes codes longer.
    const bool is_longest = strings.next() == std::size_t{1} << bits && strings.next() > defined;
    if (is_longest && bits < kMaxBits) ++bits;
    if (!take(string.first, string.size)) return;
  }
}

}  // namespace clip
