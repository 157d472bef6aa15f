#include <exception>
#include <new>
#include <system_error>

#include "c_api/guard.h"

namespace clip {
namespace {

clip_code code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return CLIP_INVALID_ARGUMENT;
    case ErrorCode::kNotFound:
      return CLIP_NOT_FOUND;
    case ErrorCode::kIo:
      return CLIP_IO;
    case ErrorCode::kCorrupt:
      return CLIP_CORRUPT;
    case ErrorCode::kUnsupported:
      return CLIP_UNSUPPORTED;
    case ErrorCode::kLimit:
      return CLIP_LIMIT;
    case ErrorCode::kCancelled:
      return CLIP_CANCELLED;
    case ErrorCode::kInternal:
      break;
  }
  return CLIP_INTERNAL;
}

// Those that are about something else than this API are none.
clip_hint hint_of(Hint hint) {
  switch (hint) {
    case Hint::kRaisePixelLimit:
      return CLIP_HINT_RAISE_MAX_PIXELS;
    case Hint::kRaiseMemoryLimit:
      return CLIP_HINT_RAISE_MAX_MEMORY;
    case Hint::kTruncatePrompt:
      return CLIP_HINT_TRUNCATE;
    case Hint::kNameArchitecture:
      return CLIP_HINT_NAME_ARCHITECTURE;
    case Hint::kRebuildIndex:
      return CLIP_HINT_REBUILD_INDEX;
    case Hint::kUseTorchScript:
      return CLIP_HINT_USE_TORCHSCRIPT;
    case Hint::kExportModel:
      return CLIP_HINT_EXPORT_MODEL;
    default:
      return CLIP_HINT_NONE;
  }
}

// Short enough to need no memory of its own.
clip_error* out_of_memory() noexcept {
  static clip_error error = {CLIP_IO, CLIP_HINT_NONE, "out of memory"};
  return &error;
}

}  // namespace

clip_error* error_object(const Error& error) noexcept {
  try {
    return new clip_error{code_of(error.code()), hint_of(error.hint()), error.what()};
  } catch (...) {
    return out_of_memory();
  }
}

clip_code caught(clip_error** error) noexcept {
  clip_error* object = nullptr;
  try {
    throw;
  } catch (const Error& what) {
    object = error_object(what);
  } catch (const std::bad_alloc&) {
    object = out_of_memory();
  } catch (const std::system_error& what) {  // a thread that cannot be started
    object = error_object(Error(ErrorCode::kIo, what.what()));
  } catch (const std::exception& what) {
    object = error_object(Error(ErrorCode::kInternal, what.what()));
  } catch (...) {
    object = error_object(Error(ErrorCode::kInternal, "an unknown exception"));
  }
  const clip_code code = object->code;
  if (error != nullptr) {
    *error = object;
  } else {
    clip_error_free(object);
  }
  return code;
}

void require(const void* pointer, const char* name) {
  if (pointer != nullptr) return;
  throw Error(ErrorCode::kInvalidArgument, std::string(name) + " is NULL");
}

}  // namespace clip

const char* clip_version(void) {
  return CLIP_VERSION;
}

const char* clip_code_name(clip_code code) {
  switch (code) {
    case CLIP_OK:
      return "ok";
    case CLIP_INVALID_ARGUMENT:
      return name_of(clip::ErrorCode::kInvalidArgument);
    case CLIP_NOT_FOUND:
      return name_of(clip::ErrorCode::kNotFound);
    case CLIP_IO:
      return name_of(clip::ErrorCode::kIo);
    case CLIP_CORRUPT:
      return name_of(clip::ErrorCode::kCorrupt);
    case CLIP_UNSUPPORTED:
      return name_of(clip::ErrorCode::kUnsupported);
    case CLIP_LIMIT:
      return name_of(clip::ErrorCode::kLimit);
    case CLIP_CANCELLED:
      return name_of(clip::ErrorCode::kCancelled);
    case CLIP_INTERNAL:
      break;
  }
  return name_of(clip::ErrorCode::kInternal);
}

clip_code clip_error_code(const clip_error* error) {
  return error != nullptr ? error->code : CLIP_OK;
}

clip_hint clip_error_hint(const clip_error* error) {
  return error != nullptr ? error->hint : CLIP_HINT_NONE;
}

const char* clip_error_message(const clip_error* error) {
  return error != nullptr ? error->message.c_str() : "";
}

void clip_error_free(clip_error* error) {
  if (error != clip::out_of_memory()) delete error;
}
