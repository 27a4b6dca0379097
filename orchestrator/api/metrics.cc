#include "orchestrator/api/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
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
  Count(registry, "orchestrator_provider_bytes_total", "Bytes of documents written",
        static_cast<double>(polls.bytes));
  Gauge(registry, "orchestrator_provider_holding", "Polls held now",
        static_cast<double>(polls.holding));
}

void AddInstances(Registry& registry, const Services& services) {
  for (const provider::InstanceStatus& instance : services.instances.List()) {
    const prometheus::Labels labels{{"instance", instance.name}};
    Gauge(registry, "orchestrator_instance_delivered_revision", "Revision given to a Traefik last",
          static_cast<double>(instance.delivered), labels);
    if (!instance.probed) continue;
    Gauge(registry, "orchestrator_instance_confirmed_revision",
          "Revision that a Traefik's data plane answers with",
          static_cast<double>(instance.confirmed), labels);
  }
}

}  // namespace

std::string RenderMetrics(const Services& services) {
  Registry registry;
  AddPolls(registry, services.polls);
  AddInstances(registry, services);
  if (const auto snapshot = services.publisher.Current()) {
    Gauge(registry, "orchestrator_document_revision", "Revision of the current document",
          static_cast<double>(snapshot->revision()));
    Gauge(registry, "orchestrator_document_bytes", "Size of the current document",
          static_cast<double>(snapshot->plain_size()));
  }
  if (const auto counts = services.store.Count()) {
    for (const store::Phase phase : {store::Phase::kLabels, store::Phase::kToProvider,
                                     store::Phase::kProvider, store::Phase::kToLabels}) {
      Gauge(registry, "orchestrator_sites", "Sites by where their routes are",
            static_cast<double>(counts->by_phase[static_cast<std::size_t>(phase)]),
            {{"phase", store::Name(phase)}});
    }
  }
  Gauge(registry, "orchestrator_reconcile_waiting",
        "Sites that wait to be brought to the swarm, or are on their way",
        static_cast<double>(services.reconciler.unfinished()));
  return prometheus::TextSerializer().Serialize(registry.Collect());
}

}  // namespace orchestrator::api
