#include "c_api/guard.h"

#include <doctest/doctest.h>

#include <new>
#include <stdexcept>
#include <string>
#include <system_error>

#include "support.h"

using clip::Error;
using clip::ErrorCode;
using clip::guarded;
using clip::Hint;

namespace {

struct Caught {
  clip_code code = CLIP_OK;
  clip_hint hint = CLIP_HINT_NONE;
  std::string message;
};

// What becomes of an exception; the same code is returned and is in the object.
template <typename Exception>
Caught thrown(const Exception& exception) {
  clip_error* error = nullptr;
  const auto work = [&] { throw exception; };
  const clip_code code = guarded(&error, work);
  CHECK(guarded(nullptr, work) == code);
  REQUIRE(error != nullptr);
  CHECK(clip_error_code(error) == code);
  Caught caught = {code, clip_error_hint(error), clip_error_message(error)};
  clip_error_free(error);
  return caught;
}

}  // namespace

TEST_CASE("whatever is thrown becomes a code and a message") {
  const Caught error = thrown(Error(ErrorCode::kLimit, "too long", Hint::kTruncatePrompt));
  CHECK(error.code == CLIP_LIMIT);
  CHECK(error.hint == CLIP_HINT_TRUNCATE);
  CHECK(error.message == "too long");
  CHECK(thrown(Error(ErrorCode::kUnsupported, "", Hint::kNameOutput)).hint == CLIP_HINT_NONE);

  const Caught no_memory = thrown(std::bad_alloc());
  CHECK(no_memory.code == CLIP_IO);
  CHECK(no_memory.message == "out of memory");
  CHECK(thrown(std::bad_array_new_length()).code == CLIP_IO);
  const std::error_code again = std::make_error_code(std::errc::resource_unavailable_try_again);
  CHECK(thrown(std::system_error(again)).code == CLIP_IO);
  CHECK(thrown(std::out_of_range("at")).code == CLIP_INTERNAL);
  CHECK(thrown(std::out_of_range("at")).message == "at");
  CHECK(thrown(5).code == CLIP_INTERNAL);
}

TEST_CASE("codes are the library's") {
  for (const auto& [code, wanted] :
       {std::pair(ErrorCode::kInvalidArgument, CLIP_INVALID_ARGUMENT),
        std::pair(ErrorCode::kNotFound, CLIP_NOT_FOUND), std::pair(ErrorCode::kIo, CLIP_IO),
        std::pair(ErrorCode::kCorrupt, CLIP_CORRUPT),
        std::pair(ErrorCode::kUnsupported, CLIP_UNSUPPORTED),
        std::pair(ErrorCode::kLimit, CLIP_LIMIT), std::pair(ErrorCode::kCancelled, CLIP_CANCELLED),
        std::pair(ErrorCode::kInternal, CLIP_INTERNAL)}) {
    CHECK(thrown(Error(code, "")).code == wanted);
    CHECK(std::string(clip_code_name(wanted)) == name_of(code));
  }
}

TEST_CASE("what succeeds has no error") {
  clip_error* error = clip::error_object(Error(ErrorCode::kIo, "before"));
  clip_error* const before = error;
  CHECK(guarded(&error, [] {}) == CLIP_OK);
  CHECK(error == nullptr);
  clip_error_free(before);
}

TEST_CASE("NULL is named") {
  CHECK(clip_test::error_of([] { clip::require(nullptr, "model"); }) == "model is NULL");
  const int there = 0;
  CHECK_NOTHROW(clip::require(&there, "model"));
}
