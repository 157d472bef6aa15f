// What the library's hints mean on this command line.
#pragma once

#include <string>

#include "clip/error.h"

namespace clip_cli {

// The error's message, with the option that may help.
std::string message_of(const clip::Error& error);

}  // namespace clip_cli
