#include "provider/instances.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace provider {
namespace {

constexpr std::chrono::milliseconds kDeliverySpacing{100};
constexpr std::size_t kLearnedInstancesKept = 1000;
constexpr std::size_t kCommitsWatched = 10'000;
constexpr std::chrono::milliseconds kRecheck{200};  // deliveries settle by time alone

// The delivery by which an instance first had the revision, or a later one.
auto FirstWith(const auto& deliveries, std::uint64_t revision) {
  return std::ranges::find_if(deliveries,
                              [&](const auto& delivery) { return delivery.revision >= revision; });
}

}  // namespace

Instances::Instances(std::vector<ConfiguredInstance> configured)
    : configured_(std::move(configured)) {
  for (const ConfiguredInstance& instance : configured_) {
    InstanceStatus& status = entries_[instance.name].status;
    status.name = instance.name;
    status.configured = true;
    status.probed = !instance.entry_point.empty();
    status.problem = status.probed ? "not probed yet" : "has not polled yet";
  }
}

void Instances::SetAbsences(Absences absences) {
  const auto on_return = std::move(absences.on_return);
  std::vector<std::string> returned;
  {
    const std::lock_guard lock(mutex_);
    on_return_ = on_return;
    for (const std::string& name : absences.gone) {
      const auto found = entries_.find(name);
      if (found == entries_.end() || !found->second.status.configured) continue;
      const bool heard_of = found->second.last_poll || found->second.status.confirmed != 0;
      found->second.status.gone = !heard_of;
      if (heard_of) returned.push_back(name);
    }
  }
  if (!on_return) return;
  for (const std::string& name : returned) on_return(name);
}

void Instances::SetPromise(Promise promise) {
  {
    const std::lock_guard lock(mutex_);
    promise_ = std::move(promise);
    ++changes_;
  }
  changed_.notify_all();
}

void Instances::RecordPublished(std::uint64_t revision, Clock::time_point committed) {
  const std::lock_guard lock(mutex_);
  published_ = std::max(published_, revision);
  unconfirmed_.push_back({revision, committed});
  if (unconfirmed_.size() > kCommitsWatched) unconfirmed_.pop_front();
}

// With the mutex held.
void Instances::ObserveConfirmed() {
  while (!unconfirmed_.empty() && ConfirmLocked(unconfirmed_.front().revision).everywhere) {
    const Commit& commit = unconfirmed_.front();
    confirmations_.Observe(
        std::chrono::duration<double>(SettledAt(commit.revision) - commit.at).count());
    unconfirmed_.pop_front();
  }
}

// When the last Traefik had a revision that all have by now: probes tell at once, deliveries settle
// while nobody looks.
Instances::Clock::time_point Instances::SettledAt(std::uint64_t revision) const {
  const auto now = Clock::now();
  Clock::time_point last{};
  for (const auto& [name, entry] : entries_) {
    if (!Counts(entry)) continue;
    if (entry.status.probed) return now;
    const auto first = FirstWith(entry.deliveries, revision);
    if (first != entry.deliveries.end()) last = std::max(last, first->settles);
  }
  return last == Clock::time_point{} ? now : std::min(last, now);
}

void Instances::RecordPollBegin(const std::string& name, const std::string& address) {
  std::unique_lock lock(mutex_);
  std::erase_if(entries_, [&](const auto& item) {
    return item.first != name && !item.second.status.configured && !IsPolling(item.second);
  });
  if (!entries_.contains(name) && entries_.size() >= kLearnedInstancesKept) return;
  Entry& entry = entries_[name];
  entry.status.name = name;
  if (entry.status.address != address) {
    if (entry.address_before == address) entry.returned_to = Clock::now();
    entry.address_before = std::exchange(entry.status.address, address);
  }
  entry.status.last_poll = std::chrono::system_clock::now();
  ++entry.status.polls;
  entry.last_poll = Clock::now();
  ++entry.polls_running;
  ObserveConfirmed();
  Return(entry, lock);
}

// Ends the lock where there is somebody to tell.
void Instances::Return(Entry& entry, std::unique_lock<std::mutex>& lock) {
  if (!std::exchange(entry.status.gone, false) || !on_return_) return;
  const std::string name = entry.status.name;
  const auto on_return = on_return_;
  lock.unlock();
  on_return(name);
}

void Instances::RecordPollEnd(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end()) return;
  if (found->second.polls_running > 0) --found->second.polls_running;
  found->second.last_poll = Clock::now();
}

void Instances::RecordDelivered(const std::string& name, std::uint64_t revision,
                                std::uint64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(name);
    if (found == entries_.end()) return;
    Entry& entry = found->second;
    if (entry.status.delivered == revision) return;
    entry.status.delivered = revision;
    entry.last_delivery = Clock::now();
    if (!entry.status.probed) entry.status.problem.clear();
    const auto grace =
        kDeliveryGrace + std::chrono::milliseconds(bytes * 1000 / kBytesPerGraceSecond);
    RememberDelivery(entry.deliveries,
                     {revision, *entry.last_delivery, *entry.last_delivery + grace});
    ++changes_;
  }
  changed_.notify_all();
}

void Instances::RecordProbe(const std::string& name, std::uint64_t revision) {
  {
    std::unique_lock lock(mutex_);
    Entry& entry = entries_[name];
    InstanceStatus& status = entry.status;
    if (status.confirmed != revision && revision == status.delivered && entry.last_delivery) {
      status.time_to_apply = std::chrono::duration_cast<std::chrono::milliseconds>(
          Clock::now() - *entry.last_delivery);
    }
    // A Traefik that serves what was never published here has it from another orchestrator, or from
    // a database that was lost: its number says nothing about ours, also when ours gets there.
    if (published_ != 0 && revision > published_) {
      entry.foreign = revision;
    } else if (revision != entry.foreign) {
      entry.foreign = 0;
    }
    status.confirmed = revision;
    status.problem.clear();
    ++changes_;
    ObserveConfirmed();
    Return(entry, lock);
  }
  changed_.notify_all();
}

void Instances::RecordProbeFailure(const std::string& name, const std::string& problem) {
  const std::lock_guard lock(mutex_);
  InstanceStatus& status = entries_[name].status;
  status.confirmed = 0;
  status.problem = problem;
}

std::expected<void, std::pair<Instances::Refusal, std::string>> Instances::DeclareGone(
    const std::string& name) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(name);
    if (found == entries_.end()) {
      return std::unexpected(
          std::pair(Refusal::kUnknown, fmt::format("there is no Traefik named '{}'", name)));
    }
    const Entry& entry = found->second;
    if (entry.polls_running > 0 ||
        (entry.last_poll && Clock::now() - *entry.last_poll < kSilence)) {
      return std::unexpected(std::pair(
          Refusal::kAlive, fmt::format("{} polled within the last {} seconds; stop it first", name,
                                       kSilence.count())));
    }
    if (entry.status.confirmed != 0) {
      return std::unexpected(
          std::pair(Refusal::kAlive, fmt::format("{} still answers with revision {}; stop it first",
                                                 name, entry.status.confirmed)));
    }
    if (entry.status.configured) {
      found->second.status.gone = true;
    } else {
      entries_.erase(found);
    }
    ObserveConfirmed();
    ++changes_;
  }
  changed_.notify_all();
  return {};
}

bool Instances::IsGone(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  return found != entries_.end() && found->second.status.gone;
}

bool Instances::IsApplyingLocked(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return false;
  const Entry& entry = found->second;
  return entry.status.confirmed != 0 && entry.status.confirmed < entry.status.delivered &&
         entry.last_delivery && Clock::now() - *entry.last_delivery < kLongestApplying;
}

bool Instances::IsApplying(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  return IsApplyingLocked(name);
}

void Instances::WaitApplied(const std::string& name, Clock::time_point deadline,
                            const std::function<bool()>& abandoned) const {
  std::unique_lock lock(mutex_);
  while (IsApplyingLocked(name) && Clock::now() < deadline) {
    const std::uint64_t seen = changes_;
    changed_.wait_until(lock, std::min(deadline, Clock::now() + kRecheck),
                        [&] { return changes_ != seen; });
    lock.unlock();
    const bool over = abandoned();
    lock.lock();
    if (over) return;
  }
}

std::vector<InstanceStatus> Instances::List() const {
  const std::lock_guard lock(mutex_);
  std::vector<InstanceStatus> list;
  for (const auto& [name, entry] : entries_) {
    const bool polling = IsPolling(entry);
    if (!entry.status.configured && !polling) continue;
    list.push_back(entry.status);
    list.back().polling = polling;
    // A Traefik that was moved does not come back to where it was before.
    if (entry.returned_to && Clock::now() - *entry.returned_to < kForgottenAfter) {
      list.back().problem = fmt::format(
          "polls come from {} and {} by turns: two Traefiks seem to have this name, and only one "
          "of them is known; give each its own (static-config --instance)",
          entry.address_before, entry.status.address);
    }
  }
  return list;
}

Confirmation Instances::Confirm(std::uint64_t revision) const {
  const std::lock_guard lock(mutex_);
  return ConfirmLocked(revision);
}

Confirmation Instances::WaitConfirmed(std::uint64_t revision, Clock::time_point deadline,
                                      const std::stop_token& stop) const {
  std::unique_lock lock(mutex_);
  for (;;) {
    Confirmation confirmation = ConfirmLocked(revision);
    const auto now = Clock::now();
    if (confirmation.everywhere || now >= deadline || stop.stop_requested()) return confirmation;
    const std::uint64_t seen = changes_;
    changed_.wait_until(lock, stop, std::min(deadline, now + kRecheck),
                        [&] { return changes_ != seen; });
  }
}

// Keeps deliveries that are some time apart, so that many in a row cannot push out one that is
// about to settle. Where one takes the place of another, it is the later time that stays.
void Instances::RememberDelivery(std::deque<Delivery>& deliveries, Delivery delivery) {
  const bool crowded = deliveries.size() >= 2 &&
                       delivery.at - deliveries[deliveries.size() - 2].at < kDeliverySpacing;
  if (crowded) {
    deliveries.back() = delivery;
  } else {
    deliveries.push_back(delivery);
  }
  while (deliveries.size() > 1 && deliveries[1].settles < delivery.at) {
    deliveries.pop_front();
  }
}

bool Instances::IsPolling(const Entry& entry) const {
  return entry.polls_running > 0 ||
         (entry.last_poll && Clock::now() - *entry.last_poll < kForgottenAfter);
}

bool Instances::Counts(const Entry& entry) const {
  return entry.status.configured ? !entry.status.gone : IsPolling(entry);
}

bool Instances::HasSettled(const Entry& entry, std::uint64_t revision) const {
  const auto first = FirstWith(entry.deliveries, revision);
  return first != entry.deliveries.end() && Clock::now() >= first->settles;
}

Confirmation Instances::ConfirmLocked(std::uint64_t revision) const {
  Confirmation confirmation;
  if (promise_.nothing_after && revision > promise_.nothing_after->first) {
    confirmation.waiting_for.push_back(promise_.nothing_after->second);
    confirmation.held = promise_.held;
    return confirmation;
  }
  revision = std::max(revision, promise_.true_from);
  bool anyone = false;
  for (const auto& [name, entry] : entries_) {
    const InstanceStatus& status = entry.status;
    if (!Counts(entry)) continue;
    anyone = true;
    if (status.probed) {
      const bool is_foreign = status.confirmed != 0 && status.confirmed == entry.foreign;
      if (status.confirmed >= revision && !is_foreign) continue;
      confirmation.waiting_for.push_back(
          is_foreign ? fmt::format("{} serves revision {}, which was not published here: from "
                                   "another orchestrator, or a newer database",
                                   name, status.confirmed)
          : status.problem.empty()
              ? fmt::format("{} serves revision {} of {}", name, status.confirmed, revision)
              : fmt::format("{}: {}", name, status.problem));
    } else if (!HasSettled(entry, revision)) {
      confirmation.waiting_for.push_back(
          fmt::format("{} was given revision {} of {}", name, status.delivered, revision));
    }
  }
  if (!anyone) confirmation.waiting_for.emplace_back("no Traefik has polled yet");
  confirmation.everywhere = confirmation.waiting_for.empty();
  return confirmation;
}

}  // namespace provider
