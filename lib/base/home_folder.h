// The home folder of whoever runs the program.
#pragma once

#include <string>

namespace clip {

// $HOME, else that of the system's table of users: services and cron jobs have no HOME. Empty where
// neither says.
std::string home_folder();

}  // namespace clip
