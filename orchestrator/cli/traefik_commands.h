#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

// `orchestrator traefik …`: pure commands from standard input to standard output, as JSON. No
// server is needed. Each returns the exit status of the program.
namespace orchestrator::cli {

// A service of a swarm that has the labels; no name: the labels alone.
struct LabelledService {
  std::string name;
  std::vector<std::string> addresses;
  std::optional<std::string> default_rule;
};

int DecodeTraefikLabels(const LabelledService& service);
int EncodeTraefikLabels();
// `target`: a version as 3.4; empty: the newest. `toml`: a file of Traefik's file provider.
int CheckTraefikDocument(const std::string& target, bool toml);
// Prints a flat document as the provider would serve it. `large`: from so many routers on they are
// a tree.
int CompileTraefikDocument(const std::string& target, std::size_t large);
int CheckTraefikRule(bool tcp, bool v2);

// Compares two documents in files (TOML by the name's ending): a line for each difference, or JSON.
// Status 1 when there are some.
int DiffTraefikDocuments(const std::string& before, const std::string& after, bool as_json);

// Prints every option of Traefik's dynamic configuration as a Markdown table.
int PrintTraefikOptions();

}  // namespace orchestrator::cli
