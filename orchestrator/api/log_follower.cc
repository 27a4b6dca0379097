#include "orchestrator/api/log_follower.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/api/answer.h"
#include "provider/base/pause.h"

namespace orchestrator::api {
namespace {

using namespace std::chrono_literals;

// The parts of a long line have one time: with some more lines than are shown, all with the time of
// the first one are counted.
constexpr std::size_t kMoreLines = 100;
constexpr auto kShortestPause = 1s;  // while the engine is away
constexpr auto kLongestPause = 4s;
constexpr auto kStart = 1min;
constexpr auto kLook = 2s;  // how late the removal of the site is seen
// What engines say of log drivers that only write.
constexpr std::string_view kUnreadable = "does not support reading";
// How far the clock of a node may be behind ours without a line of a new task there being lost.
constexpr auto kClockDifference = 1min;

class Follower {
 public:
  Follower(const store::Store& store, docker::Engine& engine, site::SiteId id,
           docker::LogQuery query, std::optional<LogCursor> known, EventWriter& writer)
      : store_(store),
        engine_(engine),
        id_(id),
        query_(std::move(query)),
        cursor_(std::move(known)),
        writer_(writer),
        on_stop_(writer.stop(), [this] { reading_.request_stop(); }) {
    if (query_.follow) watch_ = std::jthread([this](const std::stop_token& stop) { Watch(stop); });
  }

  void Run() {
    if (!cursor_ && !SendNewest()) return;
    while (true) {
      const auto begun = std::chrono::steady_clock::now();
      const Result<void> read = SendNext();
      // What went well for that long is no start any more.
      if (std::chrono::steady_clock::now() - begun >= kStart) failing_since_.reset();
      if (!query_.follow) {
        End(read ? "" : read.error().message);
        return;
      }
      if (!GoesOn(read)) return;
      Pause();
    }
  }

 private:
  // False when no more is to follow.
  bool SendNewest() {
    NewestLines newest = ReadNewest();
    while (!newest.read && newest.is_empty() && query_.follow) {
      if (!GoesOn(newest.read)) return false;
      Pause();
      newest = ReadNewest();
    }
    cursor_ = std::move(newest.before);
    for (const docker::LogLine& line : newest.lines) {
      cursor_->Advance(line);
      if (!Send(line)) return false;
    }
    const std::string problem = newest.read ? "" : newest.read.error().message;
    if (!query_.follow) {
      End(problem);
    } else if (!newest.read) {
      Tell(problem);  // some tasks' lines are missing: the others' are better than none
    }
    return query_.follow;
  }

  NewestLines ReadNewest() {
    return ReadNewestLines(engine_, site::ServiceName(id_), query_, reading_.get_token());
  }

  Result<void> SendNext() {
    docker::LogQuery query;
    query.since = cursor_->since();
    query.follow = query_.follow;
    cursor_->StartReading();
    return engine_.ReadServiceLog(
        site::ServiceName(id_), query,
        [&](const docker::LogLine& line) { return !cursor_->Take(line) || Send(line); },
        reading_.get_token());
  }

  bool Send(const docker::LogLine& line) {
    pause_ = kShortestPause;
    failing_since_.reset();
    problem_.clear();  // it is over, and worth a word when it comes again
    return writer_.Send("line", LogLineJson(line), cursor_->Id());
  }

  // Whether it is worth asking again after this. The reader is told why not, or what is waited for.
  bool GoesOn(const Result<void>& read) {
    if (writer_.stop().stop_requested()) return false;
    const auto record = store_.Find(id_);
    if (reading_.stop_requested() || (record && !*record)) {
      End(fmt::format("site {} was removed", id_.value));
      return false;
    }
    if (read || read.error().kind != ErrorKind::kInternal) failing_since_.reset();
    if (read) return true;
    const Error& error = read.error();
    if (error.kind == ErrorKind::kNotFound) {
      Tell(
          fmt::format("site {} has no service on the engine now; its log goes on with the next one",
                      id_.value));
      return true;
    }
    if (error.message.contains(kUnreadable)) {
      End(fmt::format("{}; give the site's service another log driver, as json-file or local",
                      error.message));
      return false;
    }
    const bool comes_back = error.kind == ErrorKind::kUnavailable ||
                            (error.kind == ErrorKind::kInternal && IsOfAStart());
    if (!comes_back) {
      End(error.message);
      return false;
    }
    Tell(error.message);
    return true;
  }

  // An engine that has just started fails for a while, as long as its swarm has no leader.
  bool IsOfAStart() {
    const auto now = std::chrono::steady_clock::now();
    if (!failing_since_) failing_since_ = now;
    return now - *failing_since_ < kStart;
  }

  void Tell(const std::string& problem) {
    if (std::exchange(problem_, problem) != problem) {
      writer_.Send("problem", Dump({{"reason", problem}}));
    }
  }

  void End(const std::string& reason) { writer_.Send("end", Dump({{"reason", reason}})); }

  // Longer each time, since all that came before is read again after it.
  void Pause() {
    provider::Pause(reading_.get_token(), pause_);
    pause_ = std::min<std::chrono::seconds>(pause_ * 2, kLongestPause);
  }

  // An engine says nothing to those who follow the log of a service that has been removed.
  void Watch(const std::stop_token& stop) {
    while (provider::Pause(stop, kLook)) {
      // A store that cannot be read is asked again.
      if (const auto record = store_.Find(id_); record && !*record) reading_.request_stop();
    }
  }

  const store::Store& store_;
  docker::Engine& engine_;
  const site::SiteId id_;
  const docker::LogQuery query_;
  std::optional<LogCursor> cursor_;
  EventWriter& writer_;
  std::chrono::seconds pause_ = kShortestPause;
  std::string problem_;  // that the reader was told of
  std::optional<std::chrono::steady_clock::time_point> failing_since_;
  std::stop_source reading_;
  std::stop_callback<std::function<void()>> on_stop_;
  std::jthread watch_;
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

void SendLog(const store::Store& store, docker::Engine& engine, site::SiteId id,
             const docker::LogQuery& query, std::optional<LogCursor> known, EventWriter& writer) {
  Follower(store, engine, id, query, std::move(known), writer).Run();
}

}  // namespace orchestrator::api
