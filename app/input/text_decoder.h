// What the bytes of a text file mean, in UTF-8, as they come.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace clip_cli {

// Whether ICU knows an encoding of that name.
bool is_encoding(const std::string& name);

class TextDecoder {
 public:
  // `encoding`: a name that is_encoding() knows; or empty, where a byte-order mark of UTF-16 or
  // UTF-32 decides, and all else passes as it is.
  explicit TextDecoder(std::string encoding);
  ~TextDecoder();

  // Appends the UTF-8 of the bytes that come next, as far as they can be told; `last`: no more will
  // come. Throws clip::Error (kCorrupt) for bytes that mean nothing in the encoding; what was
  // before them has been appended then.
  void append(std::string_view bytes, bool last, std::string* utf8);

  struct Converter;  // ICU's

 private:
  void choose(bool last);
  void convert(std::string_view bytes, bool last, std::string* utf8);

  std::unique_ptr<Converter> converter_;
  bool chosen_;
  std::string begin_;  // the first bytes, until they tell which encoding it is
};

}  // namespace clip_cli
