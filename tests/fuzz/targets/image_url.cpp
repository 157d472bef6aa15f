// A name that may be a URL, and the bytes in a data URL.
#include "fuzz.h"
#include "input/image_urls.h"

void clip_fuzz::read_input(std::string_view input) {
  clip::ImageSource source;
  source.name = std::string(input);
  clip_cli::resolve_url(nullptr, &source);
  if (clip_cli::url_kind(input) != clip_cli::UrlKind::kData) return;
  require(source.load().size() <= input.size(), "data are no longer than their URL");
}
