// A model's weights by their canonical names (canonical.h): views of what its checkpoint stores,
// valid as long as that.
#pragma once

#include <map>
#include <string>

#include "checkpoint/tensor.h"

namespace clip {

struct Weight {
  Tensor tensor;       // of the canonical shape
  std::string stored;  // what the file calls it, for messages
};

class Weights {
 public:
  // `path`: of the file, for messages.
  explicit Weights(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  void add(const std::string& name, Weight weight) { weights_[name] = std::move(weight); }

  const Weight* find(const std::string& name) const;  // null when there is none
  const Weight& at(const std::string& name) const;    // throws Error (kNotFound) when there is none

 private:
  std::string path_;
  std::map<std::string, Weight> weights_;
};

}  // namespace clip
