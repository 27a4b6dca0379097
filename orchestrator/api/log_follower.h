#pragma once

#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "orchestrator/api/event_stream.h"
#include "orchestrator/api/log_cursor.h"
#include "orchestrator/docker/engine.h"
#include "orchestrator/site/site.h"
#include "orchestrator/store/store.h"

namespace orchestrator::api {

inline constexpr std::size_t kMostLogLines = 10'000;  // that are shown of what there is

struct NewestLines {
  std::vector<docker::LogLine> lines;  // by time
  LogCursor before;                    // what there was before them
  Result<void> read;                   // whole, or why not

  // Not one line was there, whether or not any is shown.
  bool is_empty() const { return lines.empty() && !before.has_tasks(); }
};

// The last lines of all tasks of a service together: the engine counts them for each, and gives one
// task's after the other's. `query` says how many, and whether only from some time on.
NewestLines ReadNewestLines(docker::Engine& engine, const std::string& service,
                            docker::LogQuery query, const std::stop_token& stop);

// One line of the log as the API shows it, in one line of JSON.
std::string LogLineJson(const docker::LogLine& line);

// Sends the log of a site's tasks as events "line", each with a LogCursor as its id: the last lines
// first, or what came after `known`; and where the query follows, what is written from then on.
// While the engine is away, fails for up to a minute, or has no such service it asks again, and
// says so by an event "problem", {"reason": …}, once for each reason. The event "end",
// {"reason": …}, is the last: all is sent (no reason), the site was removed, or the log cannot be
// read. Blocks until then, or until the writer's stop is requested.
void SendLog(const store::Store& store, docker::Engine& engine, site::SiteId id,
             const docker::LogQuery& query, std::optional<LogCursor> known, EventWriter& writer);

}  // namespace orchestrator::api
