// What the weights do not show and something else states: a config, an architecture that a caller
// names; and what is to be said when nothing does.
#pragma once

#include <cstdint>
#include <string>

#include "checkpoint/checkpoint.h"
#include "clip/model.h"
#include "clip/model_config.h"

namespace clip {

// Throws Error (kCorrupt) when `where` states another size than the weights were made for.
void check_stated(const Checkpoint& checkpoint, const std::string& where, const char* what,
                  std::int64_t stated, std::int64_t found);

// Takes heads and activations from an architecture (model/architectures.h). Throws Error
// (kInvalidArgument) where the weights have not its dimensions.
void apply_architecture(const Checkpoint& checkpoint, const std::string& name, ModelConfig* config);

// Throws Error (kInvalidArgument) where a config that is complete is not of the architecture that
// the options name.
void check_architecture(const Checkpoint& checkpoint, const OpenOptions& options,
                        const ModelConfig& config);

// Throws Error (kUnsupported, kNameArchitecture): nothing is guessed. `document`: what would have
// stated it.
[[noreturn]] void refuse_without_config(const Checkpoint& checkpoint, const char* document);

}  // namespace clip
