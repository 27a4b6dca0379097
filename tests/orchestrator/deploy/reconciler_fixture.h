#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "orchestrator/deploy/reconciler.h"
#include "tests/orchestrator/deploy/fake_engine.h"
#include "tests/orchestrator/sites.h"
#include "tests/support/eventually.h"
#include "tests/support/temporary_directory.h"

namespace orchestrator::deploy {

// A reconciler on a fake swarm. Its hooks label each service with the record's routes_revision.
class ReconcilerFixture {
 public:
  explicit ReconcilerFixture(bool with_engine = true) : with_engine_(with_engine) {}

  ServiceOptions service_options() const {
    return {folder.path() / "sites", "dynamic:1", "static:1", "vip", "UTC"};
  }

  void Start() {
    RoutingHooks hooks;
    hooks.labels = [](const store::SiteRecord& record) {
      return docker::Labels{{"routes", std::to_string(record.routes_revision)}};
    };
    hooks.owns_label = [](std::string_view key, site::SiteId) {
      return key == "routes" || key == "old";
    };
    hooks.is_unused = [this](const store::SiteRecord&, bool loses) {
      return unused && (loses_tasks || !loses);
    };
    ReconcilerOptions options;
    options.service = service_options();
    options.network = {"net"};
    options.workers = 2;
    options.drift = drift;
    options.resync_period = resync_period;
    options.end_terminals = end_terminals;
    options.engine_retry = std::chrono::milliseconds(20);
    options.back_off = {.first = std::chrono::milliseconds(5),
                        .longest = std::chrono::milliseconds(20),
                        .jitter = 0.2};
    reconciler = std::make_unique<Reconciler>(*store, with_engine_ ? &engine : nullptr,
                                              std::move(hooks), std::move(options));
  }

  bool AppliedEventually(std::int64_t id, store::Revision revision) {
    return tests::Eventually([&] {
      const ReconcileStatus status = reconciler->StatusOf({id});
      return status.applied && status.applied->revision >= revision && status.problem.empty();
    });
  }

  // Waits until everything was compared so many times more.
  bool ComparesAgain(int times) {
    const int before = engine.counts().lists;
    return tests::Eventually([&] { return engine.counts().lists >= before + times; });
  }

  tests::TemporaryDirectory folder;
  tests::TestStore store;
  tests::FakeEngine engine;
  std::atomic<bool> unused = true;
  std::atomic<bool> loses_tasks = true;  // the same of tasks to which no label leads any more
  DriftPolicy drift = DriftPolicy::kRepair;
  std::chrono::milliseconds resync_period{20};
  std::function<Result<bool>(site::SiteId, const std::stop_token&)> end_terminals;
  std::unique_ptr<Reconciler> reconciler;

 private:
  const bool with_engine_;
};

}  // namespace orchestrator::deploy
