// Manual pages, in the man(7) macros that groff and mandoc read.
#pragma once

#include <string>
#include <vector>

#include "manual/description.h"

namespace clip_cli {

struct ManPage {
  std::string name;  // "clip-cli-models-pull.1"
  std::string text;
};

// The page of a command; that of the program lists the commands.
ManPage man_page(const CommandText& command, const CommandText& program);

// Of the program and all its commands.
std::vector<ManPage> man_pages(const CommandText& program);

}  // namespace clip_cli
