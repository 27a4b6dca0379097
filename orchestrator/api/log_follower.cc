#include "orchestrator/api/log_follower.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

#include <nlohmann/json.hpp>

#include "orchestrator/api/answer.h"

namespace orchestrator::api {
namespace {

using namespace std::chrono_literals;

// The parts of a long line have one time: with some more lines than are shown, all with the time of
// the first one are counted.
constexpr std::size_t kMoreLines = 100;
constexpr auto kShortestPause = 1s;  // while the engine is away
constexpr auto kLongestPause = 16s;
// How far the clock of a node may be behind ours without a line of a new task there being lost.
constexpr auto kClockDifference = 1min;

class Follower {
 public:
  Follower(docker::Engine& engine, site::SiteId id, docker::LogQuery query,
           std::optional<LogCursor> known, EventWriter& writer)
      : engine_(engine),
        service_(site::ServiceName(id)),
        query_(std::move(query)),
        cursor_(std::move(known)),
        writer_(writer) {}

  void Run() {
    if (!cursor_ && !SendNewest()) return;
    while (!writer_.stop().stop_requested()) {
      const Result<void> read = SendNext();
      if (!query_.follow) {
        End(read);
        return;
      }
      Pause();
    }
  }

 private:
  // False when no more is to follow.
  bool SendNewest() {
    NewestLines newest = ReadNewest();
    while (!newest.read && newest.is_empty() && query_.follow && !writer_.stop().stop_requested()) {
      Pause();
      newest = ReadNewest();
    }
    cursor_ = std::move(newest.before);
    for (const docker::LogLine& line : newest.lines) {
      cursor_->Advance(line);
      if (!Send(line)) return false;
    }
    if (!query_.follow) End(newest.read);
    return query_.follow;
  }

  NewestLines ReadNewest() { return ReadNewestLines(engine_, service_, query_, writer_.stop()); }

  Result<void> SendNext() {
    docker::LogQuery query;
    query.since = cursor_->since();
    query.follow = query_.follow;
    cursor_->StartReading();
    return engine_.ReadServiceLog(
        service_, query,
        [&](const docker::LogLine& line) { return !cursor_->Take(line) || Send(line); },
        writer_.stop());
  }

  bool Send(const docker::LogLine& line) {
    pause_ = kShortestPause;
    return writer_.Send("line", LogLineJson(line), cursor_->Id());
  }

  void End(const Result<void>& read) {
    writer_.Send("end", Dump({{"reason", read ? "" : read.error().message}}));
  }

  // Longer each time, since all that came before is read again after it.
  void Pause() {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any().wait_for(lock, writer_.stop(), pause_, [] { return false; });
    pause_ = std::min<std::chrono::seconds>(pause_ * 2, kLongestPause);
  }

  docker::Engine& engine_;
  const std::string service_;
  const docker::LogQuery query_;
  std::optional<LogCursor> cursor_;
  EventWriter& writer_;
  std::chrono::seconds pause_ = kShortestPause;
};

// Leaves the newest, and lets the cursor know the others.
void KeepNewest(NewestLines& newest, std::size_t count) {
  std::ranges::stable_sort(newest.lines, {}, &docker::LogLine::time);
  if (newest.lines.size() <= count) return;
  const auto kept = newest.lines.end() - static_cast<std::ptrdiff_t>(count);
  std::for_each(newest.lines.begin(), kept,
                [&](const docker::LogLine& line) { newest.before.Advance(line); });
  newest.lines.erase(newest.lines.begin(), kept);
}

}  // namespace

NewestLines ReadNewestLines(docker::Engine& engine, const std::string& service,
                            docker::LogQuery query, const std::stop_token& stop) {
  LogCursor::Time begin = std::chrono::system_clock::now() - kClockDifference;
  if (const auto since = ParseUnixSeconds(query.since)) begin = std::max(begin, *since);
  NewestLines newest{.lines = {}, .before = LogCursor(begin), .read = {}};
  const std::size_t count = query.tail.value_or(kMostLogLines);
  query.tail = count + kMoreLines;
  query.follow = false;
  newest.read = engine.ReadServiceLog(
      service, query,
      [&](const docker::LogLine& line) {
        newest.lines.push_back(line);
        if (newest.lines.size() >= count + kMostLogLines) KeepNewest(newest, count);
        return true;
      },
      stop);
  KeepNewest(newest, count);
  for (const docker::LogLine& line : newest.lines) newest.before.Expect(line);
  return newest;
}

std::string LogLineJson(const docker::LogLine& line) {
  const bool is_error = line.stream == docker::LogLine::Stream::kStderr;
  return Dump({{"time", line.time},
               {"task", line.task_id},
               {"stream", is_error ? "stderr" : "stdout"},
               {"text", line.text}});
}

void SendLog(docker::Engine& engine, site::SiteId id, const docker::LogQuery& query,
             std::optional<LogCursor> known, EventWriter& writer) {
  Follower(engine, id, query, std::move(known), writer).Run();
}

}  // namespace orchestrator::api
