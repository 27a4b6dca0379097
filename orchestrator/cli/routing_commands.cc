#include "orchestrator/cli/routing_commands.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/cli/output.h"
#include "provider/http/url.h"

namespace orchestrator::cli {
namespace {

using nlohmann::json;

// What a command needs to mean this pool.
std::string PoolOption(const std::string& pool) {
  return pool == "default" ? "" : " --pool " + pool;
}

// The query that makes a call mean this pool; `first`: the path has none yet.
std::string PoolQuery(const std::string& pool, char first = '?') {
  return pool.empty() ? "" : fmt::format("{}pool={}", first, provider::http::Escape(pool));
}

void PrintInstances(const json& instances) {
  std::vector<std::vector<std::string>> rows{{"INSTANCE", "POOL", "ADDRESS", "STATE", "DELIVERED",
                                              "CONFIRMED", "LAG", "APPLIED IN", "PROBLEM"}};
  for (const json& instance : instances) {
    rows.push_back(
        {instance.at("name").get<std::string>(), instance.at("pool").get<std::string>(),
         instance.at("address").get<std::string>(), instance.at("state").get<std::string>(),
         instance.at("delivered").dump(),
         instance.at("confirmed").is_null() ? "by delivery" : instance.at("confirmed").dump(),
         instance.at("lag").dump(),
         instance.at("time_to_apply_ms").is_null() ? ""
                                                   : instance.at("time_to_apply_ms").dump() + " ms",
         instance.at("problem").get<std::string>()});
  }
  if (rows.size() > 1) {
    PrintTable(rows);
  } else {
    fmt::print("no Traefik has polled yet\n");
  }
}

// What an operator should know about a pool's document.
void AddWarnings(const json& pool, std::vector<std::string>& lines) {
  const auto name = pool.at("name").get<std::string>();
  const std::string of_pool = name == "default" ? "" : fmt::format("pool {}: ", name);
  const std::string option = PoolOption(name);
  if (pool.at("stale") == true) {
    lines.push_back(
        fmt::format("{}the document is from before the start; the state is being loaded", of_pool));
  }
  if (const json& to = pool.at("rolled_back_to"); !to.is_null()) {
    lines.push_back(fmt::format(
        "{}routing is rolled back to revision {}; back again: orchestrator routing rollback "
        "latest{}",
        of_pool, to.dump(), option));
  }
  if (const json& held = pool.at("held"); !held.is_null()) {
    lines.push_back(fmt::format("{}revision {} is held back: {}", of_pool,
                                held.at("revision").dump(), held.at("reason").get<std::string>()));
    if (held.at("can_be_confirmed") == true) {
      lines.push_back(fmt::format("  sites {}…; to let it pass: orchestrator routing confirm {}{}",
                                  held.at("examples").dump(), held.at("revision").dump(), option));
    }
  }
}

void PrintWarnings(const json& routing) {
  std::vector<std::string> lines;
  for (const json& pool : routing.at("pools")) AddWarnings(pool, lines);
  for (const json& site : routing.at("quarantined")) {
    lines.push_back(fmt::format("site {} has {} routes: {}", site.at("site").dump(),
                                site.at("routes") == "none" ? "no" : "its last good",
                                site.at("reason").get<std::string>()));
  }
  for (const std::string& line : lines) fmt::print("{}\n", line);
  if (!lines.empty()) fmt::print("\n");
}

void PrintPools(const json& pools) {
  std::vector<std::vector<std::string>> rows{
      {"POOL", "SITES", "REVISION", "DOCUMENT", "COMPRESSED"}};
  for (const json& pool : pools) {
    rows.push_back({pool.at("name").get<std::string>(), pool.at("sites").dump(),
                    pool.at("revision").dump(), pool.at("document_bytes").dump() + " bytes",
                    pool.at("compressed_bytes").dump() + " bytes"});
  }
  PrintTable(rows);
  fmt::print("\n");
}

}  // namespace

int ShowRouting(const ApiClient& api, bool as_json) {
  const auto answer = api.Call("GET", "/v1/routing");
  if (!answer) return PrintError(answer.error());
  if (as_json) {
    PrintJson(answer->body);
    return kDone;
  }
  const json routing = json::parse(answer->body);
  fmt::print("default mode  {}\nsites         {}\n", routing.at("default_mode").get<std::string>(),
             routing.at("sites").dump());
  for (const auto& [phase, count] : routing.at("phases").items()) {
    if (count != 0) fmt::print("  {:<12}{}\n", phase, count.dump());
  }
  fmt::print("engine        {}\n\n", routing.at("engine").get<std::string>());
  PrintWarnings(routing);
  PrintPools(routing.at("pools"));
  PrintInstances(routing.at("instances"));
  return kDone;
}

namespace {

int PrintAnsweredInstances(const Result<ApiAnswer>& answer, bool as_json) {
  if (!answer) return PrintError(answer.error());
  if (as_json) {
    PrintJson(answer->body);
  } else {
    PrintInstances(json::parse(answer->body).at("instances"));
  }
  return kDone;
}

}  // namespace

int ListInstances(const ApiClient& api, bool as_json) {
  return PrintAnsweredInstances(api.Call("GET", "/v1/routing/instances"), as_json);
}

int DeclareGone(const ApiClient& api, const std::string& instance, bool as_json) {
  return PrintAnsweredInstances(
      api.Call("DELETE", "/v1/routing/instances/" + provider::http::Escape(instance)), as_json);
}

int ShowDocument(const ApiClient& api, const std::string& pool) {
  const auto answer = api.Call("GET", "/v1/routing/document" + PoolQuery(pool));
  if (!answer) return PrintError(answer.error());
  PrintJson(answer->body);
  return kDone;
}

int ListRevisions(const ApiClient& api, const std::string& pool, bool as_json) {
  const auto answer = api.Call("GET", "/v1/routing/revisions" + PoolQuery(pool));
  if (!answer) return PrintError(answer.error());
  if (as_json) {
    PrintJson(answer->body);
    return kDone;
  }
  std::vector<std::vector<std::string>> rows{
      {"REVISION", "PUBLISHED", "SITES", "ADDED", "REMOVED", "CHANGED", ""}};
  const json answered = json::parse(answer->body);
  for (const json& revision : answered.at("revisions")) {
    std::string note = revision.at("current") == true ? "served" : "";
    if (const json& to = revision.at("rolled_back_to"); !to.is_null()) {
      note += fmt::format("{}routes of {}", note.empty() ? "" : ", ", to.dump());
    }
    rows.push_back({revision.at("revision").dump(), revision.at("published").get<std::string>(),
                    revision.at("sites").dump(), revision.at("added").dump(),
                    revision.at("removed").dump(), revision.at("changed").dump(), std::move(note)});
  }
  PrintTable(rows);
  return kDone;
}

int ShowDifference(const ApiClient& api, const std::string& pool, const std::string& from,
                   const std::string& to, bool as_json) {
  const auto answer = api.Call(
      "GET", fmt::format("/v1/routing/revisions/{}/diff{}{}{}", from, to.empty() ? "" : "?to=", to,
                         PoolQuery(pool, to.empty() ? '?' : '&')));
  if (!answer) return PrintError(answer.error());
  if (as_json) {
    PrintJson(answer->body);
    return kDone;
  }
  const json difference = json::parse(answer->body);
  for (const json& site : difference.at("sites")) {
    fmt::print("site {} {}\n", site.at("site").is_string() ? "shared" : site.at("site").dump(),
               site.at("change").get<std::string>());
    for (const json& change : site.at("routes")) {
      fmt::print("  {} {}", change.at("change").get<std::string>(),
                 change.at("pointer").get<std::string>());
      if (change.contains("before")) fmt::print(" {}", change.at("before").dump());
      if (change.contains("after")) fmt::print(" -> {}", change.at("after").dump());
      fmt::print("\n");
    }
  }
  if (difference.at("left_out") != 0) {
    fmt::print("and {} more sites\n", difference.at("left_out").dump());
  }
  return kDone;
}

int RollBack(const ApiClient& api, const std::string& pool, const std::string& revision,
             bool as_json) {
  const auto answer = api.Call(
      "POST", fmt::format("/v1/routing/revisions/{}/rollback{}", revision, PoolQuery(pool)), "{}");
  if (!answer) return PrintError(answer.error());
  if (as_json) {
    PrintJson(answer->body);
  } else {
    fmt::print("ordered as revision {}: sites have {}\n",
               json::parse(answer->body).at("revision").dump(),
               revision == "latest" ? "their present routes" : "the routes of " + revision);
  }
  return kDone;
}

int ConfirmLoss(const ApiClient& api, const std::string& pool, std::uint64_t revision,
                bool as_json) {
  const auto answer = api.Call("POST", "/v1/routing/confirm" + PoolQuery(pool),
                               json{{"revision", revision}}.dump());
  if (!answer) return PrintError(answer.error());
  if (as_json) {
    PrintJson(answer->body);
  } else {
    fmt::print("the routes of {} sites go\n", json::parse(answer->body).at("vanishing").dump());
  }
  return kDone;
}

}  // namespace orchestrator::cli
