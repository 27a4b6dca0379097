#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace orchestrator::deploy {

// The shell script that every dynamic site starts with, whatever its image is. It runs the first
// executable run file, forwards TERM to it, `drain` later, and ends with its exit code. A run file
// that ends badly several times in a row is started again after a growing pause, up to five
// minutes, which is counted in a file of the site's own folder /site/.orchestrator; a new
// deployment forgets it.
std::string EntryScript(std::chrono::seconds drain);

// The shell script that the engine runs in a task's container to learn whether the site is ready to
// be asked; $1 is how many seconds it may take.
std::string_view ReadinessScript();

// The file, in .orchestrator of the site's directory, that counts the bad ends.
inline constexpr std::string_view kCrashFile = "crashes";

}  // namespace orchestrator::deploy
