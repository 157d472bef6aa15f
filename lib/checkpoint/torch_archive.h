// The zip archives that PyTorch writes, read from the pickle and the storages alone: no code of the
// file is compiled or run.
//
// torch.jit.save: tensors by their full name in the module tree ("visual.conv1.weight"); documents
// are the archive's extra files. torch.save: the tensors of a state dict, which is the pickled
// value itself, or lies in it under "state_dict", "model_state_dict" or "model"; a prefix that
// DataParallel or torch.compile puts before all names ("module.", "_orig_mod.") is left out.
#pragma once

#include <memory>
#include <string_view>

#include "checkpoint/checkpoint.h"

namespace clip {

bool is_torch_archive(std::string_view bytes);

// Throws Error when the archive is cut short, when the pickle is neither a module's nor a state
// dict's, and when a tensor claims more data than its storage has.
std::unique_ptr<Checkpoint> open_torch_archive(std::shared_ptr<const MappedFile> file);

}  // namespace clip
