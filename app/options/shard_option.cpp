#include "options/shard_option.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "terminal/text.h"
#include "usage_error.h"

namespace clip_cli {
namespace {

// Slurm's numbers of steps that are no steps of srun (a batch script's, a shell of salloc) begin
// here: SLURM_MAX_NORMAL_STEP_ID of slurm.h.
constexpr std::uint64_t kMaxStep = 0xfffffff0;

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    return std::nullopt;
  }
  return number;
}

std::optional<Shard> shard_in(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto index = number_in(std::string_view(text).substr(0, slash));
  const auto count = number_in(std::string_view(text).substr(slash + 1));
  if (!index || !count || *index >= *count || *count > kMaxShards) return std::nullopt;
  return Shard{*index, *count};
}

[[noreturn]] void refuse(const std::string& what) {
  throw UsageError(what + "; name the shard by --shard K/N, or all of the work by --shard 0/1");
}

const char* variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

std::uint64_t number_of(const char* name) {
  const char* value = variable(name);
  if (value == nullptr) refuse(fmt::format("{} is not set, as it should be under Slurm", name));
  const auto number = number_in(value);
  if (!number) refuse(fmt::format("{} is '{}', and no number", name, value));
  return *number;
}

// One task of an array, whose numbers are MIN, MIN + STEP and so on.
Shard task_of_array() {
  const std::uint64_t id = number_of("SLURM_ARRAY_TASK_ID");
  const std::uint64_t min = number_of("SLURM_ARRAY_TASK_MIN");
  const std::uint64_t count = number_of("SLURM_ARRAY_TASK_COUNT");
  const std::uint64_t max =
      variable("SLURM_ARRAY_TASK_MAX") != nullptr ? number_of("SLURM_ARRAY_TASK_MAX") : 0;
  std::uint64_t step =
      variable("SLURM_ARRAY_TASK_STEP") != nullptr ? number_of("SLURM_ARRAY_TASK_STEP") : 1;
  if (step == 0) step = 1;
  const bool is_regular = id >= min && (id - min) % step == 0 && (id - min) / step < count &&
                          (max == 0 || (max >= min && (max - min) / step + 1 == count));
  if (!is_regular) {
    refuse(
        fmt::format("the numbers of this job array ({} of them from {}, and this is {}) do not say "
                    "which shard it is: they should be a range, as in --array=0-7",
                    count, min, id));
  }
  return {(id - min) / step, count};
}

// Whether srun started this process, as one of several.
std::optional<Shard> process_of_srun() {
  if (variable("SLURM_STEP_ID") == nullptr || variable("SLURM_PROCID") == nullptr) return {};
  if (number_of("SLURM_STEP_ID") >= kMaxStep) return {};
  // The tasks of this step; those of the job may be more.
  const char* tasks =
      variable("SLURM_STEP_NUM_TASKS") != nullptr ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS";
  if (variable(tasks) == nullptr) return {};
  const Shard shard = {number_of("SLURM_PROCID"), number_of(tasks)};
  if (shard.index >= shard.count) {
    refuse(fmt::format("SLURM_PROCID is {}, and {} is {}", shard.index, tasks, shard.count));
  }
  return shard;
}

}  // namespace

void add_shard_option(CLI::App* command, ShardOption* option) {
  command
      ->add_option_function<std::string>(
          "--shard", [option](const std::string& text) { option->named = shard_in(text); },
          "Take only share K of N equal shares of the inputs; K is 0 to N - 1\n"
          "For work that several machines share: files of --output get K and N into their names. "
          "In "
          "jobs of Slurm the shard is the job's own, unless 0/1 takes all.")
      ->check([](const std::string& text) {
        if (shard_in(text)) return std::string();
        return fmt::format("'{}' is no shard; expected K/N, with K from 0 to N - 1, and N up to {}",
                           text, kMaxShards);
      })
      ->type_name("K/N");
}

void refuse_shard_option(CLI::App* command, const std::string& why) {
  command
      ->add_option_function<std::string>(
          "--shard", [why](const std::string&) { throw CLI::ValidationError("--shard", why); }, "")
      ->group("");
}

std::optional<Shard> shard_of_slurm() {
  const bool in_array = variable("SLURM_ARRAY_TASK_ID") != nullptr;
  const std::optional<Shard> process = process_of_srun();
  if (!in_array) return process;
  const Shard task = task_of_array();
  if (!process) return task;
  return Shard{task.index * process->count + process->index, task.count * process->count};
}

Shard shard_of_run(const ShardOption& option, bool quiet,
                   const std::vector<std::string*>& outputs) {
  Shard shard;
  if (option.named) {
    shard = *option.named;
  } else if (const auto of_slurm = shard_of_slurm()) {
    shard = *of_slurm;
    if (shard.count > kMaxShards) refuse(fmt::format("Slurm gives {} shards", shard.count));
  }
  if (!shard.is_part()) return shard;
  std::string into;
  for (std::string* output : outputs) {
    if (output->empty()) continue;
    *output = shard_path(*output, shard);
    into += (into.empty() ? ", into " : " and ") + *output;
  }
  if (!quiet) {
    notice(fmt::format("shard {}{}{}", shard.text(),
                       option.named ? "" : ", by Slurm (--shard 0/1 takes all)", into));
  }
  return shard;
}

}  // namespace clip_cli
