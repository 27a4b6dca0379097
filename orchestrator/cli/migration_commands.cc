#include "orchestrator/cli/migration_commands.h"

#include <algorithm>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/cli/output.h"

namespace orchestrator::cli {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr const char* kMigrations = "/v1/routing/migrations";
constexpr std::size_t kBarWidth = 24;

std::string ToJson(const SwitchOrder& order) {
  json out{{"to", order.to}};
  if (!order.sites.empty()) out["sites"] = order.sites;
  if (!order.pool.empty()) out["pool"] = order.pool;
  if (!order.kind.empty()) out["kind"] = order.kind;
  if (!order.accept.empty()) out["accept"] = order.accept;
  if (order.batch) out["batch"] = *order.batch;
  if (order.canary) out["canary"] = *order.canary;
  if (!order.pause.empty()) out["pause"] = order.pause;
  return out.dump();
}

bool HasEnded(const json& migration) { return !migration.at("ended").is_null(); }

std::string ProgressLine(const json& migration) {
  const auto sites = migration.at("sites").get<std::size_t>();
  const auto moved = migration.at("moved").get<std::size_t>();
  const auto stay = migration.at("overridden").get<std::size_t>();
  const std::size_t filled = sites == 0 ? kBarWidth : (moved + stay) * kBarWidth / sites;
  std::string line =
      fmt::format("[{:-<{}}] {} of {} sites moved to {}, {} on their way",
                  std::string(std::min(filled, kBarWidth), '#'), kBarWidth, moved, sites,
                  migration.at("to").get<std::string>(), migration.at("moving").dump());
  const auto state = migration.at("state").get<std::string>();
  if (state != "running" && state != "finished") line += ", " + state;
  if (const json& back = migration.at("returned"); back != 0 || state == "rolling-back") {
    line += fmt::format(", {} went back", back.dump());
  }
  if (const auto reason = migration.at("reason").get<std::string>(); !reason.empty()) {
    return line + ": " + reason;
  }
  for (const json& waiting : migration.at("waiting")) {
    const auto reason = waiting.at("for").get<std::string>();
    if (reason.empty()) continue;
    line += fmt::format(" (site {}: {})", waiting.at("site").dump(), reason);
    break;
  }
  return line;
}

// The last state of the migration, or the one at the deadline.
Result<json> Follow(const ApiClient& api, json migration,
                    std::chrono::steady_clock::time_point deadline) {
  const std::string path = fmt::format("{}/{}", kMigrations, migration.at("id").dump());
  Progress progress;
  while (!HasEnded(migration) && std::chrono::steady_clock::now() < deadline) {
    progress.Show(ProgressLine(migration));
    std::this_thread::sleep_for(200ms);
    const auto answer = api.Call("GET", path);
    if (!answer) return Failure(answer.error());
    migration = json::parse(answer->body);
  }
  return migration;
}

void PrintMigration(const json& migration, bool as_json) {
  if (as_json) {
    PrintJson(migration.dump());
    return;
  }
  fmt::print("{}\n", ProgressLine(migration));
  if (const auto stay = migration.at("overridden").get<std::size_t>(); stay > 0) {
    fmt::print("{} sites stay where they are; why: GET {}/{}/steps\n", stay, kMigrations,
               migration.at("id").dump());
  }
}

}  // namespace

int PlanSwitch(const ApiClient& api, const SwitchOrder& order, bool as_json) {
  const auto answer = api.Call("POST", "/v1/routing/plan", ToJson(order));
  if (!answer) return PrintError(answer.error());
  if (as_json) {
    PrintJson(answer->body);
    return kDone;
  }
  const json plan = json::parse(answer->body);
  fmt::print("to {}: {} sites move, {} are there, {} stay\n", order.to, plan.at("moves").dump(),
             plan.at("there").dump(), plan.at("stays").dump());
  std::vector<std::vector<std::string>> rows{{"SITE", "POOL", "NOW", "VERDICT", "ROUTES", "WHY"}};
  for (const json& site : plan.at("sites")) {
    const std::size_t differences = site.at("differences").size();
    rows.push_back({site.at("site").dump(), site.at("pool").get<std::string>(),
                    site.at("phase").get<std::string>(), site.at("verdict").get<std::string>(),
                    differences == 0 ? "the same" : fmt::format("{} differ", differences),
                    site.at("reason").get<std::string>()});
  }
  if (rows.size() > 1) PrintTable(rows);
  for (const json& site : plan.at("sites")) {
    for (const json& difference : site.at("differences")) {
      fmt::print("site {} {}: {} as labels, {} in the document\n", site.at("site").dump(),
                 difference.at("pointer").get<std::string>(), difference.at("labels").dump(),
                 difference.at("document").dump());
    }
  }
  if (plan.at("left_out") != 0) fmt::print("and {} more sites\n", plan.at("left_out").dump());
  return kDone;
}

int SwitchMode(const ApiClient& api, const SwitchOrder& order, std::chrono::milliseconds wait,
               bool as_json) {
  const auto answer = api.Call("POST", kMigrations, ToJson(order));
  if (!answer) return PrintError(answer.error());
  const auto migration =
      Follow(api, json::parse(answer->body), std::chrono::steady_clock::now() + wait);
  if (!migration) return PrintError(migration.error());
  PrintMigration(*migration, as_json);
  const auto state = migration->at("state").get<std::string>();
  if (state == "finished" || wait.count() == 0) return kDone;
  if (HasEnded(*migration)) {
    return PrintError({ErrorKind::kConflict, "the switch was " + state + ": " +
                                                 migration->at("reason").get<std::string>()});
  }
  if (state == "paused" && migration->at("resumes_by_itself") == false) {
    return PrintError({ErrorKind::kUnavailable,
                       "the switch is paused and waits for you: orchestrator routing migrations "
                       "resume, abort or rollback; every site is routed from at least one side"});
  }
  return PrintError(
      {ErrorKind::kUnavailable,
       "the switch goes on, but is not finished; nothing is lost meanwhile: every site is "
       "routed from at least one side"});
}

int ListMigrations(const ApiClient& api, bool as_json) {
  const auto answer = api.Call("GET", kMigrations);
  if (!answer) return PrintError(answer.error());
  if (as_json) {
    PrintJson(answer->body);
    return kDone;
  }
  std::vector<std::vector<std::string>> rows{{"ID", "TO", "STATE", "CREATED", "WHY"}};
  const json answered = json::parse(answer->body);
  for (const json& migration : answered.at("migrations")) {
    rows.push_back({migration.at("id").dump(), migration.at("to").get<std::string>(),
                    migration.at("state").get<std::string>(),
                    migration.at("created").get<std::string>(),
                    migration.at("reason").get<std::string>()});
  }
  PrintTable(rows);
  return kDone;
}

int CommandMigration(const ApiClient& api, const std::string& command,
                     std::optional<std::uint64_t> id, bool as_json) {
  if (!id) {
    const auto answer = api.Call("GET", kMigrations);
    if (!answer) return PrintError(answer.error());
    const json list = json::parse(answer->body).at("migrations");
    if (list.empty()) return PrintError({ErrorKind::kNotFound, "there is no migration"});
    id = list.front().at("id").get<std::uint64_t>();
  }
  const auto answer = api.Call("POST", fmt::format("{}/{}/{}", kMigrations, *id, command), "{}");
  if (!answer) return PrintError(answer.error());
  PrintMigration(json::parse(answer->body), as_json);
  return kDone;
}

}  // namespace orchestrator::cli
