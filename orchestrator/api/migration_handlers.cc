#include "orchestrator/api/migration_handlers.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/api/event_stream.h"
#include "orchestrator/json/reader.h"
#include "orchestrator/routing/migrations.h"
#include "orchestrator/site/units.h"

namespace orchestrator::api {
namespace {

using namespace std::chrono_literals;
using Ordered = nlohmann::ordered_json;
using routing::PlannedSite;
using store::Migration;
using StepState = store::MigrationStep::State;

constexpr std::size_t kMostListed = 1000;
constexpr std::int64_t kLargestBatch = 1000;
constexpr std::int64_t kLargestCanary = 100;
constexpr auto kProgressPeriod = 200ms;

std::string Time(std::int64_t seconds) {
  return Rfc3339(std::chrono::system_clock::time_point(std::chrono::seconds(seconds)));
}

Ordered Summary(const Migration& migration) {
  return {{"id", migration.id},
          {"to", site::Name(migration.to)},
          {"state", store::Name(migration.state)},
          {"reason", migration.reason},
          {"created", Time(migration.created)},
          {"ended", migration.ended == 0 ? Ordered() : Ordered(Time(migration.ended))}};
}

Result<Ordered> MigrationToJson(const Services& services, const Migration& migration) {
  const auto counts = services.store.CountSteps(migration.id);
  if (!counts) return Failure(counts.error());
  std::size_t steps = 0;
  for (const std::size_t count : counts->by_state) steps += count;
  Ordered out = Summary(migration);
  out.update({{"resumes_by_itself", migration.resumes_itself},
              {"pool", migration.pool.empty() ? Ordered() : Ordered(migration.pool)},
              {"batch", migration.batch},
              {"canary", migration.canary},
              {"pause", fmt::format("{}ms", migration.pause.count())},
              {"batches", {{"in_all", counts->batches}, {"begun", counts->batches_begun}}},
              {"sites", migration.there + steps},
              {"moved", migration.there + counts->Count(StepState::kMoved)},
              {"moving", counts->Count(StepState::kStarted)},
              {"planned", counts->Count(StepState::kPlanned)},
              {"overridden", counts->Count(StepState::kSkipped)},
              {"returning", counts->Count(StepState::kReturning)},
              {"returned", counts->Count(StepState::kReturned)},
              {"waiting", Ordered::array()}});
  for (const site::SiteId id : counts->under_way) {
    out["waiting"].push_back({{"site", id.value}, {"for", services.mode_switch.WaitingFor(id)}});
  }
  return out;
}

void ReadSites(json::ObjectReader& reader, std::vector<FieldProblem>& problems,
               routing::MigrationOrder& order) {
  const nlohmann::json* const list = reader.Find("sites");
  if (!list) return;
  order.sites.emplace();
  if (!list->is_array() || list->empty()) {
    reader.Fail("sites", "must be a list of ids, or left out");
    return;
  }
  for (std::size_t i = 0; i < list->size(); ++i) {
    if ((*list)[i].is_number_integer()) {
      order.sites->push_back({(*list)[i].get<std::int64_t>()});
    } else {
      problems.push_back({json::Pointer("/sites", i), "must be the id of a site"});
    }
  }
}

void ReadPace(json::ObjectReader& reader, routing::MigrationOrder& order) {
  if (const auto batch = reader.Integer("batch")) {
    if (*batch < 1 || *batch > kLargestBatch) {
      reader.Fail("batch", fmt::format("must be from 1 to {}", kLargestBatch));
    } else {
      order.batch = static_cast<std::size_t>(*batch);
    }
  }
  if (const auto canary = reader.Integer("canary")) {
    if (*canary < 0 || *canary > kLargestCanary) {
      reader.Fail("canary", fmt::format("must be from 0 (none) to {}", kLargestCanary));
    } else {
      order.canary = static_cast<std::size_t>(*canary);
    }
  }
  const nlohmann::json* const pause = reader.Find("pause");
  if (!pause) return;
  const auto parsed = pause->is_string() ? site::ParseDuration(pause->get<std::string>())
                                         : site::ParseDuration(pause->dump() + "s");
  if (parsed) {
    order.pause = *parsed;
  } else {
    reader.Fail("pause", "must be a duration, as \"10s\"");
  }
}

// What the body orders, checked as far as that needs no sites.
Result<routing::MigrationOrder> ReadOrder(const Services& services, const Request& request) {
  const auto value = json::Parse(request.body);
  if (!value) return Failure(value.error());
  std::vector<FieldProblem> problems;
  json::ObjectReader reader(*value, "", problems);
  routing::MigrationOrder order;
  const auto to = reader.String("to");
  if (to != "labels" && to != "provider") reader.Fail("to", "must be labels or provider");
  if (to == "labels") order.to = site::RoutingMode::kLabels;
  ReadSites(reader, problems, order);
  order.pool = reader.String("pool").value_or("");
  if (!order.pool.empty() && !routing::FindPool(services.pools, order.pool)) {
    reader.Fail("pool", "is not one of routing.pools in the configuration");
  }
  if (const auto kind = reader.String("kind")) {
    for (const site::Kind known :
         {site::Kind::kDynamic, site::Kind::kStatic, site::Kind::kExternal}) {
      if (*kind == site::Name(known)) order.kind = known;
    }
    if (!order.kind) reader.Fail("kind", "must be dynamic, static or external");
  }
  order.accept = reader.Strings("accept").value_or(std::vector<std::string>());
  ReadPace(reader, order);
  reader.RefuseUnknown();
  if (order.sites && (order.kind || !order.pool.empty())) {
    reader.Fail("sites", "cannot be combined with pool or kind");
  }
  if (!problems.empty()) {
    return Failure(Error{ErrorKind::kInvalid,
                         problems.front().pointer + " " + problems.front().detail,
                         {},
                         problems});
  }
  if (order.to == site::RoutingMode::kLabels && !services.engine) {
    return Failure(Error{ErrorKind::kInvalid,
                         "labels need a Docker engine, and none is configured (docker.host)",
                         {},
                         {{"/to", "cannot be labels without a Docker engine"}}});
  }
  return order;
}

Ordered PlannedToJson(const PlannedSite& site) {
  Ordered out{{"site", site.id.value},
              {"pool", site.pool},
              {"phase", store::Name(site.phase)},
              {"verdict", routing::Name(site.verdict)},
              {"reason", site.reason},
              {"equivalent", site.differences.empty()},
              {"differences", Ordered::array()}};
  const auto parsed = [](const std::string& text) {
    return text.empty() ? Ordered() : Ordered::parse(text);
  };
  for (const routing::RouteDifference& difference : site.differences) {
    out["differences"].push_back({{"pointer", difference.pointer},
                                  {"labels", parsed(difference.labels)},
                                  {"document", parsed(difference.document)}});
  }
  return out;
}

// What Traefik reads of a site on each side.
void AddRoutes(const Services& services, const PlannedSite& planned, Ordered& out) {
  const auto record = services.store.Find(planned.id);
  if (!record || !*record) return;
  for (const site::RoutingMode side : {site::RoutingMode::kLabels, site::RoutingMode::kProvider}) {
    const auto routes = routing::RoutesOnSide((*record)->site, side, services.routes);
    const char* const key = side == site::RoutingMode::kLabels ? "as_labels" : "in_document";
    out[key] = routes ? Ordered::parse(*routes) : Ordered(routes.error().message);
  }
}

Response Answer(int status, const Result<Ordered>& value) {
  return value ? Json(status, Dump(*value)) : Problem(value.error());
}

Response CreateMigration(const Services& services, const Request& request) {
  const auto order = ReadOrder(services, request);
  if (!order) return Problem(order.error());
  const auto migration = routing::StartMigration(services.store, services.routes, *order);
  if (!migration) return Problem(migration.error());
  Response response = Answer(202, MigrationToJson(services, *migration));
  response.headers.emplace_back("Location",
                                fmt::format("/v1/routing/migrations/{}", migration->id));
  return response;
}

Response ListMigrations(const Services& services) {
  const auto migrations = services.store.Migrations();
  if (!migrations) return Problem(migrations.error());
  Ordered list = Ordered::array();
  for (const Migration& migration : *migrations) list.push_back(Summary(migration));
  return Json(200, Dump({{"migrations", list}}));
}

// Events `progress` as it changes, and `end` with the last state.
Response FollowMigration(const Services& services, const Request& request, std::uint64_t id) {
  return EventStream(request, services.stopping, [&services, id](EventWriter& writer) {
    std::string last;
    while (!writer.stop().stop_requested()) {
      const store::Revision seen = services.store.commits().last();
      const auto migration = routing::FindMigration(services.store, id);
      if (!migration) return;
      const auto progress = MigrationToJson(services, *migration);
      if (!progress) return;
      std::string text = Dump(*progress);
      const bool ended = !store::IsLive(migration->state);
      if (ended || text != last) {
        if (!writer.Send(ended ? "end" : "progress", text)) return;
      }
      if (ended) return;
      last = std::move(text);
      services.store.commits().WaitAfter(seen, std::chrono::steady_clock::now() + kProgressPeriod,
                                         writer.stop());
    }
  });
}

Response ShowMigration(const Services& services, const Request& request, std::uint64_t id) {
  const auto migration = routing::FindMigration(services.store, id);
  if (!migration) return Problem(migration.error());
  if (WantsEvents(request)) return FollowMigration(services, request, id);
  return Answer(200, MigrationToJson(services, *migration));
}

// Every site of the migration with what became of it.
Response ListSteps(const Services& services, std::uint64_t id) {
  if (const auto migration = routing::FindMigration(services.store, id); !migration) {
    return Problem(migration.error());
  }
  const auto steps = services.store.StepsOf(id);
  if (!steps) return Problem(steps.error());
  Ordered list = Ordered::array();
  for (const store::MigrationStep& step : *steps) {
    list.push_back({{"site", step.site.value},
                    {"batch", step.batch},
                    {"state", store::Name(step.state)},
                    {"note", step.note}});
  }
  return Json(200, Dump({{"steps", std::move(list)}}));
}

std::optional<routing::MigrationCommand> CommandOf(std::string_view name) {
  if (name == "pause") return routing::MigrationCommand::kPause;
  if (name == "resume") return routing::MigrationCommand::kResume;
  if (name == "abort") return routing::MigrationCommand::kAbort;
  if (name == "rollback") return routing::MigrationCommand::kRollBack;
  return {};
}

}  // namespace

Response PlanMigration(const Services& services, const Request& request) {
  const auto order = ReadOrder(services, request);
  if (!order) return Problem(order.error());
  auto plan = routing::PlanMigration(services.store, services.routes, *order);
  if (!plan) return Problem(plan.error());
  // What needs a look comes first.
  const auto weight = [](const PlannedSite& site) {
    return site.verdict == PlannedSite::Verdict::kStays   ? 0
           : !site.differences.empty()                    ? 1
           : site.verdict == PlannedSite::Verdict::kMoves ? 2
                                                          : 3;
  };
  std::ranges::stable_sort(plan->sites, {}, weight);
  Ordered out{{"to", site::Name(order->to)},
              {"moves", plan->Count(PlannedSite::Verdict::kMoves)},
              {"there", plan->Count(PlannedSite::Verdict::kThere)},
              {"stays", plan->Count(PlannedSite::Verdict::kStays)},
              {"sites", Ordered::array()}};
  for (const PlannedSite& site : plan->sites) {
    if (out["sites"].size() == kMostListed) break;
    out["sites"].push_back(PlannedToJson(site));
    if (order->sites) AddRoutes(services, site, out["sites"].back());
  }
  out["left_out"] = plan->sites.size() - out["sites"].size();
  return Json(200, Dump(out));
}

Response HandleMigrations(const Services& services, const Request& request,
                          const std::vector<std::string_view>& path) {
  const bool get = request.method == "GET";
  const bool post = request.method == "POST";
  if (path.size() == 3) {
    if (get) return ListMigrations(services);
    return post ? CreateMigration(services, request) : MethodNotAllowed("GET, POST");
  }
  std::uint64_t id = 0;
  const char* const end = path[3].data() + path[3].size();
  if (const auto [last, error] = std::from_chars(path[3].data(), end, id);
      error != std::errc{} || last != end) {
    return Problem(404, fmt::format("'{}' is not the number of a migration", path[3]));
  }
  if (path.size() == 4) {
    return get ? ShowMigration(services, request, id) : MethodNotAllowed("GET");
  }
  if (path.size() == 5 && path[4] == "steps") {
    return get ? ListSteps(services, id) : MethodNotAllowed("GET");
  }
  const auto command = CommandOf(path[4]);
  if (path.size() != 5 || !command) return Problem(404, "there is nothing at this address");
  if (!post) return MethodNotAllowed("POST");
  const auto migration = routing::CommandMigration(services.store, id, *command);
  if (!migration) return Problem(migration.error());
  return Answer(200, MigrationToJson(services, *migration));
}

}  // namespace orchestrator::api
