// Probes: safetensors with classes in their metadata.
#include "probe/probe.h"

#include "fuzz.h"

void clip_fuzz::read_input(std::string_view input) {
  static const MemoryFile file;
  file.write(input);
  const clip::Probe probe = clip::read_probe(file.path());
  require(probe.classes.size() >= 2, "a probe tells classes apart");
  require(probe.classifier.biases.size() == probe.classes.size(), "a bias for each");
  require(probe.classifier.weights.values.size() ==
              probe.classes.size() * static_cast<std::size_t>(probe.classifier.weights.dim),
          "a row for each");
}
