// Going on with what an earlier run has written: which images are done, and whether their results
// were made as this run would make them.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
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

  // The first that differs from what `other`, such a text, says: "other templates (a, this run has
  // b)". Empty where none does.
  std::string difference_from(const std::string& other) const;

 private:
  std::vector<std::pair<std::string, std::string>> facts_;
};

class EarlierResults {
 public:
  // Reads `path`, makes it when it is missing, and cuts off a last line that a crash left half
  // written. Holds a lock on it until its descriptor is closed. Throws clip::Error when another
  // process does, when the file holds anything else than results of classify, and when a result was
  // made otherwise than this run would make it.
  EarlierResults(const std::string& path, const RunFacts& facts);

  bool holds(const std::string& image) const { return images_.count(image) > 0; }
  std::uint64_t failed() const { return failed_; }  // of the images that it holds
  std::uint64_t count() const { return images_.size(); }

  // At the file's end, for writing; may be taken once.
  int take_descriptor() { return descriptor_.release(); }

 private:
  void read_line(const std::string& line, std::size_t number);

  const std::string path_;
  const RunFacts& facts_;
  const std::string run_;  // the facts as text
  clip::Descriptor descriptor_;
  std::unordered_set<std::string> images_;
  std::uint64_t failed_ = 0;
};

}  // namespace clip_cli
