#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/site/site.h"
#include "orchestrator/store/sqlite_store.h"
#include "tests/support/temporary_directory.h"

namespace tests {

// A dynamic site with the defaults and these hosts (site<id>.example where none are given).
inline orchestrator::site::Site MakeSite(std::int64_t id,
                                         const std::vector<std::string>& hosts = {}) {
  orchestrator::site::Site site;
  site.id.value = id;
  for (const std::string& host : hosts) site.hosts.push_back({*traefik::HostName::Parse(host), {}});
  if (hosts.empty()) {
    site.hosts.push_back({*traefik::HostName::Parse("site" + std::to_string(id) + ".example"), {}});
  }
  return site;
}

inline orchestrator::site::Site MakeExternal(std::int64_t id) {
  orchestrator::site::Site site = MakeSite(id);
  site.kind = orchestrator::site::Kind::kExternal;
  site.upstreams = {"http://10.0.0.1:8080"};
  return site;
}

inline orchestrator::store::SiteRecord MakeRecord(
    orchestrator::site::Site site,
    orchestrator::store::Phase phase = orchestrator::store::Phase::kProvider) {
  orchestrator::store::SiteRecord record;
  record.site = std::move(site);
  record.phase = phase;
  return record;
}

// A SQLite store in a folder of its own.
class TestStore {
 public:
  TestStore() { Open(); }

  orchestrator::store::Store& operator*() { return *store_; }
  orchestrator::store::Store* operator->() { return store_.get(); }
  std::string path() const { return directory_.path() / "store.db"; }

  void Open() { store_ = orchestrator::store::OpenSqlite(path()).value(); }
  void Close() { store_.reset(); }

  // Writes records as one change of a user, with both revisions set to the transaction's.
  orchestrator::store::Revision Put(std::vector<orchestrator::store::SiteRecord> records) {
    using orchestrator::store::Transaction;
    return store_
        ->Write([&](Transaction& transaction) -> orchestrator::Result<void> {
          for (orchestrator::store::SiteRecord& record : records) {
            record.revision = transaction.revision();
            record.routes_revision = transaction.revision();
          }
          if (auto marked = transaction.MarkDocumentChanged(orchestrator::site::kDefaultPool);
              !marked)
            return marked;
          return transaction.Put(records);
        })
        .value();
  }

  std::optional<orchestrator::store::SiteRecord> Find(std::int64_t id) {
    return store_->Find({id}).value();
  }

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<orchestrator::store::Store> store_;
};

}  // namespace tests
