#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "orchestrator/docker/types.h"

namespace orchestrator::api {

// How far a reader of a site's log has come: a place in the log of each task. One place for all of
// them would lose lines, since every task has the clock of its node, and its lines come when that
// node sends them. Not thread-safe.
class LogCursor {
 public:
  using Time = std::chrono::sys_time<std::chrono::nanoseconds>;

  // Of tasks that it has not heard of, what they write from `begin` on is new.
  explicit LogCursor(Time begin) : begin_(begin) {}

  // As a short text for the id of an event, and back; nothing where it is no such text.
  std::string Id() const;
  static std::optional<LogCursor> Parse(std::string_view id);

  // What to ask an engine for (LogQuery::since), so that nothing that is new is missing.
  std::string since() const;

  // The engine begins to give the log from since() on.
  void StartReading() { read_ = known_; }
  // Whether a line that it gives is new. It is known from then on.
  bool Take(const docker::LogLine& line);

  // The line is known; to be told of each in its turn.
  void Advance(const docker::LogLine& line);
  // The line is still to come, and is the first of its task that is.
  void Expect(const docker::LogLine& line);

  bool has_tasks() const { return !known_.empty(); }

 private:
  // The time of a task's last line, and how many lines of it have this time: the parts of a long
  // line do.
  struct Place {
    Time time;
    std::uint64_t lines = 0;
  };

  Time begin_;
  std::map<std::string, Place> known_;  // by the beginning of the task's id
  std::map<std::string, Place> read_;   // what is left to pass over in what the engine gives
};

// Unix seconds as LogQuery::since has them. Nothing where the text is none.
std::optional<LogCursor::Time> ParseUnixSeconds(std::string_view text);

}  // namespace orchestrator::api
