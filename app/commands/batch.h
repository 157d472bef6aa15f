// `clip-cli batch [JOBS.jsonl]`: any number of jobs with one load of the model, for scripts.
#pragma once

#include <CLI/App.hpp>
#include <functional>

namespace clip_cli {

void setup_batch(CLI::App* app, std::function<int()>* command);

}  // namespace clip_cli
