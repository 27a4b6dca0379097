#pragma once

namespace orchestrator::cli {

// The whole program: reads the command line, runs the command, returns the exit status.
int Run(int argc, char** argv);

}  // namespace orchestrator::cli
