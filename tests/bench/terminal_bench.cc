#include "tests/bench/terminal_bench.h"

#include <cstdio>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tests/support/swarm_system.h"
#include "tests/support/terminal_client.h"

namespace tests {
namespace {

constexpr int kTerminals = 100;
constexpr int kSite = 7601;

}  // namespace

void BenchTerminals() {
  SwarmSystem system("provider");
  std::ofstream(system.orchestrator().config_file(), std::ios::app)
      << fmt::format("terminals: {{per_site: {0}, in_all: {0}}}\n", kTerminals);
  OrchestratorProcess& orchestrator = system.orchestrator();
  orchestrator.Start();
  const Answer created = orchestrator.Call("PUT", fmt::format("/v1/sites/{}", kSite),
                                           R"({"hosts": ["terminals.test"], "served": false})");
  if (created.status != 201) throw std::runtime_error(created.body);
  std::vector<std::unique_ptr<TerminalClient>> terminals;
  const auto open = [&] {
    terminals.push_back(std::make_unique<TerminalClient>(orchestrator, kSite));
    TerminalClient& terminal = *terminals.back();
    if (!terminal.open() || terminal.Session().empty()) {
      throw std::runtime_error("a terminal does not open: " + orchestrator.Log());
    }
    terminal.Type("echo $((40 + 2))\n");
    if (!terminal.Sees("42")) throw std::runtime_error("a terminal does not answer");
  };
  const auto before = MemoryOf(orchestrator.process_id(), "VmRSS");
  while (terminals.size() < kTerminals) open();
  const auto after = MemoryOf(orchestrator.process_id(), "VmRSS");
  const nlohmann::json line{{"benchmark", "idle_terminals"},
                            {"terminals", kTerminals},
                            {"unit", "KiB"},
                            {"before", before},
                            {"more", after - before}};
  std::printf("%s\n", line.dump().c_str());
}

}  // namespace tests
