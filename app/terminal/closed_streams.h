// Standard input, output and error that whoever started the program has closed (`>&-`).
#pragma once

namespace clip_cli {

// Opens them so that reading and writing fail as before, with EBADF. Else the next file that is
// opened would be in their place, and get what is printed. Before any file is opened.
void hold_closed_streams();

}  // namespace clip_cli
