#include "orchestrator/cli/import_commands.h"

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

}  // namespace orchestrator::cli
