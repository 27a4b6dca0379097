#pragma once

#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "orchestrator/api/answer.h"

namespace orchestrator::api {

// The writing end of a stream of server-sent events. Keeps the connection alive with comments, and
// sees when its reader is gone. Thread-safe.
class EventWriter {
 public:
  EventWriter(const provider::http::ByteSink& sink, std::function<bool()> is_disconnected,
              const std::stop_token& stopping);
  ~EventWriter();
  EventWriter(const EventWriter&) = delete;
  EventWriter& operator=(const EventWriter&) = delete;

  // `data` is one line. False when the reader is gone.
  bool Send(std::string_view event, std::string_view data, std::string_view id = {});

  // Requested when the reader is gone or the process is to end.
  std::stop_token stop() const { return stop_.get_token(); }

 private:
  bool Write(std::string_view bytes);
  void Watch(const std::stop_token& stop);

  const provider::http::ByteSink& sink_;
  const std::function<bool()> is_disconnected_;
  std::mutex mutex_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> stopping_;
  std::jthread watcher_;
};

// An answer that `write` fills until it returns or the writer's stop is requested.
Response EventStream(const Request& request, const std::stop_token& stopping,
                     std::function<void(EventWriter&)> write);

// Whether the client asks for events (Accept: text/event-stream).
bool WantsEvents(const Request& request);

}  // namespace orchestrator::api
