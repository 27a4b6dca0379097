#pragma once

namespace tests {

// From the order of a new site to its first answer through Traefik, and beside it the engine's own
// time from the order of the same service to a running container.
void BenchFirstAnswer();

}  // namespace tests
