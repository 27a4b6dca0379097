#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace orchestrator::terminal {

// An engine leaves the processes of an exec alone when its client goes. So all that a terminal
// starts inherits a mark in its environment, by which it is found in the container: the pid of the
// shell, as the engine tells it, is the host's.

// A variable for the environment of a terminal's shell, NAME=value, like no other.
std::string NewMark();

// What to run in the container, as the user of the terminal: everything with this mark gets a HUP,
// and what is still there two seconds later is killed. Needs a POSIX shell and sleep, no more.
std::vector<std::string> HangUpCommand(std::string_view mark);

}  // namespace orchestrator::terminal
