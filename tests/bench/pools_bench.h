#pragma once

namespace tests {

// A million sites in twenty pools of one orchestrator: from each change to its pool's answer, the
// memory, and the time after a restart.
void BenchPools();

}  // namespace tests
