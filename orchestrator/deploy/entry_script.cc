#include "orchestrator/deploy/entry_script.h"

#include <fmt/format.h>

#include "provider/base/secret.h"

namespace orchestrator::deploy {
namespace {

constexpr std::string_view kEntryName = "orchestrator-entry";  // $0 of the script

// For any POSIX shell. `wait` returns early when the trap runs, hence the second loop. TERM may
// come at any point: who starts a child tells it what came before that child was known. A run of a
// minute counts as a good one. $1 is the name of the run file that the site gave the text of.
constexpr std::string_view kScript = R"sh(
say() { echo "DIRECTOR: $*"; }
counter=/site/.orchestrator/crashes
began=/run/orchestrator.began
child=
stopped=
told=
# A child that was forked a moment ago still has the handler of this shell, and would forget TERM.
tell() {
  [ -n "$child" ] || return 0
  told=yes
  @DRAIN@tries=0
  while [ ! -e "$began" ] && [ "$tries" -lt 20 ]; do
    sleep 0.1 2>/dev/null || sleep 1
    tries=$((tries + 1))
  done
  kill -TERM "$child" 2>/dev/null
}
rest() {
  sleep "$1" & resting=$!
  [ -n "$stopped" ] || wait "$resting"
  kill "$resting" 2>/dev/null
}
trap 'stopped=yes; tell' TERM

file=
if [ -n "$1" ]; then
  file=/site/.orchestrator/$1
  [ -x "$file" ] || say "$file is gone: deploy the site again"
else
  for candidate in /site/run.sh /site/private/run.sh /site/public/run.sh; do
    if [ -f "$candidate" ] && [ -x "$candidate" ]; then file=$candidate; break; fi
  done
fi
if [ -z "$file" ]; then
  say "No executable run.sh was found in /site, /site/private or /site/public"
  while [ -z "$stopped" ]; do rest 3600; done
  exit 0
fi

crashes=
[ -f "$counter" ] && read -r crashes <"$counter"
case $crashes in '' | *[!0-9]* | ????*) crashes=0 ;; esac
if [ "$crashes" -gt 1 ]; then
  pause=5
  step=2
  while [ "$step" -lt "$crashes" ] && [ "$pause" -lt 300 ]; do
    pause=$((pause * 2))
    step=$((step + 1))
  done
  [ "$pause" -le 300 ] || pause=300
  say "The server has ended $crashes times in a row; it is started again in $pause s"
  : >/run/orchestrator.pause
  rest "$pause"
  rm -f /run/orchestrator.pause
  [ -z "$stopped" ] || exit 143
fi

say "Starting server at $(date)"
started=$(date +%s)
[ -z "$stopped" ] || exit 143
rm -f "$began"
{ true >"$began"; exec "$file"; } &
child=$!
[ -z "$stopped" ] || [ -n "$told" ] || tell
wait "$child"
code=$?
while [ -n "$stopped" ] && kill -0 "$child" 2>/dev/null; do
  wait "$child"
  code=$?
done
[ -z "$stopped" ] || exit "$code"

lasted=$(($(date +%s) - started))
say "The server ended with exit code $code after $lasted s"
[ "$lasted" -lt 60 ] || crashes=0
mkdir -p /site/.orchestrator && echo $((crashes + 1)) >"$counter"
exit "$code"
)sh";

// Waits until something listens on port 80 of any address but this container's own loopback, for $1
// seconds at most; the pause after crashes does not count. Reads the kernel's tables, where 0050 is
// the port and 0A a listener, since images need not have a program that can ask. After the first
// success it never ends.
constexpr std::string_view kReadinessScript = R"sh(
ready=/run/orchestrator.ready
limit=/run/orchestrator.ready-until
[ ! -e "$ready" ] || exec sleep 2147483647
while :; do
  if [ -e /run/orchestrator.pause ] || [ ! -e "$limit" ]; then
    echo $(($(date +%s) + $1)) >"$limit"
  fi
  read -r end <"$limit"
  for table in /proc/net/tcp /proc/net/tcp6; do
    [ -r "$table" ] || continue
    while read -r _ address _ state _; do
      case $address/$state in
        ??????7F:* | 0000000000000000FFFF0000??????7F:* | 00000000000000000000000001000000:*) ;;
        *:0050/0A) : >"$ready"; exit 0 ;;
      esac
    done <"$table"
  done
  # Later than the second that it ends in, since these are whole seconds.
  if [ "$(date +%s)" -gt "$end" ]; then
    echo "nothing listens on port 80 after $1 s"
    exit 1
  fi
  sleep 0.1 2>/dev/null || sleep 1
done
)sh";

}  // namespace

std::string_view ReadinessScript() { return kReadinessScript; }

std::vector<std::string> EntryCommand(std::chrono::seconds drain,
                                      const std::optional<std::string>& run) {
  static constexpr std::string_view kPlace = "@DRAIN@";
  std::string script(kScript);
  script.replace(script.find(kPlace), kPlace.size(),
                 drain.count() > 0 ? fmt::format("sleep {}; ", drain.count()) : "");
  std::vector<std::string> command = {"sh", "-c", std::move(script)};
  if (run) {
    command.emplace_back(kEntryName);
    command.push_back(RunFileName(*run));
  }
  return command;
}

std::string RunFileName(std::string_view text) {
  return fmt::format("{}{}", kRunFilePrefix, provider::Sha256Hex(text));
}

std::string_view RunFileOf(const std::vector<std::string>& command) {
  const bool names_one = command.size() == 5 && command[3] == kEntryName;
  return names_one ? std::string_view(command[4]) : std::string_view();
}

}  // namespace orchestrator::deploy
