// A model's weights by their canonical names (canonical.h): views of what its checkpoint stores,
// valid as long as that, or numbers of their own.
#pragma once

#include <list>
#include <map>
#include <string>
#include <utility>
#include <vector>

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
  // A float32 weight that no file holds, made of the one that `stored` names. Row-major.
  void add_own(const std::string& name, std::vector<float> values, const Shape& shape,
               const std::string& stored);

  const Weight* find(const std::string& name) const;  // null when there is none
  const Weight& at(const std::string& name) const;    // throws Error (kNotFound) when there is none

 private:
  std::string path_;
  std::map<std::string, Weight> weights_;
  std::list<std::vector<float>> own_;
};

}  // namespace clip
