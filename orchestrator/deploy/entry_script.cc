#include "orchestrator/deploy/entry_script.h"

namespace orchestrator::deploy {
namespace {

// For any POSIX shell. `wait` returns early when the trap runs, hence the second loop. A run of a
// minute counts as a good one.
constexpr std::string_view kScript = R"sh(
say() { echo "DIRECTOR: $*"; }
counter=/site/.orchestrator/crashes
child=
stopped=
trap 'stopped=yes; if [ -n "$child" ]; then kill -TERM "$child" 2>/dev/null; fi' TERM

file=
for candidate in /site/.orchestrator/run /site/run.sh /site/private/run.sh /site/public/run.sh; do
  if [ -f "$candidate" ] && [ -x "$candidate" ]; then file=$candidate; break; fi
done
if [ -z "$file" ]; then
  say "No executable run.sh was found in /site, /site/private or /site/public"
  while [ -z "$stopped" ]; do sleep 3600 & child=$!; wait "$child"; done
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
  sleep "$pause" & child=$!
  wait "$child"
  child=
  [ -z "$stopped" ] || exit 143
fi

say "Starting server at $(date)"
started=$(date +%s)
"$file" &
child=$!
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

}  // namespace

std::string_view EntryScript() { return kScript; }

}  // namespace orchestrator::deploy
