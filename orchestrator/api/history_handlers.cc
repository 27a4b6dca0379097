#include "orchestrator/api/history_handlers.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/json/reader.h"
#include "orchestrator/routing/orders.h"
#include "orchestrator/routing/recorder.h"
#include "provider/document_state.h"
#include "traefik/codec/diff.h"

namespace orchestrator::api {
namespace {

using Ordered = nlohmann::ordered_json;

constexpr std::size_t kMostSites = 1000;  // whose difference is told in full

Response NoHistory() {
  return Problem(503, "there is no history of routing (routing.history is 0, or see the log)");
}

// The revision whose routes are served: the newest in the list up to the document's own, which also
// counts where tasks have moved.
store::Revision ServedOf(const std::vector<store::PublishedRevision>& list,
                         const routing::PoolRouting& pool) {
  const auto snapshot = pool.traefiks.publisher.Current();
  if (!snapshot) return 0;
  const auto served = std::ranges::find_if(list, [&](const store::PublishedRevision& revision) {
    return revision.revision <= snapshot->revision();
  });
  return served == list.end() ? 0 : served->revision;
}

Ordered ToJson(const store::PublishedRevision& revision, store::Revision served) {
  const std::chrono::system_clock::time_point time{std::chrono::milliseconds(revision.published)};
  Ordered out{{"revision", revision.revision}, {"published", Rfc3339(time)},
              {"sites", revision.sites},       {"added", revision.added},
              {"removed", revision.removed},   {"changed", revision.changed},
              {"rolled_back_to", nullptr}};
  if (revision.rolled_back_to) out["rolled_back_to"] = *revision.rolled_back_to;
  out["current"] = revision.revision == served;
  return out;
}

Result<std::shared_ptr<const provider::Fragments>> Unpack(const std::string& bytes) {
  auto fragments = routing::UnpackFragments(bytes);
  if (!fragments) return Failure(fragments.error());
  return std::make_shared<const provider::Fragments>(*std::move(fragments));
}

Ordered RoutesDiff(const traefik::Fragment* before, const traefik::Fragment* after) {
  const auto decode = [](const traefik::Fragment* fragment) {
    return fragment ? routing::DecodedRoutes(*fragment, {}) : traefik::codec::Value();
  };
  return Ordered::parse(
      traefik::codec::ToJson(traefik::codec::Diff(decode(before), decode(after))));
}

// The difference of two revisions, site by site.
Result<Ordered> Difference(const store::History& history, store::Revision from,
                           store::Revision to) {
  const auto pairs = history.Differing(from, to);
  if (!pairs) return Failure(pairs.error());
  provider::DocumentState before;
  provider::DocumentState after;
  for (const store::HistoryPair& pair : *pairs) {
    auto old = Unpack(pair.before);
    auto now = Unpack(pair.after);
    if (!old || !now) return Failure(old ? now.error() : old.error());
    before.shards.push_back({pair.number, *std::move(old)});
    after.shards.push_back({pair.number, *std::move(now)});
  }
  const provider::Difference difference = Compare(before, after);
  Ordered sites = Ordered::array();
  std::size_t left_out = 0;
  const auto add = [&](const char* change, const std::vector<std::uint64_t>& keys) {
    for (const std::uint64_t key : keys) {
      if (sites.size() >= kMostSites) {
        ++left_out;
        continue;
      }
      sites.push_back({{"site", key == routing::kSharedKey ? Ordered("shared") : Ordered(key)},
                       {"change", change},
                       {"routes", RoutesDiff(before.Find(key), after.Find(key))}});
    }
  };
  add("added", difference.added);
  add("removed", difference.removed);
  add("changed", difference.changed);
  return Ordered{{"from", from}, {"to", to}, {"sites", std::move(sites)}, {"left_out", left_out}};
}

}  // namespace

Response ListRevisions(const routing::PoolRouting& pool) {
  if (!pool.history) return NoHistory();
  const auto list = pool.history->List();
  if (!list) return Problem(list.error());
  const store::Revision served = ServedOf(*list, pool);
  Ordered revisions = Ordered::array();
  for (const store::PublishedRevision& revision : *list) {
    revisions.push_back(ToJson(revision, served));
  }
  return Json(200, Dump({{"revisions", std::move(revisions)}}));
}

Response ShowRevision(const routing::PoolRouting& pool, store::Revision revision) {
  if (!pool.history) return NoHistory();
  const auto list = pool.history->List();
  if (!list) return Problem(list.error());
  const auto found = std::ranges::find(*list, revision, &store::PublishedRevision::revision);
  if (found == list->end()) {
    return Problem(404,
                   fmt::format("revision {} was not published, or is not kept any more", revision));
  }
  Ordered out = ToJson(*found, ServedOf(*list, pool));
  out["difference"] = nullptr;
  if (const auto previous = std::next(found); previous != list->end()) {
    auto difference = Difference(*pool.history, previous->revision, revision);
    if (!difference) return Problem(difference.error());
    out["difference"] = *std::move(difference);
  }
  return Json(200, Dump(out));
}

Response ShowDifference(const routing::PoolRouting& pool, const Request& request,
                        store::Revision from) {
  if (!pool.history) return NoHistory();
  store::Revision to = 0;
  if (const std::string_view text = request.Query("to"); !text.empty()) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
    if (error != std::errc{} || end != text.data() + text.size()) {
      return Problem(422, "to must be the number of a revision", {{"?to", "must be a number"}});
    }
  } else {
    const auto list = pool.history->List();
    if (!list) return Problem(list.error());
    if (!list->empty()) to = list->front().revision;
  }
  const auto difference = Difference(*pool.history, from, to);
  return difference ? Json(200, Dump(*difference)) : Problem(difference.error());
}

Response RollBack(const Services& services, const routing::PoolRouting& pool,
                  std::optional<store::Revision> to) {
  store::History* const history = pool.history.get();
  if (to && !history) return NoHistory();
  const auto revision = to && history
                            ? routing::RollBack(services.store, pool.name(), *history, *to)
                            : routing::RollForth(services.store, pool.name(), history);
  if (!revision) return Problem(revision.error());
  return Json(202,
              Dump({{"revision", *revision}, {"rolled_back_to", to ? Ordered(*to) : Ordered()}}));
}

Response ConfirmLoss(const Services& services, const routing::PoolRouting& pool,
                     const Request& request) {
  const auto value = json::Parse(request.body);
  if (!value) return Problem(value.error());
  std::vector<FieldProblem> problems;
  json::ObjectReader reader(*value, "", problems);
  const nlohmann::json* const revision = reader.Find("revision");
  if (!revision || !revision->is_number_unsigned()) {
    reader.Fail("revision", "must be the revision of the document that is held back");
  }
  reader.RefuseUnknown();
  if (!problems.empty()) {
    return Problem(422, problems.front().pointer + " " + problems.front().detail, problems);
  }
  const auto held = pool.document->held();
  if (!held) return Problem(409, "no document is held back");
  if (*revision != held->revision) {
    return Problem(409,
                   fmt::format("revision {} is held back now: look at it first", held->revision));
  }
  const auto confirmed = routing::ConfirmLoss(services.store, pool.name(), *held);
  if (!confirmed) return Problem(confirmed.error());
  return Json(202, Dump({{"revision", *confirmed}, {"vanishing", held->vanishing}}));
}

}  // namespace orchestrator::api
