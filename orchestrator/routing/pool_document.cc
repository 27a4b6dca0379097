#include "orchestrator/routing/pool_document.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "orchestrator/fault/crash_point.h"
#include "orchestrator/routing/last_good.h"
#include "orchestrator/routing/servers.h"
#include "traefik/codec/edit.h"
#include "traefik/rules/expression.h"
#include "traefik/rules/rule_check.h"

namespace orchestrator::routing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kExamples = 10;

// What commands of the CLI need to mean this pool.
std::string PoolOption(const std::string& pool) {
  return pool == provider::kDefaultPool ? "" : " --pool " + pool;
}

void AddPaths(const traefik::rules::Expression& rule, std::set<std::string>& paths) {
  if (rule.matcher == "PathPrefix" || rule.matcher == "Path") {
    paths.insert(rule.arguments.begin(), rule.arguments.end());
  }
  for (const traefik::rules::Expression& operand : rule.operands) AddPaths(operand, paths);
}

// The addresses that a fragment's routers name: "host", or "host/path" for those of a path.
void AddAddresses(const traefik::Fragment& fragment, std::set<std::string>& addresses) {
  for (const traefik::RouterText& router : fragment.routers) {
    const auto hosts = traefik::rules::CheckRule(router.rule);
    const auto rule = traefik::rules::ParseExpression(router.rule);
    if (!hosts || !rule) continue;
    std::set<std::string> paths;
    AddPaths(*rule, paths);
    if (paths.empty()) paths.insert("");
    for (const std::string& host : *hosts) {
      for (const std::string& path : paths) addresses.insert(host + path);
    }
  }
}

bool HasStreams(const traefik::Fragment& fragment) {
  return std::ranges::any_of(fragment.others, [](const auto& section) {
    return section.first.starts_with("tcp/") || section.first.starts_with("udp/");
  });
}

// What all sites share now, with what they shared then as far as its names are not used any more.
traefik::Fragment SharedWithThoseOf(const traefik::Fragment& then, const RouteOptions& options) {
  traefik::codec::Value shared = DecodedRoutes(then, options);
  // Certificates are those of now: the old ones may have run out.
  for (traefik::codec::Member& section : std::get<traefik::codec::Object>(shared.data)) {
    if (section.name != "tls") continue;
    std::erase_if(std::get<traefik::codec::Object>(section.value.data),
                  [](const traefik::codec::Member& kind) { return kind.name == "certificates"; });
  }
  traefik::codec::Merge(shared, DecodedRoutes(SharedFragment(options), options));
  return traefik::RenderFragment(shared);
}

}  // namespace

PoolDocument::PoolDocument(const store::Store& store, provider::Pool& pool, Recorder& recorder,
                           store::History* history, PoolDocumentOptions options)
    : store_(store),
      pool_(pool),
      recorder_(recorder),
      history_(history),
      options_(std::move(options)),
      assembly_(options_.make_assembly()) {
  if (options_.before) {
    served_before_ = options_.before->keys;
    served_revision_ = options_.before->snapshot->revision();
  }
  assembly_.Set(kSharedKey, SharedFragment(options_.routes));
}

std::optional<HeldDocument> PoolDocument::held() const {
  const std::lock_guard lock(mutex_);
  return held_;
}

std::vector<QuarantinedSite> PoolDocument::quarantined() const {
  const std::lock_guard lock(mutex_);
  std::vector<QuarantinedSite> list;
  list.reserve(quarantined_.size());
  for (const auto& [key, site] : quarantined_) list.push_back(site);
  return list;
}

std::string PoolDocument::QuarantineOf(site::SiteId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = quarantined_.find(static_cast<std::uint64_t>(id.value));
  return found == quarantined_.end() ? std::string() : found->second.reason;
}

std::optional<store::Revision> PoolDocument::rolled_back_to() const {
  const std::lock_guard lock(mutex_);
  return rolled_back_to_;
}

bool PoolDocument::Serves(site::SiteId id) const {
  const std::lock_guard lock(mutex_);
  return served_ && served_->Find(static_cast<std::uint64_t>(id.value)) != nullptr;
}

bool PoolDocument::ServedBefore(site::SiteId id) const {
  return std::ranges::binary_search(served_before_, static_cast<std::uint64_t>(id.value));
}

bool PoolDocument::HasArrived(site::SiteId id) const {
  return assembly_.Find(static_cast<std::uint64_t>(id.value)) == nullptr || Serves(id);
}

bool PoolDocument::Follow(store::Revision revision, Clock::time_point committed) {
  if (revision == considered_ && !is_changed_) return true;
  if (!Consider(revision, committed)) return false;
  considered_ = revision;
  is_changed_ = false;
  return true;
}

void PoolDocument::Apply(std::span<const PoolChange> changes) {
  std::vector<const store::SiteRecord*> records;
  for (const PoolChange& change : changes) {
    if (change.record && !change.record->removing) records.push_back(change.record);
  }
  auto rendered = DocumentFragments(records, options_.routes);
  auto next = rendered.begin();
  bool freed = false;  // addresses that the rollback had
  for (const PoolChange& change : changes) {
    const auto key = static_cast<std::uint64_t>(change.id.value);
    if (!change.record || change.record->removing) are_routes_changed_ = true;
    // Whatever else changes the document has a revision of its own.
    is_changed_ = is_changed_ || (!change.record && assembly_.Find(key));
    std::optional<QuarantinedSite> quarantined;
    traefik::Fragment routes;
    if (!change.problem.empty()) {
      // Nothing is known of it, so nobody else can have got its addresses.
      auto last_good = LastGood(key);
      quarantined = {change.id, std::string(change.problem), last_good.has_value()};
      routes = std::move(last_good).value_or(traefik::Fragment());
      present_[key];
    } else if (!change.record || change.record->removing) {
      present_.erase(key);
    } else {
      const store::SiteRecord& record = *change.record;
      const auto [place, is_new] = present_.try_emplace(key);
      Present& present = place->second;
      const bool in_labels_only = !store::InDocument(record.phase);
      are_routes_changed_ = are_routes_changed_ || is_new ||
                            in_labels_only != present.in_labels_only ||
                            record.routes_revision != present.routes_revision;
      present.in_labels_only = in_labels_only;
      present.is_external = record.site.kind == site::Kind::kExternal;
      present.routes_revision = record.routes_revision;
      present.addresses.clear();
      present.has_streams = !record.streams.empty();
      for (const site::Address& address : record.site.hosts) {
        const traefik::PathPrefix* const path = site::EffectivePath(record.site, address);
        present.addresses.push_back(address.host.text() + (path ? path->text() : ""));
      }
      if (auto fragment = std::move(*next++)) {
        routes = *std::move(fragment);
      } else {
        auto last_good = LastGood(key);
        if (last_good && !StillUsable(*last_good, record.site, options_.routes)) last_good.reset();
        quarantined = {change.id, fragment.error().message, last_good.has_value()};
        if (last_good) routes = *std::move(last_good);
        if (options_.routes.follow_tasks && !present.is_external) {
          const auto own = DocumentRoutes(record.site, options_.routes, record.task_addresses);
          routes = WithServersOf(traefik::RenderFragment(own), std::move(routes), change.id);
        }
      }
    }
    assembly_.Set(key, std::move(routes));
    if (rolled_back_) freed = !TakeIntoRollback(key) || freed;
    if (quarantined) {
      spdlog::error("site {} {}: {}", change.id.value,
                    quarantined->has_last_good ? "keeps the routes that it had" : "has no routes",
                    quarantined->reason);
    }
    const std::lock_guard lock(mutex_);
    if (quarantined) {
      quarantined_[key] = *std::move(quarantined);
    } else {
      quarantined_.erase(key);
    }
  }
  if (!freed) return;
  CountAddresses();
  for (const auto& [key, site] : present_) {
    if (!rolled_back_->assembly.Find(key)) TakeIntoRollback(key);
  }
}

// Routes of an earlier revision, which lead to where the site's tasks are now.
traefik::Fragment PoolDocument::WithPresentServers(std::uint64_t key,
                                                   traefik::Fragment then) const {
  const auto site = present_.find(key);
  const traefik::Fragment* const now = assembly_.Find(key);
  const bool is_concerned =
      options_.routes.follow_tasks && now && site != present_.end() && !site->second.is_external;
  if (!is_concerned) return then;
  return WithServersOf(*now, std::move(then), {static_cast<std::int64_t>(key)});
}

// The routes that this site had: in the document that is being made, or in the last one of the
// process before.
std::optional<traefik::Fragment> PoolDocument::LastGood(std::uint64_t key) {
  if (const traefik::Fragment* const fragment = assembly_.Find(key)) return *fragment;
  if (!history_) return {};
  const auto list = history_->List();
  if (!list || list->empty()) return {};
  const auto part = history_->FindPart(list->front().revision, provider::ShardOf(key));
  if (!part) return {};
  const auto fragments = UnpackFragments(*part);
  if (!fragments) return {};
  const auto found = fragments->find(key);
  return found == fragments->end() ? std::optional<traefik::Fragment>() : *found->second;
}

// False when it has to be tried again.
bool PoolDocument::Consider(store::Revision revision, Clock::time_point committed) {
  const auto orders = ReadOrders(store_, pool_.name);
  if (!orders) {
    spdlog::error("the document stays as it is: {}", orders.error().message);
    return false;
  }
  was_behind_ = was_behind_ || orders->behind;
  if (const auto followed = FollowRollback(orders->rolled_back_to); !followed) {
    HeldDocument held;
    held.revision = revision;
    held.published = std::max(served_revision_, orders->behind.value_or(0));
    held.is_older = orders->behind.has_value();
    held.reason = fmt::format(
        "routing cannot be rolled back to revision {}: {} (to go on with the present routes: "
        "orchestrator routing rollback latest{})",
        *orders->rolled_back_to, followed.error(), PoolOption(pool_.name));
    Hold(std::move(held), orders->true_from);
    return false;  // it may be possible later
  }
  const auto begin = Clock::now();
  provider::Assembly& assembly = rolled_back_ ? rolled_back_->assembly : assembly_;
  auto snapshot = assembly.Build(revision);
  provider::DocumentState state = assembly.State();
  render_times_.Observe(std::chrono::duration<double>(Clock::now() - begin).count());

  HeldDocument held;
  held.revision = revision;
  held.published = served_revision_;
  provider::Loss loss = LossBy(state, held.examples);
  loss.is_older = held.is_older = orders->behind.has_value();
  if (loss.is_older) {
    const auto counts = store_.Count();
    if (!counts) {
      spdlog::error("the document stays as it is: {}", counts.error().message);
      return false;
    }
    loss.is_of_nothing = counts->sites == 0;
  }
  if (orders->behind) held.published = std::max(held.published, *orders->behind);
  const auto objection = provider::FindObjection(loss, options_.limits);
  const bool is_confirmed = objection && objection->can_be_confirmed &&
                            orders->confirmed_at > held.published && !loss.is_older &&
                            loss.vanishing <= orders->confirmed_vanishing;
  if (objection && !is_confirmed) {
    held.reason = objection->reason;
    held.can_be_confirmed = objection->can_be_confirmed;
    held.before = loss.before;
    held.vanishing = loss.vanishing;
    Hold(std::move(held), orders->true_from);
    return true;
  }
  // What nobody may rely on is said before the document is there.
  if (rolled_back_) Promise(orders->true_from);
  pool_.instances.RecordPublished(revision, committed);
  pool_.publisher.Publish(snapshot);
  Promise(orders->true_from);
  ++published_;
  fault::MaybeCrash(fault::CrashPoint::kDocumentPublished);
  {
    const std::lock_guard lock(mutex_);
    served_ = state;
    held_.reset();
    rolled_back_to_ = rolled_back_ ? std::optional(rolled_back_->to) : std::nullopt;
  }
  recorder_.Record({.revision = revision,
                    .snapshot = std::move(snapshot),
                    .state = state,
                    .published = std::chrono::system_clock::now(),
                    .rolled_back_to = rolled_back_ ? std::optional(rolled_back_->to) : std::nullopt,
                    .of_another_database = std::exchange(was_behind_, false),
                    .of_tasks_only = !std::exchange(are_routes_changed_, false)});
  served_revision_ = revision;
  return true;
}

void PoolDocument::Promise(store::Revision true_from) {
  provider::Instances::Promise promise;
  promise.true_from = true_from;
  if (rolled_back_) {
    promise.nothing_after = {
        rolled_back_->to, fmt::format("routing is rolled back to revision {}", rolled_back_->to)};
  }
  pool_.instances.SetPromise(std::move(promise));
}

provider::Loss PoolDocument::LossBy(const provider::DocumentState& state,
                                    std::vector<site::SiteId>& examples) const {
  std::vector<std::uint64_t> removed;
  if (served_) {
    removed = Compare(*served_, state).removed;
  } else {
    std::ranges::copy_if(served_before_, std::back_inserter(removed),
                         [&](std::uint64_t key) { return state.Find(key) == nullptr; });
  }
  // Those that labels route by now are not lost.
  std::erase_if(removed, [&](std::uint64_t key) {
    const auto site = present_.find(key);
    return key == kSharedKey || (site != present_.end() && site->second.in_labels_only);
  });
  for (const std::uint64_t key : removed) {
    if (examples.size() == kExamples) break;
    examples.push_back({static_cast<std::int64_t>(key)});
  }
  return {.before = served_ ? CountSites(*served_) : served_before_.size(),
          .vanishing = removed.size()};
}

void PoolDocument::Hold(HeldDocument held, store::Revision true_from) {
  const std::string sentence = fmt::format(
      "the document of revision {}{} is held back: {}{}", held.revision,
      pool_.name == provider::kDefaultPool ? "" : " of the pool " + pool_.name, held.reason,
      held.can_be_confirmed ? fmt::format(" (to let it pass: orchestrator routing confirm {}{})",
                                          held.revision, PoolOption(pool_.name))
                            : "");
  const auto before = this->held();
  const bool is_new = !before || before->revision != held.revision || before->reason != held.reason;
  if (is_new) {
    spdlog::error("{}", sentence);
    ++objections_;
    recorder_.RecordHeld(held.revision);
  }
  // Numbers of an older database say nothing about what is served.
  store::Revision had = rolled_back_to().value_or(held.published);
  if (published_ == 0 && options_.before && options_.before->routes_of) {
    had = std::min<store::Revision>(had, *options_.before->routes_of);
  }
  pool_.instances.SetPromise({.nothing_after = {{held.is_older ? 0 : had, sentence}},
                              .true_from = true_from,
                              .held = true});
  // What was served before is better than nothing.
  if (!pool_.publisher.Current() && options_.before)
    pool_.publisher.Publish(options_.before->snapshot);
  const std::lock_guard lock(mutex_);
  held_ = std::move(held);
}

// Brings rolled_back_ to what is ordered.
std::expected<void, std::string> PoolDocument::FollowRollback(
    const std::optional<store::Revision>& to) {
  if (!to) {
    are_routes_changed_ = are_routes_changed_ || rolled_back_;
    rolled_back_.reset();
    return {};
  }
  if (rolled_back_ && rolled_back_->to == *to) return {};
  if (!history_) return std::unexpected("there is no history");
  const auto parts = history_->PartsOf(*to);
  if (!parts) return std::unexpected(parts.error().message);
  auto back = std::make_unique<RolledBack>(*to, options_.make_assembly());
  for (const store::HistoryPart& part : *parts) {
    const auto fragments = UnpackFragments(part.bytes);
    if (!fragments) return std::unexpected(fragments.error().message);
    for (const auto& [key, fragment] : *fragments) {
      if (key == kSharedKey) {
        back->assembly.Set(key, SharedWithThoseOf(*fragment, options_.routes));
      } else if (present_.contains(key)) {  // else its site is gone
        back->keys.insert(key);
        back->assembly.Set(key, WithPresentServers(key, *fragment));
      }
    }
  }
  // It may have been ordered by a process that ended before it was pinned.
  if (const auto pinned = history_->Pin(to); !pinned) spdlog::warn("{}", pinned.error().message);
  rolled_back_ = std::move(back);
  are_routes_changed_ = true;
  CountAddresses();
  for (const auto& [key, site] : present_) TakeIntoRollback(key);
  return {};
}

// What those that had routes then have for themselves.
void PoolDocument::CountAddresses() {
  rolled_back_->addresses.clear();
  rolled_back_->has_streams = false;
  for (const std::uint64_t key : rolled_back_->keys) {
    const traefik::Fragment* const fragment = rolled_back_->assembly.Find(key);
    if (!fragment) continue;
    AddAddresses(*fragment, rolled_back_->addresses);
    rolled_back_->has_streams = rolled_back_->has_streams || HasStreams(*fragment);
  }
}

// Sites that had no routes then have their present ones. Those that had keep them until they go;
// false when this is one that goes, so that others may have its addresses.
bool PoolDocument::TakeIntoRollback(std::uint64_t key) {
  const auto site = present_.find(key);
  if (site == present_.end()) {
    rolled_back_->assembly.Remove(key);
    return rolled_back_->keys.erase(key) == 0;  // another site of its number is a new one
  }
  if (rolled_back_->keys.contains(key)) {
    if (const traefik::Fragment* const then = rolled_back_->assembly.Find(key)) {
      rolled_back_->assembly.Set(key, WithPresentServers(key, *then));
    }
    return true;
  }
  const Present& present = site->second;
  const bool is_taken = (present.has_streams && rolled_back_->has_streams) ||
                        std::ranges::any_of(present.addresses, [&](const std::string& address) {
                          return rolled_back_->addresses.contains(address);
                        });
  const traefik::Fragment* const routes = is_taken ? nullptr : assembly_.Find(key);
  rolled_back_->assembly.Set(key, routes ? *routes : traefik::Fragment());
  return true;
}

}  // namespace orchestrator::routing
