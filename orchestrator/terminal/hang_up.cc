#include "orchestrator/terminal/hang_up.h"

#include <cstddef>

#include "provider/base/secret.h"

namespace orchestrator::terminal {
namespace {

constexpr std::size_t kMarkBytes = 16;

// Processes may end, or belong to somebody else, while they are looked at. The mark comes as an
// argument, so the script does not find itself. `read` passes over the NULs between variables.
constexpr const char* kScript = R"sh(
send() {
  for process in /proc/[0-9]*; do
    marked=
    while IFS= read -r line || [ -n "$line" ]; do
      case $line in *"$2"*) marked=1 ;; esac
    done <"$process/environ"
    [ -z "$marked" ] || kill -s "$1" "${process#/proc/}"
  done
} 2>/dev/null
send HUP "$1"
sleep 2
send KILL "$1"
)sh";

}  // namespace

std::string NewMark() { return "ORCHESTRATOR_TERMINAL=" + provider::RandomHex(kMarkBytes); }

std::vector<std::string> HangUpCommand(std::string_view mark) {
  return {"sh", "-c", kScript, "sh", std::string(mark)};
}

}  // namespace orchestrator::terminal
