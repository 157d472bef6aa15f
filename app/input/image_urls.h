// Images that are named by a URL: https: and http: are fetched, file: is a file of this machine,
// and data: holds the image itself (RFC 2397).
#pragma once

#include <string>
#include <string_view>

#include "clip/cancel.h"
#include "clip/image_source.h"

namespace clip_cli {

enum class UrlKind { kNone, kData, kFile, kHttp };

// kNone: it is a path, or a text. Schemes count in any case; "data: all of it" is a text.
UrlKind url_kind(std::string_view name);

// A source whose name is a URL gets the function that loads its bytes, which the threads that
// decode images call: it throws Error for a URL that cannot be read, for more than 256 MiB, and
// when the server says nothing for 30 s, takes more than 5 min, or leads to what is neither http
// nor https. A data URL's name becomes its beginning. Other sources stay as they are. `stop`: null,
// or a token that ends a transfer; it must outlive the source.
void resolve_url(const clip::CancelToken* stop, clip::ImageSource* source);

}  // namespace clip_cli
