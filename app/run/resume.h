// Going on with what an earlier run has written: which images are done, and whether their results
// were made as this run would make them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/file.h"
#include "clip/cancel.h"

namespace clip_cli {

// What determines a result, in words "key=value" between blanks. Paths are no part of it: the same
// model is the same wherever it lies.
class RunFacts {
 public:
  void add(const std::string& key, const std::string& value) { facts_.emplace_back(key, value); }
  // The beginning of the SHA-256 of a longer value.
  void add_digest(const std::string& key, const std::string& value);

  std::string text() const;
  // Of such a text.
  static RunFacts in_text(const std::string& text);

  // The first that differs from what `other`, such a text, says: "other templates (a, this run has
  // b)". Empty where none does.
  // `who`: the words in place of "this run has".
  std::string difference_from(const std::string& other,
                              const std::string& who = "this run has") const;

 private:
  std::vector<std::pair<std::string, std::string>> facts_;
};

// Whose results a file holds, and which of them stay.
struct EarlierKind {
  std::string command = "classify";  // for messages
  std::string name = "image";        // the field that says what a result is of
  std::uint64_t group = 1;  // whole groups of so many lines stay: what was computed together is
                            // computed together again
  // Whether a result stays, by its place from 0 and whether it is an error; null: all do. The first
  // that does not is cut off, and all behind it.
  std::function<bool(std::uint64_t place, bool failed)> keeps;
};

class EarlierResults {
 public:
  // Reads `path`, makes it when it is missing, and cuts off a last line that a crash left half
  // written. Holds a lock on it until its descriptor is closed. Throws clip::Error when another
  // process does, when the file holds anything else than results of that kind, and when a result
  // was made otherwise than this run would make it.
  EarlierResults(const std::string& path, const RunFacts& facts, const EarlierKind& kind = {});

  bool holds(const std::string& name) const { return names_.count(name) > 0; }
  // The same for inputs that may come several times: true as often as the file has the name.
  bool take(const std::string& name);
  // The same where the results must be those of the beginning of a list: throws clip::Error for a
  // name that is not there before all others have come. At the list's end, check_all_taken() throws
  // where some have not.
  bool take_first(const std::string& name);
  void check_all_taken() const;
  std::uint64_t failed() const { return failed_; }  // of the results that it holds
  std::uint64_t count() const { return count_; }

  // At the file's end, for writing; may be taken once.
  int take_descriptor() { return descriptor_.release(); }

 private:
  struct Line {
    std::string name;
    bool failed = false;
  };
  Line read_line(const std::string& line, std::size_t number) const;
  void cut(std::uint64_t bytes);  // off

  const std::string path_;
  const EarlierKind kind_;
  const RunFacts& facts_;
  const std::string run_;  // the facts as text
  clip::Descriptor descriptor_;
  std::unordered_map<std::string, std::uint64_t> names_;  // how often each is there
  std::uint64_t count_ = 0, failed_ = 0, taken_ = 0;
};

}  // namespace clip_cli
