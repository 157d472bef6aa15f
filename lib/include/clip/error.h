/// \file
/// The one exception of the library: a code for programs, a message for people, and a hint that
/// says what could be done about it.
///
/// The message says what is wrong, where (file, line, weight, prompt), and what to do, without
/// naming any option of a command line: that is what the hint is for, which a program turns into
/// its own words. The library prints nothing.
#pragma once

#include <stdexcept>
#include <string>

/// Seen across shared objects, so that an Error that a module throws is caught as one.
#define CLIP_API __attribute__((visibility("default")))

namespace clip {

/// What kind of error it is.
enum class ErrorCode {
  kInvalidArgument,  ///< what the caller asks for cannot be meant
  kNotFound,         ///< a file, a model or a weight is not there
  kIo,               ///< the system cannot read, write or allocate
  kCorrupt,          ///< a file is damaged, or contradicts itself
  kUnsupported,      ///< a file or a request is sound, and of a kind that is not supported
  kLimit,            ///< larger, longer or deeper than allowed
  kCancelled,        ///< ended by a CancelToken
  kInternal,         ///< a model or a library fails
};

/// "invalid_argument", "not_found", ...: part of the interface, as JSON has it.
const char* name_of(ErrorCode code);

/// What could be done about it; members of options are the library's.
enum class Hint {
  kNone,              ///< nothing in particular
  kRaisePixelLimit,   ///< DecodeOptions::max_pixels
  kRaiseMemoryLimit,  ///< DecodeOptions::memory
  kTruncatePrompt,    ///< TextOptions::truncate
  kUseTorchScript,    ///< the engine "torchscript" may run this model
  kUseLibTorch,       ///< the engine "libtorch" may run this model, on this device
  kUseCpu,            ///< the device "cpu" is there
  kUseBFloat16,       ///< the CPU computes in bfloat16, too
  kExportModel,       ///< save the model as a TorchScript module
  kSeparateByNul,     ///< names that lines cannot hold can be separated by NUL
  kNameLabels,        ///< give the classes other labels
  kNameOutput,        ///< write to another file
  kRebuildIndex,      ///< remove the index, and build it again
  kNameArchitecture,  ///< OpenOptions::architecture
};

/// What everything here throws.
class CLIP_API Error : public std::runtime_error {
 public:
  /// `message`: one line without a line end.
  Error(ErrorCode code, const std::string& message, Hint hint = Hint::kNone);
  ~Error() override;
  Error(const Error&) = default;             ///< copies
  Error& operator=(const Error&) = default;  ///< copies

  ErrorCode code() const { return code_; }  ///< for programs
  Hint hint() const { return hint_; }       ///< what could be done about it

  /// The same error, said with its context: "cannot use cat.png: it is cut short".
  Error within(const std::string& context) const;

 private:
  ErrorCode code_;
  Hint hint_;
};

}  // namespace clip
