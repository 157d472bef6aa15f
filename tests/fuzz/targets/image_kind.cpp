// What a file is, by its first bytes, for messages.
#include "clip/error.h"
#include "fuzz.h"
#include "image/formats/formats.h"

void clip_fuzz::read_input(std::string_view input) {
  const clip::ImageFormat& format = clip::known_format_of(input, "input.raw");
  clip::read_header(format, input, 1'000'000);
}
