#include "orchestrator/api/routing_handlers.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/routing/absences.h"
#include "orchestrator/routing/migrations.h"

namespace orchestrator::api {
namespace {

using Ordered = nlohmann::ordered_json;

std::string EngineState(const Services& services) {
  if (!services.engine) return "none configured";
  const std::string problem = services.reconciler.EngineProblem();
  return problem.empty() ? "ready" : problem;
}

const char* StateOf(const provider::InstanceStatus& instance) {
  if (instance.gone) return "gone";
  return instance.polling ? "live" : "stale";
}

void AddInstances(const routing::PoolRouting& pool, Ordered& list) {
  const auto snapshot = pool.traefiks.publisher.Current();
  const std::uint64_t published = snapshot ? snapshot->revision() : 0;
  for (const provider::InstanceStatus& instance : pool.traefiks.instances.List()) {
    const std::uint64_t known = instance.probed ? instance.confirmed : instance.delivered;
    Ordered item{{"name", instance.name},
                 {"pool", pool.name()},
                 {"address", instance.address},
                 {"configured", instance.configured},
                 {"confirmed_by", instance.probed ? "probe" : "delivery"},
                 {"polling", instance.polling},
                 {"state", StateOf(instance)},
                 {"last_poll", nullptr},
                 {"polls", instance.polls},
                 {"delivered", instance.delivered},
                 {"confirmed", instance.probed ? Ordered(instance.confirmed) : Ordered()},
                 {"lag", published > known ? published - known : 0},
                 {"time_to_apply_ms", nullptr},
                 {"problem", instance.problem}};
    if (instance.time_to_apply) item["time_to_apply_ms"] = instance.time_to_apply->count();
    if (instance.last_poll) item["last_poll"] = Rfc3339(*instance.last_poll);
    list.push_back(std::move(item));
  }
}

// Those of all pools.
Ordered InstancesToJson(const Services& services) {
  Ordered list = Ordered::array();
  for (const routing::PoolRouting& pool : services.pools) AddInstances(pool, list);
  return list;
}

Ordered HeldToJson(const routing::PoolRouting& pool) {
  const auto held = pool.document->held();
  if (!held) return nullptr;
  Ordered examples = Ordered::array();
  for (const site::SiteId id : held->examples) examples.push_back(id.value);
  return {{"revision", held->revision},
          {"reason", held->reason},
          {"can_be_confirmed", held->can_be_confirmed},
          {"sites", held->before},
          {"vanishing", held->vanishing},
          {"examples", std::move(examples)}};
}

Ordered QuarantineToJson(const Services& services) {
  Ordered list = Ordered::array();
  for (const routing::PoolRouting& pool : services.pools) {
    for (const routing::QuarantinedSite& site : pool.document->quarantined()) {
      list.push_back({{"site", site.id.value},
                      {"pool", pool.name()},
                      {"reason", site.reason},
                      {"routes", site.has_last_good ? "last good" : "none"}});
    }
  }
  return list;
}

// What a pool's Traefiks are given.
Ordered PoolToJson(const routing::PoolRouting& pool, const store::Counts& counts) {
  const auto snapshot = pool.traefiks.publisher.Current();
  const auto sites = counts.by_pool.find(pool.name());
  const auto to = pool.document->rolled_back_to();
  return {{"name", pool.name()},
          {"sites", sites == counts.by_pool.end() ? 0 : sites->second},
          {"revision", snapshot ? Ordered(snapshot->revision()) : Ordered()},
          {"stale", snapshot ? Ordered(snapshot->is_stale()) : Ordered()},
          {"kept", pool.recorder->kept()},
          {"rolled_back_to", to ? Ordered(*to) : Ordered()},
          {"held", HeldToJson(pool)},
          {"document_bytes", snapshot ? Ordered(snapshot->plain_size()) : Ordered()},
          {"compressed_bytes", snapshot ? Ordered(snapshot->gzip()->size()) : Ordered()}};
}

}  // namespace

Response ShowRouting(const Services& services) {
  const auto default_mode = routing::DefaultMode(services.store);
  if (!default_mode) return Problem(default_mode.error());
  const auto counts = services.store.Count();
  if (!counts) return Problem(counts.error());
  Ordered pools = Ordered::array();
  for (const routing::PoolRouting& pool : services.pools) {
    pools.push_back(PoolToJson(pool, *counts));
  }
  Ordered out{{"default_mode", site::Name(*default_mode)},
              {"sites", counts->sites},
              {"phases", Ordered::object()},
              {"removing", counts->removing},
              {"revision", pools.front()["revision"]},  // of the default pool
              {"engine", EngineState(services)},
              {"pools", std::move(pools)},
              {"instances", InstancesToJson(services)},
              {"quarantined", QuarantineToJson(services)}};
  for (const store::Phase phase : {store::Phase::kLabels, store::Phase::kToProvider,
                                   store::Phase::kProvider, store::Phase::kToLabels}) {
    out["phases"][store::Name(phase)] = counts->by_phase[static_cast<std::size_t>(phase)];
  }
  return Json(200, Dump(out));
}

Response ListInstances(const Services& services) {
  return Json(200, Dump({{"instances", InstancesToJson(services)}}));
}

Response DeclareGone(const Services& services, const std::string& name) {
  std::vector<provider::Pool*> having;  // it; in each it is declared gone
  bool configured = false;
  for (const routing::PoolRouting& pool : services.pools) {
    for (const provider::InstanceStatus& status : pool.traefiks.instances.List()) {
      if (status.name != name) continue;
      having.push_back(&pool.traefiks);
      configured = configured || status.configured;
    }
  }
  // Where it was named, only that counts: elsewhere it has polled by mistake.
  if (configured) {
    std::erase_if(having, [&](const provider::Pool* pool) {
      return std::ranges::find(pool->instances.configured(), name,
                               &provider::ConfiguredInstance::name) ==
             pool->instances.configured().end();
    });
  }
  if (having.empty()) return Problem(404, fmt::format("there is no Traefik named '{}'", name));
  // Written down first: what is answered as done is not undone by a restart.
  if (configured) {
    if (auto set = routing::SetAbsence(services.store, name, true); !set)
      return Problem(set.error());
  }
  for (provider::Pool* const pool : having) {
    const auto declared = pool->instances.DeclareGone(name);
    if (declared) continue;
    if (configured) {
      if (auto set = routing::SetAbsence(services.store, name, false); !set)
        return Problem(set.error());
    }
    const bool unknown = declared.error().first == provider::Instances::Refusal::kUnknown;
    return Problem(unknown ? 404 : 409, declared.error().second);
  }
  return ListInstances(services);
}

// Hides private keys and the hashes of passwords, wherever a document has them.
void HideSecrets(Ordered& value) {
  if (!value.is_structured()) return;
  for (const auto& [key, member] : value.items()) {
    // A service may have such a name; it is an object.
    if (value.is_object() && !member.is_object() && (key == "keyFile" || key == "users")) {
      member = "(hidden)";
    } else {
      HideSecrets(member);
    }
  }
}

Response ShowDocument(const routing::PoolRouting& pool) {
  const auto snapshot = pool.traefiks.publisher.Current();
  if (!snapshot) return Problem(503, "the state is being loaded; there is no document yet");
  const auto bytes = snapshot->BytesOf(traefik::Form::kJson, provider::Snapshot::Encoding::kPlain);
  if (!bytes) {
    const auto held = pool.document->held();
    return Problem(503, "the document is from before the start: " +
                            (held ? held->reason : "the state is being loaded"));
  }
  auto document = Ordered::parse(*bytes);
  HideSecrets(document);
  Response response = Json(200, Dump(document));
  response.headers.emplace_back("X-Revision", std::to_string(snapshot->revision()));
  return response;
}

}  // namespace orchestrator::api
