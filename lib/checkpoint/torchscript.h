// The archives that torch.jit.save writes. Tensors by their full name in the module tree
// ("visual.conv1.weight"), read from the pickle and the storages alone: no code of the file is
// compiled or run. Documents are the archive's extra files.
#pragma once

#include <memory>
#include <string_view>

#include "checkpoint/checkpoint.h"

namespace clip {

bool is_torchscript(std::string_view bytes);

// Throws Error when the archive is cut short, when the pickle is not a module's, and when a tensor
// claims more data than its storage has.
std::unique_ptr<Checkpoint> open_torchscript(std::shared_ptr<const MappedFile> file);

}  // namespace clip
