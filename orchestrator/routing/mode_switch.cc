#include "orchestrator/routing/mode_switch.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "orchestrator/fault/crash_point.h"
#include "orchestrator/store/mark_documents.h"
#include "provider/base/pause.h"
#include "provider/prober.h"

namespace orchestrator::routing {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using fault::CrashPoint;
using fault::MaybeCrash;
using store::Phase;
using store::SiteRecord;

constexpr auto kBusyCheck = 100ms;
constexpr auto kIdleCheck = 10s;
constexpr auto kGathering = 10ms;
constexpr auto kCheckedAgain = 500ms;  // where the new side did not answer as the old one

// The phase that brings a site towards `mode`, if it has to move. While it has routes on both
// sides, visitors are on the one that it comes from: turned round, it is there at once.
std::optional<Phase> NextMove(const SiteRecord& record, site::RoutingMode mode) {
  const bool to_document = mode == site::RoutingMode::kProvider;
  switch (record.phase) {
    case Phase::kLabels:
      return to_document ? std::optional(Phase::kToProvider) : std::nullopt;
    case Phase::kToProvider:
      return to_document ? std::nullopt : std::optional(Phase::kLabels);
    case Phase::kProvider:
      return to_document ? std::nullopt : std::optional(Phase::kToLabels);
    case Phase::kToLabels:
      return to_document ? std::optional(Phase::kProvider) : std::nullopt;
  }
  return {};
}

bool NeedsLabelConfirmation(const SiteRecord& record) {
  if (record.phase != Phase::kLabels && record.phase != Phase::kToLabels) return false;
  return record.phase == Phase::kToLabels || record.labels_confirmed < record.routes_revision;
}

}  // namespace

ModeSwitch::ModeSwitch(store::Store& store, const provider::Pools& pools,
                       provider::http::Client& client, LabelsAppliedAt labels_applied,
                       ModeSwitchOptions options)
    : store_(store),
      pools_(pools),
      client_(client),
      labels_applied_(std::move(labels_applied)),
      options_(std::move(options)),
      check_(client, pools, options_.routes),
      thread_([this](const std::stop_token& stop) { Run(stop); }) {}

ModeSwitch::~ModeSwitch() {
  thread_.request_stop();
  thread_.join();
}

std::string ModeSwitch::WaitingFor(site::SiteId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = waiting_.find(id);
  return found == waiting_.end() ? std::string() : found->second;
}

void ModeSwitch::Run(const std::stop_token& stop) {
  store::Revision seen = 0;
  while (!stop.stop_requested()) {
    const auto followed = Follow(seen);
    if (!followed) {
      spdlog::error("{}", followed.error().message);
      provider::Pause(stop, kBusyCheck);
      continue;
    }
    seen = *followed;
    StartMoves();
    FinishMovesToDocument(stop);
    ConfirmLabels(stop);
    if (unsettled_.empty()) {
      store_.commits().WaitAfter(seen, Clock::now() + kIdleCheck, stop);
      // Nobody waits for the first of many changes to be looked at alone.
      provider::Pause(stop, kGathering);
    } else {
      // Traefik is asked again and again; a commit ends the wait early.
      store_.commits().WaitAfter(seen, Clock::now() + kBusyCheck, stop);
    }
  }
}

Result<store::Revision> ModeSwitch::Follow(store::Revision seen) {
  auto changes = store_.ChangesAfter(seen);
  if (!changes) return Failure(changes.error());
  for (store::Change& change : changes->sites) {
    unsettled_.erase(change.id);
    checked_.erase(change.id);
    if (!change.problem.empty()) continue;  // said by the others who follow the store
    if (change.record && !change.record->removing) {
      Sort(*change.record);
    } else {
      Note(change.id, "");
    }
  }
  return changes->revision;
}

void ModeSwitch::Sort(const SiteRecord& record) {
  if (record.phase == Phase::kToProvider || NeedsLabelConfirmation(record) ||
      NextMove(record, WantedMode(record))) {
    unsettled_.insert_or_assign(record.site.id, record);
  }
}

void ModeSwitch::StartMoves() {
  std::vector<SiteRecord> starting;
  for (const auto& [id, record] : unsettled_) {
    if (NextMove(record, WantedMode(record))) starting.push_back(record);
  }
  Commit(
      "starting to switch", starting,
      [&](SiteRecord& record, store::Revision revision) {
        record.phase = *NextMove(record, WantedMode(record));
        record.routes_revision = revision;
      },
      /*document_changes=*/true);
  if (!starting.empty()) MaybeCrash(CrashPoint::kSwitchStarted);
}

// Takes away those whose new side does not answer as the old one.
void ModeSwitch::KeepGood(std::vector<SiteRecord>& confirmed, const std::stop_token& stop) {
  const auto now = Clock::now();
  std::erase_if(confirmed, [&](const SiteRecord& record) {
    const auto last = checked_.find(record.site.id);
    return last != checked_.end() && now - last->second < kCheckedAgain;
  });
  // The others come again in a moment.
  if (confirmed.size() > SideCheck::kMostAtOnce) confirmed.resize(SideCheck::kMostAtOnce);
  const auto worse = check_.FindWorse(confirmed, stop);
  for (const auto& [id, why] : worse) {
    Note(id, why);
    checked_[id] = Clock::now();
  }
  std::erase_if(confirmed,
                [&](const SiteRecord& record) { return worse.contains(record.site.id); });
  if (stop.stop_requested()) confirmed.clear();  // not all were asked
}

void ModeSwitch::FinishMovesToDocument(const std::stop_token& stop) {
  std::vector<SiteRecord> confirmed;
  for (const auto& [id, record] : unsettled_) {
    if (record.phase != Phase::kToProvider) continue;
    const provider::Pool* const pool = pools_.Find(record.site.routing.pool);
    std::string why = "there is no pool " + record.site.routing.pool;
    if (pool) {
      const provider::Confirmation confirmation = pool->instances.Confirm(record.routes_revision);
      why = fmt::format("{}", fmt::join(confirmation.waiting_for, "; "));
    }
    if (why.empty() && options_.unkept) why = options_.unkept(record);
    if (why.empty() && options_.quarantined) why = options_.quarantined(record);
    if (why.empty()) {
      confirmed.push_back(record);
    } else {
      Note(id, std::move(why));
    }
  }
  KeepGood(confirmed, stop);
  if (!confirmed.empty()) MaybeCrash(CrashPoint::kSwitchConfirmed);
  Commit(
      "switching to the provider", confirmed,
      [](SiteRecord& record, store::Revision) { record.phase = Phase::kProvider; },
      /*document_changes=*/true);
  if (!confirmed.empty()) MaybeCrash(CrashPoint::kSwitchFinished);
}

void ModeSwitch::ConfirmLabels(const std::stop_token& stop) {
  std::vector<SiteRecord> settling;  // in label mode already: only the confirmation is new
  std::vector<SiteRecord> moving;
  std::map<std::string, std::string> away;  // instances that did not answer in this round
  for (const auto& [id, record] : unsettled_) {
    if (!NeedsLabelConfirmation(record) || stop.stop_requested()) continue;
    std::string why;
    if (LabelsSeen(record, stop, why, away)) {
      (record.phase == Phase::kToLabels ? moving : settling).push_back(record);
    } else {
      Note(id, std::move(why));
    }
  }
  Commit(
      "confirming labels", settling,
      [](SiteRecord& record, store::Revision) { record.labels_confirmed = record.routes_revision; },
      /*document_changes=*/false);
  KeepGood(moving, stop);
  if (!moving.empty()) MaybeCrash(CrashPoint::kSwitchConfirmed);
  Commit(
      "switching to labels", moving,
      [](SiteRecord& record, store::Revision) {
        record.labels_confirmed = record.routes_revision;
        record.phase = Phase::kLabels;
      },
      /*document_changes=*/true);
  if (!moving.empty()) MaybeCrash(CrashPoint::kSwitchFinished);
}

bool ModeSwitch::LabelsSeen(const SiteRecord& record, const std::stop_token& stop, std::string& why,
                            std::map<std::string, std::string>& away) const {
  const auto applied = labels_applied_(record);
  if (!applied) {
    why = "the swarm does not have the labels yet";
    return false;
  }
  if (!record.site.served) return true;  // no tasks, so no routes to be seen

  bool all_asked = true;
  bool somebody_asked = false;
  const provider::Pool* const pool = pools_.Find(record.site.routing.pool);
  if (!pool) {
    why = "there is no pool " + record.site.routing.pool;
    return false;
  }
  for (const provider::ConfiguredInstance& instance : pool->instances.configured()) {
    if (pool->instances.IsGone(instance.name)) continue;
    if (instance.entry_point.empty()) {
      all_asked = false;
      continue;
    }
    if (const auto found = away.find(instance.name); found != away.end()) {
      why = found->second;
      return false;
    }
    const auto answer =
        provider::Prober::Ask(client_, instance, options_.routes.probe,
                              LabelMarkerPath(record.site.id, record.routes_revision),
                              std::string(kLabelMarkerHeader), stop);
    if (!answer) {
      why = away[instance.name] = fmt::format("{}: {}", instance.name, answer.error());
      return false;
    }
    if (*answer != std::to_string(record.routes_revision)) {
      why = fmt::format("{} does not show the labels yet{}", instance.name,
                        record.site.kind == site::Kind::kExternal
                            ? ""
                            : " (it reads them only while a task runs)");
      return false;
    }
    somebody_asked = true;
  }
  if ((all_asked && somebody_asked) || Clock::now() - *applied >= options_.label_grace) return true;
  why = "a Traefik that cannot be asked gets time to read the labels";
  return false;
}

// Changes those of `as_seen` that are still as they were seen; the others come again with their
// change.
void ModeSwitch::Commit(std::string_view what, const std::vector<SiteRecord>& as_seen,
                        const std::function<void(SiteRecord&, store::Revision)>& change,
                        bool document_changes) {
  if (as_seen.empty()) return;
  const auto written = store_.Write([&](store::Transaction& transaction) -> Result<void> {
    std::vector<SiteRecord> changed;
    for (const SiteRecord& seen : as_seen) {
      auto current = transaction.Find(seen.site.id);
      if (!current) return Failure(current.error());
      if (!*current || **current != seen) continue;
      changed.push_back(seen);
      change(changed.back(), transaction.revision());
    }
    if (changed.empty()) return {};
    std::set<std::string> pools;
    for (const SiteRecord& record : changed) pools.insert(record.site.routing.pool);
    if (document_changes) {
      if (auto marked = store::MarkDocumentsChanged(transaction, pools); !marked) return marked;
    }
    return transaction.Put(changed);
  });
  if (!written) {
    spdlog::error("{} {} sites: {}", what, as_seen.size(), written.error().message);
    return;
  }
  spdlog::info("{} {} sites (revision {})", what, as_seen.size(), *written);
  for (const SiteRecord& record : as_seen) Note(record.site.id, "");
}

void ModeSwitch::Note(site::SiteId id, std::string waiting_for) {
  const std::lock_guard lock(mutex_);
  if (waiting_for.empty()) {
    waiting_.erase(id);
  } else {
    waiting_[id] = std::move(waiting_for);
  }
}

}  // namespace orchestrator::routing
