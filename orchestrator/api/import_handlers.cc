#include "orchestrator/api/import_handlers.h"

#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/adopt/document_import.h"
#include "orchestrator/adopt/label_import.h"
#include "orchestrator/adopt/proposal.h"
#include "orchestrator/site/codec.h"
#include "orchestrator/store/for_each_record.h"

namespace orchestrator::api {
namespace {

using Ordered = nlohmann::ordered_json;

// What is there already.
struct Existing {
  std::set<site::SiteId> ids;
  site::SiteId next_id;  // above all that there ever were, since their directories are there
  std::set<std::pair<std::string, std::string>> addresses;  // host and path
};

std::pair<std::string, std::string> AddressOf(const site::Site& site,
                                              const site::Address& address) {
  const traefik::PathPrefix* const path = site::EffectivePath(site, address);
  return {address.host.text(), path ? path->text() : ""};
}

Result<Existing> ReadExisting(const store::Store& store) {
  Existing existing;
  const auto next_id = store.NextId();
  if (!next_id) return Failure(next_id.error());
  existing.next_id = *next_id;
  const auto read = store::ForEachRecord(store, [&](const store::SiteRecord& record) {
    existing.ids.insert(record.site.id);
    for (const site::Address& address : record.site.hosts) {
      existing.addresses.insert(AddressOf(record.site, address));
    }
  });
  if (!read) return Failure(read.error());
  return existing;
}

// The host that another site has, if one does.
std::optional<std::string> TakenHost(const Existing& existing, const site::Site& site) {
  for (const site::Address& address : site.hosts) {
    if (existing.addresses.contains(AddressOf(site, address))) return site::Text(address);
  }
  return std::nullopt;
}

void RefuseTakenHosts(const Existing& existing, adopt::Proposal& proposal) {
  if (!proposal.site) return;
  if (const auto host = TakenHost(existing, *proposal.site)) {
    proposal.refusal = fmt::format("another site has the host {} already", *host);
    proposal.site.reset();
  }
}

Ordered ToJson(const adopt::Proposal& proposal) {
  return {{"service", proposal.service},
          {"takes_over_service", proposal.takes_over_service},
          {"site", proposal.site ? Ordered::parse(site::ToJson(*proposal.site)) : Ordered()},
          {"remarks", proposal.remarks},
          {"refusal", proposal.refusal.empty() ? Ordered() : Ordered(proposal.refusal)}};
}

std::vector<command::SiteCommands::Adoption> MakeAdoptions(
    const std::vector<adopt::Proposal>& proposals) {
  std::vector<command::SiteCommands::Adoption> adoptions;
  for (const adopt::Proposal& proposal : proposals) {
    if (!proposal.site) continue;
    command::SiteCommands::Adoption adoption{*proposal.site};
    if (proposal.takes_over_service) {
      adoption.takes_over = true;
      adoption.built_image = proposal.built_image;
      for (const auto& [key, value] : proposal.labels) {
        if (routing::OwnsLabel(key, proposal.site->id)) adoption.labels.emplace(key, value);
      }
    }
    adoptions.push_back(std::move(adoption));
  }
  return adoptions;
}

bool IsSwitch(std::string_view text) { return text.empty() || text == "true" || text == "false"; }

Response BadDryRun() {
  return Problem(422, "dry_run must be true or false", {{"?", "dry_run must be true or false"}});
}

Ordered ToJson(const adopt::DocumentImport& import) {
  Ordered body{{"created", 0},
               {"sites", Ordered::array()},
               {"left_over", Ordered::array()},
               {"rest", nullptr}};
  for (const adopt::ImportedRouter& imported : import.routers) {
    body["sites"].push_back(
        {{"router", imported.router},
         {"others", imported.others},
         {"site", Ordered::parse(site::ToJson(imported.site))},
         {"equivalent", imported.difference.empty()},
         {"difference", Ordered::parse(traefik::codec::ToJson(imported.difference))}});
  }
  for (const adopt::LeftOver& left : import.left_over) {
    body["left_over"].push_back({{"object", left.object}, {"reason", left.reason}});
  }
  if (import.rest.is_set()) body["rest"] = Ordered::parse(traefik::codec::ToJson(import.rest));
  return body;
}

// Of the file in the body, or of the running swarm where it is empty or {}.
Result<std::vector<traefik::swarm::Service>> ReadLabelled(const Services& services,
                                                          const Request& request) {
  if (!request.body.empty() && request.body != "{}")
    return adopt::ReadStackFile(request.body, request.Query("stack"));
  if (!services.engine) {
    return Failure(Error{ErrorKind::kUnavailable, "no Docker engine is configured (docker.host)"});
  }
  const auto swarm = services.engine->ListServices("", services.stopping);
  if (!swarm) return Failure(swarm.error());
  return adopt::LabelledServices(*swarm);
}

// Names of services that may be taken over later are not for others.
Result<void> PassNamesOfServices(const Services& services, site::SiteId& next_id) {
  if (!services.engine) return {};
  const auto swarm = services.engine->ListServices(site::kServicePrefix, services.stopping);
  if (!swarm) return Failure(swarm.error());
  for (const docker::Service& service : *swarm) {
    const auto id = site::ParseServiceName(service.spec.name);
    if (id && *id >= next_id) next_id.value = id->value + 1;
  }
  return {};
}

// Creates what was read, or shows it; `make` reads it, given the first free id.
template <typename Make>
Response Import(const Services& services, const Request& request, Make&& make) {
  const auto dry_run = request.Query("dry_run");
  if (!IsSwitch(dry_run)) return BadDryRun();
  auto existing = ReadExisting(services.store);
  if (!existing) return Problem(existing.error());
  if (auto passed = PassNamesOfServices(services, existing->next_id); !passed) {
    return Problem(passed.error());
  }
  std::vector<std::string> remarks;
  const Result<adopt::DocumentImport> import = make(existing->next_id, remarks);
  if (!import) return Problem(import.error());
  std::vector<command::SiteCommands::Adoption> adoptions;
  for (const adopt::ImportedRouter& imported : import->routers) {
    if (const auto host = TakenHost(*existing, imported.site)) {
      return Problem(409, fmt::format("another site has the host {} of router {} already", *host,
                                      imported.router));
    }
    adoptions.push_back({imported.site});
  }
  Ordered body = ToJson(*import);
  remarks.insert(remarks.end(), import->remarks.begin(), import->remarks.end());
  body["remarks"] = remarks;
  if (dry_run == "true" || adoptions.empty()) return Json(200, Dump(body));
  const auto written = services.commands.Adopt(adoptions);
  if (!written) return Problem(written.error());
  body["created"] = written->created;
  return Json(200, Dump(body));
}

}  // namespace

Response ImportDocument(const Services& services, const Request& request) {
  const auto format = request.Query("format");
  if (!format.empty() && format != "json" && format != "yaml" && format != "toml") {
    constexpr const char* kDetail = "format must be json, yaml or toml";
    return Problem(422, kDetail, {{"?", kDetail}});
  }
  return Import(services, request, [&](site::SiteId next_id, auto&) {
    return adopt::ImportDocument(
        request.body,
        format == "toml" ? adopt::DocumentFormat::kToml : adopt::DocumentFormat::kYaml, next_id,
        services.commands.routes());
  });
}

Response ImportLabels(const Services& services, const Request& request) {
  return Import(services, request,
                [&](site::SiteId next_id, auto& remarks) -> Result<adopt::DocumentImport> {
                  auto labelled = ReadLabelled(services, request);
                  if (!labelled) return Failure(labelled.error());
                  adopt::LabelRoutes routes =
                      adopt::RoutesOfLabels(*labelled, services.commands.routes().version);
                  remarks = std::move(routes.remarks);
                  return adopt::ImportConfiguration(std::move(routes.configuration), next_id,
                                                    services.commands.routes());
                });
}

Response ImportSwarm(const Services& services, const Request& request) {
  const auto dry_run = request.Query("dry_run");
  if (!IsSwitch(dry_run)) return BadDryRun();
  if (!services.engine) return Problem(503, "no Docker engine is configured (docker.host)");
  const auto existing = ReadExisting(services.store);
  if (!existing) return Problem(existing.error());
  const auto swarm = services.engine->ListServices("", services.stopping);
  if (!swarm) return Problem(swarm.error());
  std::vector<adopt::Proposal> proposals =
      adopt::Propose(*swarm, existing->ids,
                     {.network = services.network,
                      .entry_points = services.entry_points,
                      .next_id = existing->next_id,
                      .sites_directory = services.sites_directory,
                      .time_zone = services.time_zone});
  for (adopt::Proposal& proposal : proposals) RefuseTakenHosts(*existing, proposal);
  Ordered body{{"created", 0}, {"proposals", Ordered::array()}};
  for (const adopt::Proposal& proposal : proposals) body["proposals"].push_back(ToJson(proposal));
  if (dry_run == "true") return Json(200, Dump(body));
  const auto written = services.commands.Adopt(MakeAdoptions(proposals));
  if (!written) return Problem(written.error());
  body["created"] = written->created;
  return Json(200, Dump(body));
}

}  // namespace orchestrator::api
