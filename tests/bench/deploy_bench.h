#pragma once

namespace tests {

// Changes of sites against the engine's own calls, side by side: Director's update of one site, of
// many by several clients, and the creation of many services.
void BenchDeploy();

}  // namespace tests
