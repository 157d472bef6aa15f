// What an earlier run has written, so that this one goes on behind it: the pictures that are done,
// and the file, open for more.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>

namespace clip_cli {

class EarlierResults {
 public:
  // Reads `path`, makes it when it is not there, and cuts off a last line that a crash left half
  // written. Holds a lock on it until it is closed. Throws clip::Error when another process does,
  // when the file holds anything else than results of classify, or results of another model, or of
  // labels that are not among `labels`.
  EarlierResults(const std::string& path, const std::string& model,
                 const std::unordered_set<std::string>& labels);

  bool holds(const std::string& image) const { return images_.count(image) > 0; }
  std::uint64_t failed() const { return failed_; }  // of the pictures that it holds
  std::uint64_t count() const { return images_.size(); }

  // At the file's end; whoever takes it closes it.
  int descriptor() const { return descriptor_; }

 private:
  void read_line(const std::string& line, std::size_t number,
                 const std::unordered_set<std::string>& labels);

  const std::string path_, model_;
  int descriptor_ = -1;
  std::unordered_set<std::string> images_;
  std::uint64_t failed_ = 0;
};

}  // namespace clip_cli
