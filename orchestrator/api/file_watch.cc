#include "orchestrator/api/file_watch.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/api/event_stream.h"
#include "orchestrator/api/file_href.h"
#include "orchestrator/files/change_watch.h"

namespace orchestrator::api {
namespace {

using namespace std::chrono_literals;
using Ordered = nlohmann::ordered_json;

const char* Name(files::ChangeKind kind) {
  switch (kind) {
    case files::ChangeKind::kCreated:
      return "created";
    case files::ChangeKind::kChanged:
      return "changed";
    case files::ChangeKind::kRemoved:
      return "removed";
    case files::ChangeKind::kMoved:
      return "moved";
    case files::ChangeKind::kOverflow:
      return "overflow";
  }
  return "?";
}

Ordered ToJson(const files::ChangeEvent& event) {
  Ordered out{{"path", files::SafeText(event.path)}, {"folder", event.is_folder}};
  if (!event.old_path.empty()) out["from"] = files::SafeText(event.old_path);
  return out;
}

// Writes events of one stream. Their numbers only tell that there was a stream before: nothing is
// kept that could be sent again.
class ChangeWriter {
 public:
  explicit ChangeWriter(EventWriter& writer) : writer_(writer) {}

  // False when the reader is gone.
  bool Send(std::string_view name, const Ordered& data) {
    return writer_.Send(name, Dump(data), fmt::to_string(++sent_));
  }
  bool Send(const files::ChangeEvent& event) { return Send(Name(event.kind), ToJson(event)); }

 private:
  EventWriter& writer_;
  std::uint64_t sent_ = 0;
};

void Watch(files::ChangeWatch& watch, const std::string& path, bool again, EventWriter& writer) {
  ChangeWriter changes(writer);
  // A browser says that it was here before only if it was given an id, so there is one at once.
  const bool begun = again ? changes.Send({.kind = files::ChangeKind::kOverflow})
                           : changes.Send("watching", ToJson({.path = path, .is_folder = true}));
  if (!begun) return;
  while (!writer.stop().stop_requested()) {
    const auto events = watch.Next(5s, writer.stop());
    if (!events) {
      changes.Send("end", {{"reason", events.error().message}});
      return;
    }
    for (const files::ChangeEvent& event : *events) {
      if (!changes.Send(event)) return;
    }
    if (watch.ended()) {
      changes.Send("end", {{"reason", fmt::format("'{}' is not there any more; when it is, watch "
                                                  "it again",
                                                  files::SafeText(path))}});
      return;
    }
  }
}

}  // namespace

Response WatchFiles(const Services& services, const Request& request, site::SiteId /*id*/,
                    const files::SiteFiles& site, const files::RelativePath& path) {
  auto started = files::ChangeWatch::Start(site, path);
  if (!started) return Problem(started.error());
  const bool again = !request.Header("Last-Event-ID").empty();
  return EventStream(
      request, services.stopping,
      [watch = std::make_shared<files::ChangeWatch>(*std::move(started)), path = path.text(),
       again](EventWriter& writer) { Watch(*watch, path, again, writer); });
}

}  // namespace orchestrator::api
