#include "orchestrator/api/event_stream.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "provider/base/pause.h"

namespace orchestrator::api {
namespace {

using namespace std::chrono_literals;

constexpr auto kLook = 1s;  // how late a lost reader is seen
constexpr int kLooksPerPing = 15;

}  // namespace

EventWriter::EventWriter(const provider::http::ByteSink& sink,
                         std::function<bool()> is_disconnected, const std::stop_token& stopping)
    : sink_(sink),
      is_disconnected_(std::move(is_disconnected)),
      stopping_(stopping, [this] { stop_.request_stop(); }),
      watcher_([this](const std::stop_token& stop) { Watch(stop); }) {}

EventWriter::~EventWriter() {
  watcher_.request_stop();
  watcher_.join();
}

bool EventWriter::Send(std::string_view event, std::string_view data, std::string_view id) {
  std::string text;
  if (!id.empty()) text += fmt::format("id: {}\n", id);
  text += fmt::format("event: {}\ndata: {}\n\n", event, data);
  return Write(text);
}

bool EventWriter::Write(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (stop_.stop_requested()) return false;
  if (sink_(bytes)) return true;
  stop_.request_stop();
  return false;
}

void EventWriter::Watch(const std::stop_token& stop) {
  for (int looks = 1; !stop_.stop_requested(); ++looks) {
    if (!provider::Pause(stop, kLook)) return;
    if (is_disconnected_ && is_disconnected_()) stop_.request_stop();
    if (looks % kLooksPerPing == 0) Write(": still here\n\n");
  }
}

Response EventStream(const Request& request, const std::stop_token& stopping,
                     std::function<void(EventWriter&)> write) {
  Response response;
  response.content_type = "text/event-stream";
  response.headers = {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
  response.stream = [is_disconnected = request.is_disconnected, stopping,
                     write = std::move(write)](const provider::http::ByteSink& sink) {
    EventWriter writer(sink, is_disconnected, stopping);
    write(writer);
    return true;
  };
  return response;
}

bool WantsEvents(const Request& request) {
  return request.Header("Accept").contains("text/event-stream");
}

}  // namespace orchestrator::api
