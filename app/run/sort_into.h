// Files images under their labels: DIR/label/image. Never overwrites: where the name is taken,
// -1, -2 and so on come before its ending. A copy is complete when its name appears.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace clip_cli {

enum class SortMethod {
  kLink,  // symbolic, to the image's absolute path
  kCopy,
  kMove,
};

class SortInto {
 public:
  // Makes the folder, but in a dry run, which only says where images would go.
  SortInto(std::string folder, SortMethod method, bool dry_run);

  // Gives the path that the image has there. A link that is there already is not made again.
  // Throws clip::Error naming both.
  std::string file(const std::string& image, const std::string& label);

 private:
  enum class Outcome { kDone, kTaken };

  Outcome put(const std::string& image, const std::string& target);

  const std::string folder_;
  const SortMethod method_;
  const bool dry_run_;
  std::unordered_map<std::string, std::uint64_t> next_number_;  // by the name without a number
  std::unordered_set<std::string> planned_;                     // names given in a dry run
};

// The name of a label's folder: the label itself, but for what a name cannot hold, or would hide
// it, which is written %XX. Different labels have different names.
std::string folder_name(const std::string& label);

}  // namespace clip_cli
