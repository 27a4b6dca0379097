#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/routing/document_publisher.h"
#include "orchestrator/routing/pool_document.h"
#include "tests/orchestrator/routing/fixture.h"
#include "tests/orchestrator/sites.h"
#include "tests/support/eventually.h"

namespace orchestrator::routing {

// The default pool's document over a store, with a history, that can be stopped and started again.
class PoolFixture {
 public:
  explicit PoolFixture(provider::GateLimits limits = {},
                       RouteOptions routes = tests::MakeRouteOptions())
      : limits_(limits), routes_(std::move(routes)) {}

  // `start` stands for a process: it begins with what the one before left on disk.
  void Start() {
    std::optional<provider::LastKnownGood> before;
    if (std::filesystem::is_regular_file(file_path())) {
      std::ifstream file(file_path(), std::ios::binary);
      const std::string text(std::istreambuf_iterator<char>(file), {});
      before = provider::ParseLastKnownGood(text).value();
    }
    if (before) {
      CompareWithServed(*store, site::kDefaultPool, before->source, before->snapshot->revision())
          .value();
    }
    const std::string name = DatabaseName(*store).value();
    pools = std::make_unique<provider::Pools>(
        std::vector<provider::ConfiguredInstance>{{"edge", "http://127.0.0.1:1"}});
    publisher = &pools->Default().publisher;
    instances = &pools->Default().instances;
    recorder = std::make_unique<Recorder>(
        history.get(), Recorder::Options{.last_known_good = file_path(),
                                         .revisions = 100,
                                         .kept = before ? before->snapshot->revision() : 0,
                                         .source = name});
    document = std::make_unique<PoolDocument>(
        *store, pools->Default(), *recorder, history.get(),
        PoolDocumentOptions{.routes = routes_,
                            .limits = limits_,
                            .make_assembly =
                                [this] {
                                  return provider::Assembly(routes_.probe, {"web"},
                                                            {"certificate", "key"},
                                                            provider::Assembly::Routers::kFlat);
                                },
                            .before = std::move(before)});
    follower = std::make_unique<DocumentPublisher>(*store, std::vector{document.get()});
  }
  void Stop() {
    follower.reset();
    document.reset();
    recorder.reset();
  }
  ~PoolFixture() { Stop(); }

  std::filesystem::path file_path() const { return directory.path() / "last-known-good"; }

  store::Revision Put(std::vector<store::SiteRecord> records) {
    return store
        ->Write([&](store::Transaction& transaction) {
          for (store::SiteRecord& record : records) {
            record.revision = record.routes_revision = transaction.revision();
          }
          transaction.MarkDocumentChanged(site::kDefaultPool).value();
          return transaction.Put(records);
        })
        .value();
  }
  store::Revision PutMany(std::int64_t first, std::int64_t last) {
    std::vector<store::SiteRecord> records;
    for (std::int64_t id = first; id <= last; ++id)
      records.push_back(tests::MakeRecord(tests::MakeExternal(id)));
    return Put(std::move(records));
  }
  store::Revision Erase(std::int64_t first, std::int64_t last) {
    return store
        ->Write([&](store::Transaction& transaction) -> Result<void> {
          for (std::int64_t id = first; id <= last; ++id) transaction.Erase({id}).value();
          return transaction.MarkDocumentChanged(site::kDefaultPool);
        })
        .value();
  }

  bool Serves(store::Revision revision) {
    return tests::Eventually([&] {
      const auto snapshot = publisher->Current();
      return snapshot && snapshot->revision() == revision && !snapshot->is_stale();
    });
  }
  bool Holds(store::Revision revision) {
    return tests::Eventually([&] {
      const auto held = document->held();
      return held && held->revision == revision;
    });
  }
  bool Has(const std::string& text) const { return publisher->Current()->plain()->contains(text); }
  bool IsKept(store::Revision revision) {
    return tests::Eventually([&] { return recorder->kept() == revision; });
  }

  tests::TemporaryDirectory directory;
  tests::TestStore store;
  std::unique_ptr<store::History> history =
      store::OpenHistory((directory.path() / "history.db").string()).value();
  std::unique_ptr<provider::Pools> pools;
  provider::Publisher* publisher = nullptr;
  provider::Instances* instances = nullptr;
  std::unique_ptr<Recorder> recorder;
  std::unique_ptr<PoolDocument> document;
  std::unique_ptr<DocumentPublisher> follower;

 private:
  const provider::GateLimits limits_;
  const RouteOptions routes_;
};

}  // namespace orchestrator::routing
