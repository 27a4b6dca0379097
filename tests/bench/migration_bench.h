#pragma once

namespace tests {

// What the steps of a migration cost in the store, and how long batches of a hundred sites take on
// a swarm behind a Traefik. Needs an engine.
void BenchMigration();

}  // namespace tests
