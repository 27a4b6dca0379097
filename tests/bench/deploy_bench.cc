#include "tests/bench/deploy_bench.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "orchestrator/docker/engine_client.h"
#include "orchestrator/site/site.h"
#include "tests/bench/raw_engine.h"
#include "tests/bench/report.h"
#include "tests/support/engine.h"
#include "tests/support/eventually.h"
#include "tests/support/swarm_system.h"

namespace tests {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr int kUpdates = 60;
constexpr int kClients = 8;
constexpr int kSites = 100;
constexpr int kRounds = 3;
constexpr int kServices = 1000;
constexpr int kCreations = 5;
constexpr unsigned kConcurrency = 4;  // as many as the reconciler writes at once
constexpr int kFirst = 7001;

json SiteInfo(int pk, double cpus) {
  return {{"pk", pk},
          {"hosts", {fmt::format("site{}.test", pk)}},
          {"is_served", false},
          {"type_", "dynamic"},
          {"resource_limits",
           {{"cpus", cpus}, {"memory", 100000000}, {"max_request_body_size", 2097152}}}};
}

double Update(OrchestratorProcess& orchestrator, int pk, double cpus) {
  const auto start = Clock::now();
  const Answer answer =
      orchestrator.Call("POST", "/api/docker/service/update", SiteInfo(pk, cpus).dump());
  if (answer.status != 200) throw std::runtime_error(answer.body);
  return Milliseconds(Clock::now() - start);
}

// An update of the service as it is now, ready to be sent.
class EngineUpdate {
 public:
  EngineUpdate(RawEngine& engine, const std::string& service, int number) : engine_(engine) {
    json current = engine.Call("GET", "/services/" + service);
    current["Spec"]["TaskTemplate"]["Resources"]["Limits"]["NanoCPUs"] = 500'000'000 + number;
    body_ = current.at("Spec").dump();
    path_ = fmt::format("/services/{}/update?version={}", service,
                        current.at("Version").at("Index").dump());
  }

  double Send() {
    const auto start = Clock::now();
    engine_.Call("POST", path_, body_);
    return Milliseconds(Clock::now() - start);
  }

 private:
  RawEngine& engine_;
  std::string body_;
  std::string path_;
};

void BenchOneSite(OrchestratorProcess& orchestrator, RawEngine& engine) {
  Update(orchestrator, kFirst, 0.5);
  json copy = engine.Call("GET", fmt::format("/services/site_{}", kFirst)).at("Spec");
  copy["Name"] = "by-engine";
  copy["Labels"] = json::object();
  engine.Call("POST", "/services/create", copy.dump());
  std::vector<double> ours;
  std::vector<double> engines;
  for (int i = 0; i < kUpdates; ++i) {
    // Right one after the other: an engine that has been idle for a while is slower.
    EngineUpdate update(engine, "by-engine", i % 2);
    ours.push_back(Update(orchestrator, kFirst, 0.5 + (i % 2) * 0.1));
    engines.push_back(update.Send());
  }
  engine.Call("DELETE", "/services/by-engine");
  Report("director_update_of_a_site", ours, {{"replicas", 0}});
  Report("engine_update_of_a_service", engines, {{"replicas", 0}});
}

// Runs `body` for 0 … count-1, by several clients at once. Returns how many times it threw.
int ByClients(unsigned clients, int count, const std::function<void(int)>& body) {
  std::atomic<int> next = 0;
  std::atomic<int> failed = 0;
  std::vector<std::jthread> threads;
  threads.reserve(clients);
  for (unsigned client = 0; client < clients; ++client) {
    threads.emplace_back([&] {
      for (int i = next++; i < count; i = next++) {
        try {
          body(i);
        } catch (const std::exception&) {
          ++failed;
        }
      }
    });
  }
  threads.clear();
  return failed;
}

void ReportUpdates(const char* name, Clock::time_point start, int failed) {
  const double time = Milliseconds(Clock::now() - start);
  Report(name, {time},
         {{"updates", kSites * kRounds},
          {"failed", failed},
          {"updates_per_second", kSites * kRounds * 1000 / time}});
}

// What the engine does alone, with the same clients on the same number of services: an update
// needs the service's version, so it is read before.
void BenchEngineOnManyServices(RawEngine& engine) {
  const json model = engine.Call("GET", fmt::format("/services/site_{}", kFirst)).at("Spec");
  const auto name = [](int i) { return fmt::format("by-engine-{}", i); };
  for (int i = 0; i < kSites; ++i) {
    json spec = model;
    spec["Name"] = name(i);
    spec["Labels"] = json::object();
    engine.Call("POST", "/services/create", spec.dump());
  }
  const auto start = Clock::now();
  const int failed = ByClients(kClients, kSites * kRounds, [&](int i) {
    EngineUpdate(engine, name(i % kSites), i / kSites + 1).Send();
  });
  ReportUpdates("engine_updates_by_8_clients", start, failed);
  for (int i = 0; i < kSites; ++i) engine.Call("DELETE", "/services/" + name(i));
}

void BenchManySites(OrchestratorProcess& orchestrator) {
  for (int i = 0; i < kSites; ++i) Update(orchestrator, kFirst + i, 0.5);
  const auto start = Clock::now();
  const int failed = ByClients(kClients, kSites * kRounds, [&](int i) {
    const int round = i / kSites + 1;
    Update(orchestrator, kFirst + i % kSites, 0.5 + round * 0.1);
  });
  ReportUpdates("director_updates_by_8_clients", start, failed);
}

double EngineCreates(RawEngine& engine, const json& model) {
  const auto start = Clock::now();
  const int failed = ByClients(kConcurrency, kServices, [&](int i) {
    json spec = model;
    spec["Name"] = fmt::format("by-engine-{}", i);
    spec["Labels"] = {{"bench", "1"}};
    engine.Call("POST", "/services/create", spec.dump());
  });
  const double time = Milliseconds(Clock::now() - start);
  if (failed > 0) throw std::runtime_error("the engine refused a service");
  const std::string filter = "/services?filters=%7B%22label%22%3A%5B%22bench%22%5D%7D";
  for (const json& service : json(engine.Call("GET", filter))) {
    engine.Call("DELETE", "/services/" + service.at("ID").get<std::string>());
  }
  return time;
}

// Waits for the services of kServices sites, from `first` on, by the engine's own events.
class CreationCounter {
 public:
  explicit CreationCounter(int first)
      : first_(first), follower_([this](const std::stop_token& stop) { Follow(stop); }) {}

  Clock::time_point Wait() {
    std::unique_lock lock(mutex_);
    if (!done_.wait_for(lock, 120s, [&] { return seen_.size() == kServices; })) {
      throw std::runtime_error("services are missing");
    }
    return last_;
  }

 private:
  void Follow(const std::stop_token& stop) {
    provider::http::Client client;
    orchestrator::docker::EngineClient engine(
        client, orchestrator::docker::EngineAddress::Parse(Engine::Host()).value(), 30s);
    // From a moment before, so that nothing is missed while it connects.
    const auto followed = engine.FollowServices(
        std::chrono::system_clock::now() - 1s,
        [&](const orchestrator::docker::Event& event) {
          const auto id = orchestrator::site::ParseServiceName(event.name);
          if (event.action != "create" || !id || id->value < first_) return;
          const std::lock_guard lock(mutex_);
          if (id->value < first_ + kServices) seen_.insert(id->value);
          last_ = Clock::now();
          done_.notify_one();
        },
        stop);
    // It ends when the counting does; what it missed, Wait() misses.
    static_cast<void>(followed);
  }

  const int first_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::set<std::int64_t> seen_;  // guarded by mutex_
  Clock::time_point last_;       // guarded by mutex_
  std::jthread follower_;
};

// What still waits to be looked at shall not meet the next measurement.
void WaitForRest(OrchestratorProcess& orchestrator) {
  const bool rests = Eventually(
      [&] {
        return orchestrator.Call("GET", "/metrics")
            .body.contains("orchestrator_reconcile_waiting 0");
      },
      60s, 100ms);
  if (!rests) throw std::runtime_error("the reconciler does not come to rest");
}

// From the request to the last service, of sites that are not there yet.
double OrchestratorCreates(OrchestratorProcess& orchestrator, int first) {
  json batch{{"upsert", json::array()}};
  for (int id = first; id < first + kServices; ++id) {
    batch["upsert"].push_back(
        {{"id", id}, {"hosts", {fmt::format("created{}.test", id)}}, {"served", false}});
  }
  CreationCounter counter(first);
  const auto start = Clock::now();
  if (orchestrator.Call("POST", "/v1/sites/batch", batch.dump()).status != 200) {
    throw std::runtime_error("the batch was refused");
  }
  const double time = Milliseconds(counter.Wait() - start);
  WaitForRest(orchestrator);
  return time;
}

// So that each round begins with as many services. Their directories stay.
void RemoveSites(OrchestratorProcess& orchestrator, int first) {
  json batch{{"delete", json::array()}};
  for (int id = first; id < first + kServices; ++id) batch["delete"].push_back(id);
  if (orchestrator.Call("POST", "/v1/sites/batch", batch.dump()).status != 200) {
    throw std::runtime_error("the batch of removals was refused");
  }
  const bool gone =
      Eventually([&] { return !Engine::HasService(fmt::format("site_{}", first + kServices - 1)); },
                 60s, 100ms);
  if (!gone) throw std::runtime_error("services are not removed");
  WaitForRest(orchestrator);
}

void BenchCreation(OrchestratorProcess& orchestrator, RawEngine& engine) {
  const json model = engine.Call("GET", fmt::format("/services/site_{}", kFirst)).at("Spec");
  std::vector<double> ours;
  std::vector<double> engines{EngineCreates(engine, model)};
  std::vector<double> ratios;
  for (int round = 0; round < kCreations; ++round) {
    const int first = kFirst + kSites + round * kServices;
    ours.push_back(OrchestratorCreates(orchestrator, first));
    RemoveSites(orchestrator, first);
    // The engine gets slower while it works; what it takes alone is measured on both sides.
    engines.push_back(EngineCreates(engine, model));
    ratios.push_back(ours.back() * 2 / (engines[engines.size() - 2] + engines.back()));
  }
  Report("creation_of_services", ours,
         {{"services", kServices}, {"engine_alone", engines}, {"ratios", ratios}});
}

}  // namespace

void BenchDeploy() {
  SwarmSystem system("provider");
  // Rounds remove all of their sites at once.
  system.Configure("routing: {", "routing: {vanish_percent: 100, ");
  system.orchestrator().Start();
  RawEngine engine;
  BenchOneSite(system.orchestrator(), engine);
  BenchManySites(system.orchestrator());
  BenchEngineOnManyServices(engine);
  BenchCreation(system.orchestrator(), engine);
}

}  // namespace tests
