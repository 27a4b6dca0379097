#pragma once

namespace tests {

// What idle terminals cost the orchestrator's memory.
void BenchTerminals();

}  // namespace tests
