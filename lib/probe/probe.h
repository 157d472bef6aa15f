// A linear probe in a file: what tells the embeddings of one model apart by classes. The file is
// safetensors, so that Python reads it, too: tensors `weight` [classes, dim] and `bias` [classes]
// of float32, and in its metadata
//
//   format               "clip-cli probe 1"
//   classes              a JSON array of the classes' names, in the order of rows
//   model                the identity of the model whose embeddings it was trained on
//   l2                   the strength of the penalty (softmax_regression.h)
//   validation_accuracy  of the rows that were held out; missing where none were
//
// A probability is the softmax of weight x + bias.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "probe/softmax_regression.h"

namespace clip {

struct Probe {
  LinearClassifier classifier;
  std::vector<std::string> classes;  // as many as the classifier has
  std::string model;                 // 64 hexadecimal digits
  double l2 = 0;
  std::optional<double> validation_accuracy;
};

// The file's contents. Throws Error (kInvalidArgument) for a class whose name is not UTF-8.
std::string probe_file(const Probe& probe);

// Throws Error naming the file for what is no such file, or contradicts itself.
Probe read_probe(const std::string& path);

}  // namespace clip
