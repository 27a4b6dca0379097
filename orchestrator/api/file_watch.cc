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
#include "orchestrator/files/system_failure.h"

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

Ordered ToJson(const files::ChangeEvent& event, site::SiteId id) {
  Ordered out{{"path", files::SafeText(event.path)}, {"folder", event.is_folder}};
  if (event.kind != files::ChangeKind::kOverflow) out["href"] = FileHref(id, event.path);
  if (!event.old_path.empty()) {
    out["from"] = files::SafeText(event.old_path);
    out["from_href"] = FileHref(id, event.old_path);
  }
  return out;
}

// Writes events of one stream. Their numbers only tell that there was a stream before: nothing is
// kept that could be sent again.
class ChangeWriter {
 public:
  ChangeWriter(EventWriter& writer, site::SiteId id) : writer_(writer), id_(id) {}

  // False when the reader is gone.
  bool Send(std::string_view name, const Ordered& data) {
    return writer_.Send(name, Dump(data), fmt::to_string(++sent_));
  }
  bool Send(std::string_view name, const files::ChangeEvent& event) {
    return Send(name, ToJson(event, id_));
  }

 private:
  EventWriter& writer_;
  const site::SiteId id_;
  std::uint64_t sent_ = 0;
};

void Watch(files::ChangeWatch& watch, const std::string& path, bool again, ChangeWriter& changes,
           const std::stop_token& stop) {
  // A browser says that it was here before only if it was given an id, so there is one at once.
  const bool begun =
      again ? changes.Send("overflow", files::ChangeEvent{.kind = files::ChangeKind::kOverflow})
            : changes.Send("watching", files::ChangeEvent{.path = path, .is_folder = true});
  if (!begun) return;
  while (!stop.stop_requested()) {
    const auto events = watch.Next(5s, stop);
    if (!events) {
      changes.Send("end", Ordered{{"reason", events.error().message}});
      return;
    }
    for (const files::ChangeEvent& event : *events) {
      if (!changes.Send(Name(event.kind), event)) return;
    }
    if (watch.ended()) {
      const std::string reason =
          fmt::format("{} is not there any more; when it is, watch it again", files::Shown(path));
      changes.Send("end", Ordered{{"reason", reason}});
      return;
    }
  }
}

}  // namespace

Response WatchFiles(const Services& services, const Request& request, site::SiteId id,
                    const files::SiteFiles& site, const files::RelativePath& path) {
  auto started = files::ChangeWatch::Start(site, path);
  if (!started) return Problem(started.error());
  const bool again = !request.Header("Last-Event-ID").empty();
  return EventStream(request, services.stopping,
                     [watch = std::make_shared<files::ChangeWatch>(*std::move(started)),
                      path = path.text(), id, again](EventWriter& writer) {
                       ChangeWriter changes(writer, id);
                       Watch(*watch, path, again, changes, writer.stop());
                     });
}

}  // namespace orchestrator::api
