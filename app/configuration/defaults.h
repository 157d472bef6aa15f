// The configuration file of a run: read once, before the command line is parsed, so that what it
// sets need not be there; applied after that. What is wrong with it is an error only then: help
// works whatever the file holds.
#pragma once

#include <CLI/App.hpp>
#include <exception>

#include "configuration/file.h"
#include "options/general_options.h"

namespace clip_cli {

class Defaults {
 public:
  explicit Defaults(const GeneralOptions& options) : options_(options) {}

  // Of a command that has just got its options.
  void prepare(CLI::App* named);

  // To the command that was named last. Throws UsageError.
  void apply(CLI::App* command);

 private:
  const GeneralOptions options_;
  ConfigurationFile file_;
  std::exception_ptr error_;
};

}  // namespace clip_cli
