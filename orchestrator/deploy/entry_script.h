#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace orchestrator::deploy {

// What every dynamic site starts with, whatever its image is: a shell script that runs the run file
// with the text `run` or, without a text, the first executable run.sh of the site. It forwards TERM
// to it, `drain` later, and ends with its exit code. A run file that ends badly several times in a
// row is started again after a growing pause, up to five minutes, which is counted in a file of the
// site's own folder /site/.orchestrator; a new deployment forgets it.
std::vector<std::string> EntryCommand(std::chrono::seconds drain,
                                      const std::optional<std::string>& run);

// The names of files with the text of a run file begin so. They are in .orchestrator of the site's
// directory.
inline constexpr std::string_view kRunFilePrefix = "run-";

// The name of the file with this text. It tells the text, and a task is given it: so a deployment
// that the swarm goes back to runs what it ran, whatever came after it.
std::string RunFileName(std::string_view text);

// The run file that a command of EntryCommand names; empty if none.
std::string_view RunFileOf(const std::vector<std::string>& command);

// The shell script that the engine runs in a task's container to learn whether the site is ready to
// be asked; $1 is how many seconds it may take.
std::string_view ReadinessScript();

// The file, in .orchestrator of the site's directory, that counts the bad ends.
inline constexpr std::string_view kCrashFile = "crashes";

}  // namespace orchestrator::deploy
