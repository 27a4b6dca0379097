#pragma once

namespace tests {

// The provider's endpoint beside nginx with one worker, both serving the same packed bytes.
void BenchEndpoint();

}  // namespace tests
