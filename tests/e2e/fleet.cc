#include "tests/e2e/fleet.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "tests/support/engine.h"
#include "tests/support/eventually.h"

namespace tests {

using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr const char* kCompressed = R"j({"http": {"middlewares": {"small": {"compress": {}}},
                                                  "routers": {"site": {"middlewares": ["small"]}}}})j";

}  // namespace

Fleet::Fleet(int first_id, std::size_t count, const FleetOptions& options)
    : system(options.upstream.empty() ? "labels" : "provider", {}, 1, options.traefiks),
      first_id_(first_id),
      is_external_(!options.upstream.empty()),
      has_tls_(options.tls) {
  if (is_external_) system.UseNetwork("orchestrator-tests-wide", "10.199.0.0/16");
  if (options.tls) system.UseTls();
  system.Start();
  json sites = json::array();
  for (std::size_t i = 0; i < count; ++i) {
    const int id = first_id + static_cast<int>(i);
    hosts.push_back(fmt::format("site{}.test", id));
    json site{{"id", id}, {"hosts", {hosts.back()}}};
    if (is_external_) {
      site["kind"] = "external";
      site["upstreams"] = {options.upstream};
      texts.emplace_back();
    } else {
      site["kind"] = "static";
      texts.push_back(fmt::format("text of {}.", id));
      std::filesystem::create_directories(Public(id));
      std::ofstream(Public(id) / "index.html") << texts.back();
    }
    if (options.tls) {
      site["routing"] = {{"tls", json::object()},
                         {"entry_points", {"websecure"}},
                         {"extra", json::parse(kCompressed)}};
    }
    sites.push_back(std::move(site));
  }
  const Answer made =
      system.orchestrator().Call("POST", "/v1/sites/batch", json{{"upsert", sites}}.dump());
  INFO(made.body);
  REQUIRE(made.status == 200);
}

bool Fleet::AllAnswer(std::size_t traefik) {
  provider::http::Client client;
  return Eventually(
      [&] {
        for (const std::string& host : hosts) {
          if (VisitSite(client, url(traefik), host).status != 200) return false;
        }
        return true;
      },
      300s, 500ms);
}

std::set<std::string> Fleet::Containers() const {
  std::set<std::string> own;
  std::istringstream all(Engine::Docker({"ps", "--format", "{{.Names}} {{.ID}}"}).output);
  for (std::string line; std::getline(all, line);) {
    for (std::size_t i = 0; i < hosts.size(); ++i) {
      if (line.starts_with(fmt::format("site_{}.", first_id_ + static_cast<int>(i)))) {
        own.insert(line);
      }
    }
  }
  return own;
}

std::size_t Fleet::CountIn(const char* phase) {
  return json::parse(system.orchestrator().Call("GET", "/v1/routing").body)
      .at("phases")
      .at(phase)
      .get<std::size_t>();
}

json Fleet::Order(json order) {
  const Answer answer = system.orchestrator().Call("POST", "/v1/routing/migrations", order.dump());
  INFO(answer.body);
  REQUIRE(answer.status == 202);
  return json::parse(answer.body);
}

json Fleet::Newest() {
  const Answer answer = system.orchestrator().Call("GET", "/v1/routing/migrations");
  const json list = json::parse(answer.body, nullptr, false);
  if (answer.status != 200 || list.is_discarded() || list.at("migrations").empty()) return {};
  return list.at("migrations").front();
}

bool Fleet::Becomes(const char* state, std::chrono::milliseconds limit) {
  const bool reached =
      Eventually([&] { return Newest().value("state", "") == state; }, limit, 50ms);
  if (!reached) UNSCOPED_INFO("it is " << Newest().dump());
  return reached;
}

void Fleet::Move(const char* to) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::string> order{"routing", "mode", to, "--timeout", "300s", "--batch"};
  if (is_external_) {
    order.insert(order.end(), {"100", "--kind", "external"});
  } else {
    order.emplace_back("50");
  }
  const Finished moved = system.orchestrator().Command(order, 310s);
  INFO(moved.output);
  REQUIRE(moved.status == 0);
  CHECK(CountIn(to) == hosts.size());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const json all = json::parse(
      system.orchestrator()
          .Call("GET", fmt::format("/v1/routing/migrations/{}", Newest().at("id").get<int>()))
          .body);
  const auto batches = all.at("batches").at("in_all").get<std::size_t>();
  std::cout << fmt::format("{} sites moved to {} in {:.1f} s, {} batches of {:.2f} s\n",
                           hosts.size(), to, took.count(), batches,
                           took.count() / static_cast<double>(batches));
}

std::filesystem::path Fleet::Public(int id) {
  return system.orchestrator().sites() / fmt::format("{:02}", id / 100) /
         fmt::format("{:02}", id % 100) / "public";
}

void Pass(const Load& load, std::size_t visits) {
  const std::size_t mark = load.sent();
  REQUIRE(Eventually([&] { return load.sent() > mark + visits; }, 120s));
}

}  // namespace tests
