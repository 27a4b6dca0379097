#include "orchestrator/api/metrics.h"

#include <chrono>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace orchestrator::api {
namespace {

using prometheus::Registry;

void Count(Registry& registry, const std::string& name, const std::string& help, double value,
           const prometheus::Labels& labels = {}) {
  prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add(labels).Increment(value);
}

void Gauge(Registry& registry, const std::string& name, const std::string& help, double value,
           const prometheus::Labels& labels = {}) {
  prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add(labels).Set(value);
}

void Durations(Registry& registry, const std::string& name, const std::string& help,
               const provider::Histogram& durations, const prometheus::Labels& labels) {
  const std::vector<double> bounds(provider::Histogram::kBounds.begin(),
                                   provider::Histogram::kBounds.end());
  prometheus::BuildHistogram()
      .Name(name)
      .Help(help)
      .Register(registry)
      .Add(labels, bounds)
      .ObserveMultiple(durations.Counts(), durations.sum());
}

void AddPolls(Registry& registry, const provider::PollCounters& polls) {
  static constexpr const char* kHelp = "Requests to the provider listener by outcome";
  const auto outcome = [&](const char* name, double value) {
    Count(registry, "orchestrator_provider_polls_total", kHelp, value, {{"outcome", name}});
  };
  Count(registry, "orchestrator_provider_requests_total", "Requests to the provider listener",
        static_cast<double>(polls.attempts));
  outcome("served", static_cast<double>(polls.served));
  outcome("refused", static_cast<double>(polls.refused));
  outcome("unavailable", static_cast<double>(polls.unavailable));
  outcome("failed", static_cast<double>(polls.failed));
  Count(registry, "orchestrator_provider_held_total", "Polls that were held for a change",
        static_cast<double>(polls.held));
  Count(registry, "orchestrator_provider_gathered_total",
        "Polls that were held on because their Traefik was still applying a document",
        static_cast<double>(polls.gathered));
  Count(registry, "orchestrator_provider_bytes_total", "Bytes of documents written",
        static_cast<double>(polls.bytes));
  Count(registry, "orchestrator_provider_pages_total",
        "Pages shown to visitors of sites that do not answer", static_cast<double>(polls.pages));
  Gauge(registry, "orchestrator_provider_holding", "Polls held now",
        static_cast<double>(polls.holding));
}

void AddInstances(Registry& registry, const routing::PoolRouting& pool) {
  const auto snapshot = pool.traefiks.publisher.Current();
  const std::uint64_t published = snapshot ? snapshot->revision() : 0;
  for (const provider::InstanceStatus& instance : pool.traefiks.instances.List()) {
    const prometheus::Labels labels{{"instance", instance.name}, {"pool", pool.name()}};
    Gauge(registry, "orchestrator_instance_delivered_revision", "Revision given to a Traefik last",
          static_cast<double>(instance.delivered), labels);
    Gauge(registry, "orchestrator_instance_up", "Whether a Traefik polls", instance.polling ? 1 : 0,
          labels);
    Gauge(registry, "orchestrator_instance_gone", "Whether a Traefik was declared gone",
          instance.gone ? 1 : 0, labels);
    const std::uint64_t known = instance.probed ? instance.confirmed : instance.delivered;
    Gauge(registry, "orchestrator_instance_lag_revisions",
          "Revisions from what a Traefik is known to have to what is published",
          static_cast<double>(published > known ? published - known : 0), labels);
    if (instance.time_to_apply) {
      Gauge(registry, "orchestrator_instance_apply_seconds",
            "From the last delivery that a Traefik confirmed to its confirmation",
            std::chrono::duration<double>(*instance.time_to_apply).count(), labels);
    }
    if (!instance.probed) continue;
    Gauge(registry, "orchestrator_instance_confirmed_revision",
          "Revision that a Traefik's data plane answers with",
          static_cast<double>(instance.confirmed), labels);
  }
}

void AddPublishing(Registry& registry, const routing::PoolRouting& pool) {
  const routing::PoolDocument& document = *pool.document;
  const prometheus::Labels labels{{"pool", pool.name()}};
  static constexpr const char* kHelp = "Documents by what the publish gate said";
  const auto verdict = [&](const char* name, std::uint64_t value) {
    Count(registry, "orchestrator_publish_total", kHelp, static_cast<double>(value),
          {{"verdict", name}, {"pool", pool.name()}});
  };
  verdict("published", document.published());
  verdict("held_back", document.objections());
  Gauge(registry, "orchestrator_document_held", "Whether a document is held back now",
        document.held() ? 1 : 0, labels);
  Gauge(registry, "orchestrator_document_rolled_back", "Whether routing is rolled back",
        document.rolled_back_to() ? 1 : 0, labels);
  Gauge(registry, "orchestrator_sites_quarantined", "Sites whose routes cannot be made",
        static_cast<double>(document.quarantined().size()), labels);
  Gauge(registry, "orchestrator_document_kept_revision",
        "Revision of the document on disk, with which a restart begins",
        static_cast<double>(pool.recorder->kept()), labels);
  Durations(registry, "orchestrator_document_render_seconds",
            "From the changed sites to the packed document", document.render_times(), labels);
  Durations(registry, "orchestrator_confirmation_seconds",
            "From a commit to its confirmation by every Traefik",
            pool.traefiks.instances.confirmations(), labels);
  if (const auto snapshot = pool.traefiks.publisher.Current()) {
    Gauge(registry, "orchestrator_document_revision", "Revision of the current document",
          static_cast<double>(snapshot->revision()), labels);
    Gauge(registry, "orchestrator_document_stale",
          "Whether the current document is from before the start", snapshot->is_stale() ? 1 : 0,
          labels);
    Gauge(registry, "orchestrator_document_bytes", "Size of the current document",
          static_cast<double>(snapshot->plain_size()), labels);
  }
}

void AddFleet(Registry& registry, const deploy::Reconciler& reconciler) {
  const deploy::FleetStatus fleet = reconciler.Fleet();
  deploy::TaskCount all;
  for (const auto& [id, tasks] : fleet.tasks) {
    all.running += tasks.running;
    all.failed += tasks.failed;
  }
  static constexpr const char* kHelp = "Tasks of sites when everything was last compared";
  Gauge(registry, "orchestrator_tasks", kHelp, static_cast<double>(all.running),
        {{"state", "running"}});
  Gauge(registry, "orchestrator_tasks", kHelp, static_cast<double>(all.failed),
        {{"state", "failed"}});
  Count(registry, "orchestrator_drifts_total", "Services that somebody else changed or removed",
        static_cast<double>(fleet.drifts));
  Gauge(registry, "orchestrator_engine_up", "Whether the Docker engine can be used",
        reconciler.EngineProblem().empty() ? 1 : 0);
  Gauge(registry, "orchestrator_reconcile_waiting",
        "Sites that wait to be brought to the swarm, or are on their way",
        static_cast<double>(reconciler.unfinished()));
}

}  // namespace

std::string RenderMetrics(const Services& services) {
  Registry registry;
  AddPolls(registry, services.polls);
  if (services.provider_tls) {
    Count(registry, "orchestrator_provider_handshakes_failed_total",
          "Connections to the provider listener that got no further than TLS",
          static_cast<double>(services.provider_tls->failures()));
  }
  for (const routing::PoolRouting& pool : services.pools) {
    AddInstances(registry, pool);
    AddPublishing(registry, pool);
  }
  if (const auto counts = services.store.Count()) {
    for (const store::Phase phase : {store::Phase::kLabels, store::Phase::kToProvider,
                                     store::Phase::kProvider, store::Phase::kToLabels}) {
      Gauge(registry, "orchestrator_sites", "Sites by where their routes are",
            static_cast<double>(counts->by_phase[static_cast<std::size_t>(phase)]),
            {{"phase", store::Name(phase)}});
    }
  }
  AddFleet(registry, services.reconciler);
  return prometheus::TextSerializer().Serialize(registry.Collect());
}

}  // namespace orchestrator::api
