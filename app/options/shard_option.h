// --shard K/N: which share of the images, or texts, a run takes (input/shard.h); where it is left
// out, and the run is one of a job of Slurm, what Slurm says.
#pragma once

#include <CLI/App.hpp>
#include <optional>
#include <string>
#include <vector>

#include "input/shard.h"

namespace clip_cli {

struct ShardOption {
  std::optional<Shard> named;
};

void add_shard_option(CLI::App* command, ShardOption* option);

// For a command whose work cannot be dealt out: --shard, which help does not show, is a UsageError
// that says why.
void refuse_shard_option(CLI::App* command, const std::string& why);

// The shard that Slurm's variables name, or nothing outside of a job array and of srun. In an array
// whose tasks call srun, each process of each task is a shard of its own. Throws UsageError for
// variables that are no numbers, and for an array without regular steps.
std::optional<Shard> shard_of_slurm();

// --shard, else Slurm's, which is said on standard error unless `quiet`, else all the work. A part
// of the work gets files of its own: each of `outputs`, that is not empty, becomes shard_path().
Shard shard_of_run(const ShardOption& option, bool quiet, const std::vector<std::string*>& outputs);

}  // namespace clip_cli
