#pragma once

namespace tests {

// The document of 100,000 sites: all of it from nothing, and after a change of one site.
void BenchSnapshot();

}  // namespace tests
