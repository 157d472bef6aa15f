#include "clip/error.h"

namespace clip {

const char* name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kCorrupt:
      return "corrupt";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kLimit:
      return "limit";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kInternal:
      break;
  }
  return "internal";
}

namespace {

// what() ends at the first NUL byte, which a name from outside may hold.
std::string without_nul(std::string message) {
  for (std::size_t at = 0; (at = message.find('\0', at)) != std::string::npos;) {
    message.replace(at, 1, "\\0");
  }
  return message;
}

}  // namespace

Error::Error(ErrorCode code, const std::string& message, Hint hint)
    : std::runtime_error(without_nul(message)), code_(code), hint_(hint) {}

Error::~Error() = default;

Error Error::within(const std::string& context) const {
  return Error(code_, context + ": " + what(), hint_);
}

}  // namespace clip
