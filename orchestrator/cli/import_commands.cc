#include "orchestrator/cli/import_commands.h"

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "orchestrator/cli/output.h"

namespace orchestrator::cli {

int ImportSwarm(const ApiClient& api, bool dry_run, bool as_json) {
  const auto answer = api.Call(
      "POST", fmt::format("/v1/import/swarm?dry_run={}", dry_run ? "true" : "false"), "{}");
  if (!answer) return PrintError(answer.error());
  if (as_json) {
    PrintJson(answer->body);
    return kDone;
  }
  const auto body = nlohmann::json::parse(answer->body);
  std::vector<std::vector<std::string>> rows{{"SERVICE", "SITE", "KIND", "HOSTS", "TASKS"}};
  std::vector<std::string> notes;
  std::size_t possible = 0;
  for (const auto& proposal : body.at("proposals")) {
    const auto service = proposal.at("service").get<std::string>();
    for (const auto& remark : proposal.at("remarks")) {
      notes.push_back(fmt::format("{}: {}", service, remark.get<std::string>()));
    }
    const auto& site = proposal.at("site");
    if (site.is_null()) {
      rows.push_back({service, "-", "-", "-", "not possible"});
      notes.push_back(
          fmt::format("{}: not possible: {}", service, proposal.at("refusal").get<std::string>()));
      continue;
    }
    ++possible;
    rows.push_back(
        {service, site.at("id").dump(), site.at("kind").get<std::string>(),
         fmt::format("{}", fmt::join(site.at("hosts").get<std::vector<std::string>>(), " ")),
         proposal.at("takes_over_service").get<bool>() ? "taken over as they are"
                                                       : "stay their owner's"});
  }
  PrintTable(rows);
  for (const std::string& note : notes) fmt::print("{}\n", note);
  if (dry_run) {
    fmt::print("{} of {} services can be taken over; nothing was changed\n", possible,
               body.at("proposals").size());
  } else {
    fmt::print("{} sites created\n", body.at("created").dump());
  }
  return kDone;
}

int ImportRouting(const ApiClient& api, const std::string& kind,
                  const RoutingImportOptions& options) {
  std::stringstream text;
  if (!options.file.empty()) {
    std::ifstream in(options.file);
    if (!(text << in.rdbuf())) {
      return PrintError(
          {ErrorKind::kInvalid, fmt::format("{} cannot be read, or is empty", options.file)});
    }
  }
  std::string path =
      fmt::format("/v1/import/{}?dry_run={}", kind, options.dry_run ? "true" : "false");
  if (options.file.ends_with(".toml")) path += "&format=toml";
  if (!options.stack.empty()) path += "&stack=" + options.stack;
  const auto answer = api.Call("POST", path, options.file.empty() ? "{}" : text.str());
  if (!answer) return PrintError(answer.error());
  const auto body = nlohmann::json::parse(answer->body);
  const auto& rest = body.at("rest");
  if (!rest.is_null() && !options.rest_file.empty()) {
    std::ofstream out(options.rest_file);
    if (!(out << rest.dump(2) << "\n" << std::flush)) {
      return PrintError(
          {ErrorKind::kInvalid,
           fmt::format("{} cannot be written; what was created stays", options.rest_file)});
    }
  }
  if (options.json) {
    PrintJson(answer->body);
    return kDone;
  }
  std::vector<std::vector<std::string>> rows{{"ROUTER", "SITE", "HOSTS", "ROUTING"}};
  for (const auto& imported : body.at("sites")) {
    const auto& site = imported.at("site");
    std::string routers = imported.at("router").get<std::string>();
    for (const auto& other : imported.at("others")) routers += " " + other.get<std::string>();
    rows.push_back(
        {routers, site.at("id").dump(),
         fmt::format("{}", fmt::join(site.at("hosts").get<std::vector<std::string>>(), " ")),
         imported.at("equivalent").get<bool>()
             ? "the same"
             : fmt::format("{} differences", imported.at("difference").size())});
  }
  PrintTable(rows);
  for (const auto& imported : body.at("sites")) {
    for (const auto& change : imported.at("difference")) {
      fmt::print("{}: {} {}: {} -> {}\n", imported.at("router").get<std::string>(),
                 change.at("change").get<std::string>(), change.at("pointer").get<std::string>(),
                 change.value("before", nlohmann::json()).dump(),
                 change.value("after", nlohmann::json()).dump());
    }
  }
  for (const auto& remark : body.at("remarks")) fmt::print("{}\n", remark.get<std::string>());
  for (const auto& left : body.at("left_over")) {
    fmt::print("no site: {}: {}\n", left.at("object").get<std::string>(),
               left.at("reason").get<std::string>());
  }
  if (!rest.is_null() && options.rest_file.empty()) {
    fmt::print("what becomes no site can be kept in routing.shared: see --rest\n");
  }
  if (options.dry_run) {
    fmt::print("nothing was changed\n");
  } else {
    fmt::print("{} sites created\n", body.at("created").dump());
  }
  return kDone;
}

}  // namespace orchestrator::cli
