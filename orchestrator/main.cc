#include <exception>

#include <fmt/format.h>

#include "orchestrator/cli/output.h"
#include "orchestrator/cli/program.h"

int main(int argc, char** argv) {
  try {
    return orchestrator::cli::Run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "orchestrator: unexpected: {}\n", error.what());
    return orchestrator::cli::kFailed;
  }
}
