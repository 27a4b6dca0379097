#include "orchestrator/app/pools.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include "orchestrator/store/sqlite_store.h"
#include "provider/base/secret.h"

namespace orchestrator::app {
namespace {

using routing::PoolRouting;
using routing::PoolRoutings;

std::filesystem::path FileOf(const config::Config& config, std::string_view pool,
                             const char* name) {
  return routing::PoolDirectory(config.state_directory, pool) / name;
}

std::filesystem::path LastKnownGoodOf(const config::Config& config, std::string_view pool) {
  return FileOf(config, pool, "last-known-good");
}

// The document that was served before, where there is one that is whole.
std::optional<provider::LastKnownGood> LoadLastKnownGood(const std::filesystem::path& path) {
  std::error_code unknown;
  if (!std::filesystem::exists(path, unknown)) return {};
  std::ifstream file;
  if (std::filesystem::is_regular_file(path, unknown)) file.open(path, std::ios::binary);
  if (!file.is_open()) {
    spdlog::error("{} cannot be read: what was served before is not known", path.string());
    return {};
  }
  const std::string text(std::istreambuf_iterator<char>(file), {});
  auto document = provider::ParseLastKnownGood(text);
  if (document) return *std::move(document);
  spdlog::error("{} is damaged ({}): it is not served", path.string(), document.error());
  return {};
}

void Serve(const PoolRouting& pool) {
  pool.traefiks.publisher.Publish(pool.before->snapshot);
  spdlog::info("serving the document of revision {} from before the start to the pool {}",
               pool.before->snapshot->revision(), pool.name());
}

std::unique_ptr<store::History> OpenHistory(const config::Config& config, std::string_view pool) {
  if (config.routing.history == 0) return nullptr;
  auto history = store::OpenHistory(FileOf(config, pool, "history.db").string());
  if (history) return *std::move(history);
  spdlog::error("{}", history.error().message);
  return nullptr;
}

}  // namespace

Result<PoolRoutings> LoadPools(const config::Config& config, provider::Pools& pools) {
  PoolRoutings routings;
  for (provider::Pool& pool : pools) {
    const std::filesystem::path directory =
        routing::PoolDirectory(config.state_directory, pool.name);
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) {
      return Failure(Error{ErrorKind::kStorage, fmt::format("cannot make the folder {}: {}",
                                                            directory.string(), error.message())});
    }
    routings.push_back({.traefiks = pool});
    routings.back().before = LoadLastKnownGood(LastKnownGoodOf(config, pool.name));
    // Until a document of the store is there, nobody knows what the numbers of others mean.
    pool.instances.SetPromise(
        {.nothing_after = {{0, "the state is being loaded"}}, .true_from = 0, .held = true});
  }
  return routings;
}

void ServeFromBefore(const PoolRoutings& pools) {
  for (const PoolRouting& pool : pools) {
    if (pool.before && !pool.traefiks.publisher.Current()) Serve(pool);
  }
}

void ServeCurrentFromBefore(const PoolRoutings& pools, const config::Config& config) {
  for (const PoolRouting& pool : pools) {
    if (!pool.before) continue;
    const auto stored = store::PeekDocumentRevision(config.database, pool.name());
    // What came after it may have been served; unless it was held back.
    std::error_code unknown;
    const bool was_held =
        std::filesystem::exists(routing::HeldMark(LastKnownGoodOf(config, pool.name())), unknown);
    if (!stored || was_held || *stored <= pool.before->snapshot->revision()) Serve(pool);
  }
}

bool HasAnyFromBefore(const PoolRoutings& pools) {
  return std::ranges::any_of(pools,
                             [](const PoolRouting& pool) { return pool.before.has_value(); });
}

Result<void> CheckPoolsOfSites(const store::Store& store, const config::Config& config) {
  const auto counts = store.Count();
  if (!counts) return Failure(counts.error());
  const std::vector<std::string>& known = config.routing.pools;
  std::vector<std::string> unknown;
  for (const auto& [pool, sites] : counts->by_pool) {
    if (std::ranges::find(known, pool) != known.end()) continue;
    unknown.push_back(fmt::format("{} ({} sites)", pool, sites));
  }
  if (unknown.empty()) return {};
  return Failure(Error{
      ErrorKind::kConflict,
      fmt::format("sites are in pools that routing.pools does not have: {}; add these again, then "
                  "move their sites away before you take a pool out",
                  fmt::join(unknown, ", "))});
}

Result<void> CompareWithServed(store::Store& store, const PoolRoutings& pools) {
  for (const PoolRouting& pool : pools) {
    if (!pool.before) continue;
    const auto compared = routing::CompareWithServed(store, pool.name(), pool.before->source,
                                                     pool.before->snapshot->revision());
    if (!compared) return Failure(compared.error());
  }
  return {};
}

void BuildPools(
    PoolRoutings& pools, const config::Config& config, const store::Store& store,
    const std::string& database_name, const routing::RouteOptions& routes,
    const std::function<provider::Assembly(const traefik::RevisionProbe&)>& make_assembly) {
  for (PoolRouting& pool : pools) {
    pool.history = OpenHistory(config, pool.name());
    pool.recorder = std::make_unique<routing::Recorder>(
        pool.history.get(),
        routing::Recorder::Options{.last_known_good = LastKnownGoodOf(config, pool.name()),
                                   .revisions = config.routing.history,
                                   .kept = pool.before ? pool.before->snapshot->revision() : 0,
                                   .source = database_name});
    pool.document = std::make_unique<routing::PoolDocument>(
        store, pool.traefiks, *pool.recorder, pool.history.get(),
        routing::PoolDocumentOptions{
            .routes = routes,
            .limits = {.share = config.routing.vanish_percent / 100.0,
                       .least = config.routing.vanish_sites},
            .make_assembly =
                [make_assembly, probe = ProbeOf(pool.name(), routes.probe)] {
                  return make_assembly(probe);
                },
            .before = std::move(pool.before)});
    pool.before.reset();
  }
}

traefik::RevisionProbe ProbeOf(const std::string& pool, traefik::RevisionProbe probe) {
  if (pool != site::kDefaultPool) {
    probe.secret = provider::Sha256Hex(fmt::format("{} of pool {}", probe.secret, pool))
                       .substr(0, probe.secret.size());
  }
  return probe;
}

}  // namespace orchestrator::app
