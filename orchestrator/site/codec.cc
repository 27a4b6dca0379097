#include "orchestrator/site/codec.h"

#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/json/reader.h"
#include "orchestrator/site/reader.h"
#include "orchestrator/site/units.h"

namespace orchestrator::site {
namespace {

using nlohmann::json;
using orchestrator::json::ObjectReader;
using Problems = std::vector<FieldProblem>;

Error Invalid(Problems problems) {
  std::string message = problems.front().detail;
  if (!problems.front().pointer.empty()) {
    message = fmt::format("{} {}", problems.front().pointer, message);
  }
  if (problems.size() > 1) message += fmt::format(" (and {} more)", problems.size() - 1);
  return {ErrorKind::kInvalid, std::move(message), {}, std::move(problems)};
}

Result<Site> FromJson(const json& value, std::optional<SiteId> id) {
  Problems problems;
  Site site = ReadSite(value, "", problems);
  if (id && site.id.value != 0 && site.id != *id) {
    problems.push_back(
        {"/id", fmt::format("is {}, but the address says {}", site.id.value, id->value)});
  }
  if (id) site.id = *id;
  if (!problems.empty()) return Failure(Invalid(std::move(problems)));
  return site;
}

nlohmann::ordered_json RoutingToJson(const Routing& routing) {
  nlohmann::ordered_json out;
  out["mode"] = Name(routing.mode);
  out["path_prefix"] = nullptr;
  if (routing.path_prefix) out["path_prefix"] = routing.path_prefix->text();
  out["entry_points"] = nullptr;
  if (routing.entry_points) out["entry_points"] = *routing.entry_points;
  out["tls"] = nullptr;
  if (routing.tls) {
    out["tls"] = nlohmann::ordered_json::object();
    if (!routing.tls->resolver.empty()) out["tls"]["resolver"] = routing.tls->resolver;
  }
  out["sticky"] = routing.sticky;
  out["health_check"] = nullptr;
  if (routing.health_check) {
    out["health_check"]["path"] = routing.health_check->path;
    out["health_check"]["interval"] = FormatDuration(routing.health_check->interval);
  }
  out["pool"] = routing.pool;
  out["extra"] = nullptr;
  if (!routing.extra.empty()) out["extra"] = json::parse(routing.extra);
  return out;
}

template <typename T>
nlohmann::ordered_json OrNull(const std::optional<T>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
}

}  // namespace

Result<Site> Parse(std::string_view text, std::optional<SiteId> id) {
  const auto value = orchestrator::json::Parse(text);
  if (!value) return Failure(value.error());
  return FromJson(*value, id);
}

Result<Site> Patch(const Site& site, std::string_view merge_patch) {
  const auto patch = orchestrator::json::Parse(merge_patch);
  if (!patch) return Failure(patch.error());
  if (!patch->is_object()) {
    return Failure(Invalid({{"", "must be an object with the members to change"}}));
  }
  json value = json::parse(ToJson(site));
  value.merge_patch(*patch);
  return FromJson(value, site.id);
}

Result<Batch> ParseBatch(std::string_view text) {
  const auto value = orchestrator::json::Parse(text);
  if (!value) return Failure(value.error());
  Problems problems;
  Batch batch;
  std::set<SiteId> seen;
  ObjectReader reader(*value, "", problems);
  const auto list = [&](std::string_view key, auto&& read) {
    const json* items = reader.Find(key);
    if (!items) return;
    if (!items->is_array()) return reader.Fail(key, "must be a list");
    for (std::size_t i = 0; i < items->size(); ++i) {
      const std::string pointer = orchestrator::json::Pointer(reader.PointerTo(key), i);
      const SiteId id = read((*items)[i], pointer);
      if (id.value != 0 && !seen.insert(id).second) {
        problems.push_back({pointer, fmt::format("names site {} a second time", id.value)});
      }
    }
  };
  list("upsert", [&](const json& item, const std::string& pointer) {
    const std::size_t before = problems.size();
    Site site = ReadSite(item, pointer, problems);
    const SiteId id = site.id;
    if (problems.size() == before && id.value == 0) {
      problems.push_back({pointer + "/id", "is needed in a batch"});
    }
    batch.upsert.push_back(std::move(site));
    return id;
  });
  list("delete", [&](const json& item, const std::string& pointer) {
    SiteId id;
    if (item.is_number_integer()) id.value = item.get<std::int64_t>();
    if (id.value < 1 || id.value > SiteId::kLargest) {
      problems.push_back(
          {pointer, fmt::format("must be the id of a site, from 1 to {}", SiteId::kLargest)});
      return SiteId{};
    }
    batch.remove.push_back(id);
    return id;
  });
  reader.RefuseUnknown();
  if (!problems.empty()) return Failure(Invalid(std::move(problems)));
  return batch;
}

std::string ToJson(const Site& site) {
  nlohmann::ordered_json out;
  out["id"] = site.id.value;
  out["kind"] = Name(site.kind);
  out["hosts"] = nlohmann::ordered_json::array();
  for (const Address& address : site.hosts) out["hosts"].push_back(Text(address));
  out["served"] = site.served;
  out["image"] = OrNull(site.image);
  out["run"] = OrNull(site.run);
  out["resources"]["cpus"] = static_cast<double>(site.resources.cpus.count) / 1e9;
  out["resources"]["memory"] = site.resources.memory.count;
  out["resources"]["max_request_body"] = site.resources.max_request_body.count;
  out["environment"] = site.environment;
  out["database"] = nullptr;
  if (site.database) {
    out["database"] = {{"url", site.database->url},
                       {"name", site.database->name},
                       {"username", site.database->username},
                       {"password", site.database->password}};
  }
  out["update_order"] = Name(site.update_order);
  out["readiness"] = nullptr;
  if (site.readiness) out["readiness"]["timeout"] = FormatDuration(site.readiness->timeout);
  out["upstreams"] = site.upstreams;
  out["routing"] = RoutingToJson(site.routing);
  return out.dump();
}

}  // namespace orchestrator::site
