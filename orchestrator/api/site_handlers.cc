#include "orchestrator/api/site_handlers.h"

#include <charconv>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/api/wait.h"

namespace orchestrator::api {
namespace {

using Ordered = nlohmann::ordered_json;

constexpr std::size_t kDefaultPage = 100;
constexpr std::size_t kLargestPage = 1000;

std::string ETag(const store::SiteRecord& record) { return fmt::format("\"{}\"", record.revision); }

Failure BadQuery(const std::string& message) {
  return Failure(Error{ErrorKind::kInvalid, message, {}, {{"?", message}}});
}

template <typename T>
bool ParseNumber(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

Result<command::Expected> ParseIfMatch(const Request& request) {
  std::string_view text = request.Header("If-Match");
  if (text.empty() || text == "*") return command::Expected();
  store::Revision revision = 0;
  if (text.size() > 2 && text.starts_with('"') && text.ends_with('"') &&
      ParseNumber(text.substr(1, text.size() - 2), revision)) {
    return command::Expected(revision);
  }
  return BadQuery("If-Match must be the ETag of the site, as in \"42\"");
}

Result<store::Query> ParseQuery(const Request& request) {
  store::Query query;
  query.limit = kDefaultPage;
  for (const auto& [key, value] : request.query) {
    if (key == "limit") {
      if (!ParseNumber(value, query.limit) || query.limit < 1 || query.limit > kLargestPage) {
        return BadQuery(fmt::format("limit must be from 1 to {}", kLargestPage));
      }
    } else if (key == "cursor") {
      if (!ParseNumber(value, query.after.value)) return BadQuery("cursor must be that of a page");
    } else if (key == "kind") {
      if (value == "dynamic")
        query.kind = site::Kind::kDynamic;
      else if (value == "static")
        query.kind = site::Kind::kStatic;
      else if (value == "external")
        query.kind = site::Kind::kExternal;
      else
        return BadQuery("kind must be dynamic, static or external");
    } else if (key == "host") {
      const auto host = traefik::HostName::Parse(value);
      if (!host) return BadQuery("host " + host.error());
      query.host = host->text();
    } else {
      return BadQuery(
          fmt::format("{} is not known here; known are limit, cursor, kind, host", key));
    }
  }
  return query;
}

// The answer to a change, after waiting as ordered.
Response AnswerChange(const Services& services, const command::Written& written,
                      const WaitOrder& order) {
  const WaitResult waited = Wait(services, written.record, order);
  if (waited.failed) {
    return Problem(424, fmt::format("the site is stored, but it does not run: {}{}", waited.reason,
                                    waited.output.empty() ? "" : "\n" + waited.output));
  }
  const int good = written.created ? 201 : 200;
  Response response = Json(waited.reached ? good : 202, site::ToJson(written.record.site));
  response.headers.emplace_back("ETag", ETag(written.record));
  response.headers.emplace_back("X-Reached",
                                waited.reached ? Name(order.level) : Name(Level::kAccepted));
  if (written.created) {
    response.headers.emplace_back("Location",
                                  fmt::format("/v1/sites/{}", written.record.site.id.value));
  }
  if (!waited.reached) {
    std::string reason = waited.reason;
    for (char& c : reason) {
      if (c < ' ' || c >= 0x7f) c = ' ';  // header values are printable ASCII
    }
    response.headers.emplace_back("X-Waiting-For", reason);
  }
  return response;
}

Ordered TaskToJson(const docker::Task& task) {
  Ordered out{{"id", task.id},
              {"slot", task.slot},
              {"node", task.node_id},
              {"state", task.state},
              {"desired", task.desired_state},
              {"message", task.message},
              {"error", task.error},
              {"exit_code", nullptr},
              {"updated", task.updated_at}};
  if (task.exit_code) out["exit_code"] = *task.exit_code;
  return out;
}

Ordered DeploymentToJson(const Services& services, const store::SiteRecord& record) {
  const auto deployment =
      deploy::Observe(services.engine, services.reconciler, record, services.stopping);
  if (!deployment) return {{"state", "unknown"}, {"reason", deployment.error().message}};
  Ordered out{{"state", deploy::Name(deployment->state)},
              {"reason", deployment->reason},
              {"output", deployment->output},
              {"drift", deployment->drift},
              {"service", nullptr},
              {"update", deployment->update_state},
              {"wanted_tasks", deployment->wanted_tasks},
              {"running_tasks", deployment->running_tasks},
              {"tasks", Ordered::array()}};
  if (deploy::HasService(record)) out["service"] = site::ServiceName(record.site.id);
  for (const docker::Task& task : deployment->tasks) out["tasks"].push_back(TaskToJson(task));
  return out;
}

Ordered RoutingToJson(const Services& services, const store::SiteRecord& record) {
  const WaitResult routed = IsRouted(services, record);
  Ordered out{{"phase", store::Name(record.phase)},
              {"in_document", store::InDocument(record.phase)},
              {"has_labels", record.site.served && (store::HasLabels(record.phase) ||
                                                    routing::StandsBy(record, services.routes))},
              {"revision", record.routes_revision},
              {"routed", routed.reached},
              {"waiting_for", routed.reason},
              {"instances", Ordered::array()}};
  const auto* const pool = routing::FindPool(services.pools, record.site.routing.pool);
  if (!store::InDocument(record.phase) || !pool) return out;
  for (const provider::InstanceStatus& instance : pool->traefiks.instances.List()) {
    out["instances"].push_back(
        {{"name", instance.name},
         {"confirmed", instance.probed ? instance.confirmed >= record.routes_revision
                                       : instance.delivered >= record.routes_revision}});
  }
  return out;
}

}  // namespace

Response ListSites(const Services& services, const Request& request) {
  const auto query = ParseQuery(request);
  if (!query) return Problem(query.error());
  const auto records = services.store.List(*query);
  if (!records) return Problem(records.error());
  std::string body = "{\"sites\":[";
  for (const store::SiteRecord& record : *records) {
    if (body.back() != '[') body += ',';
    body += site::ToJson(record.site);
  }
  const bool more = records->size() == query->limit;
  body +=
      more ? fmt::format("],\"next\":\"{}\"}}", records->back().site.id.value) : "],\"next\":null}";
  return Json(200, std::move(body));
}

Response CreateSite(const Services& services, const Request& request) {
  const auto order = ParseWait(request);
  if (!order) return Problem(order.error());
  auto site = site::Parse(request.body);
  if (!site) return Problem(site.error());
  const auto written = services.commands.Create(*std::move(site));
  return written ? AnswerChange(services, *written, *order) : Problem(written.error());
}

Response ApplyBatch(const Services& services, const Request& request) {
  if (!request.Query("wait").empty()) {
    const std::string what =
        "wait is for one site at a time; ask GET /v1/sites/{id}/status for those of a batch";
    return Problem(422, what, {{"?", what}});
  }
  const auto batch = site::ParseBatch(request.body);
  if (!batch) return Problem(batch.error());
  const auto written = services.commands.Apply(*batch);
  if (!written) return Problem(written.error());
  return Json(200, Dump({{"revision", written->revision},
                         {"created", written->created},
                         {"updated", written->updated},
                         {"deleted", written->removed}}));
}

Response ShowSite(const Services& services, const Request& request, site::SiteId id) {
  const auto record = services.store.Find(id);
  if (!record) return Problem(record.error());
  if (!*record || (*record)->removing)
    return Problem(404, fmt::format("there is no site {}", id.value));
  Response response = Json(200, site::ToJson((*record)->site));
  if (request.Header("If-None-Match") == ETag(**record)) {
    response.status = 304;
    response.body.clear();
  }
  response.headers.emplace_back("ETag", ETag(**record));
  return response;
}

Response ReplaceSite(const Services& services, const Request& request, site::SiteId id) {
  const auto order = ParseWait(request);
  if (!order) return Problem(order.error());
  const auto expected = ParseIfMatch(request);
  if (!expected) return Problem(expected.error());
  const auto site = site::Parse(request.body, id);
  if (!site) return Problem(site.error());
  const auto written = services.commands.Replace(*site, *expected);
  return written ? AnswerChange(services, *written, *order) : Problem(written.error());
}

Response PatchSite(const Services& services, const Request& request, site::SiteId id) {
  const auto order = ParseWait(request);
  if (!order) return Problem(order.error());
  const auto expected = ParseIfMatch(request);
  if (!expected) return Problem(expected.error());
  const auto written = services.commands.Patch(id, request.body, *expected);
  return written ? AnswerChange(services, *written, *order) : Problem(written.error());
}

Response RemoveSite(const Services& services, const Request& request, site::SiteId id) {
  const auto order = ParseWait(request);
  if (!order) return Problem(order.error());
  const auto expected = ParseIfMatch(request);
  if (!expected) return Problem(expected.error());
  const auto written = services.commands.Remove(id, *expected);
  if (!written) return Problem(written.error());
  WaitResult gone;
  if (order->level != Level::kAccepted) gone = WaitGone(services, id, *order);
  if (gone.reached) return Json(200, Dump({{"id", id.value}, {"state", "removed"}}));
  return Json(202, Dump({{"id", id.value}, {"state", "removing"}, {"waiting_for", gone.reason}}));
}

Response RestartSite(const Services& services, const Request& request, site::SiteId id) {
  const auto order = ParseWait(request);
  if (!order) return Problem(order.error());
  const auto written = services.commands.Restart(id);
  return written ? AnswerChange(services, *written, *order) : Problem(written.error());
}

Response ShowSiteStatus(const Services& services, site::SiteId id) {
  const auto record = services.store.Find(id);
  if (!record) return Problem(record.error());
  if (!*record) return Problem(404, fmt::format("there is no site {}", id.value));
  Ordered out{{"id", id.value},
              {"state", (*record)->removing ? "removing" : "wanted"},
              {"revision", (*record)->revision},
              {"deployment", DeploymentToJson(services, **record)},
              {"routing", RoutingToJson(services, **record)}};
  return Json(200, Dump(out));
}

}  // namespace orchestrator::api
