// What every function of the C API that can fail does around its work: no exception leaves it, and
// each becomes a code and an error object.
#pragma once

#include <string>

#include "clip/c.h"
#include "clip/error.h"

struct clip_error {
  clip_code code;
  clip_hint hint;
  std::string message;
};

namespace clip {

// The object that a caller frees. Where there is no memory for it, one that is there for that; it
// needs no freeing, and takes none amiss.
clip_error* error_object(const Error& error) noexcept;

// The code of the exception that is being handled, whatever it is; `error`, which may be null, gets
// the object.
clip_code caught(clip_error** error) noexcept;

// Throws Error (kInvalidArgument): "NAME is NULL".
void require(const void* pointer, const char* name);

// Runs `work`, which may throw anything.
template <typename Work>
clip_code guarded(clip_error** error, const Work& work) noexcept {
  if (error != nullptr) *error = nullptr;
  try {
    work();
    return CLIP_OK;
  } catch (...) {
    return caught(error);
  }
}

}  // namespace clip
