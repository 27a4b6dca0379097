#pragma once

// `orchestrator traefik …`: pure commands from standard input to standard output, as JSON. No
// server is needed. Each returns the exit status of the program.
namespace orchestrator::cli {

int DecodeTraefikLabels();
int EncodeTraefikLabels();
int CheckTraefikDocument();
int CheckTraefikRule(bool tcp, bool v2);

}  // namespace orchestrator::cli
