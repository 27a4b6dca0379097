#pragma once

namespace tests {

// The provider's endpoint beside nginx with one worker, both serving the same packed bytes, by wrk.
void BenchEndpoint();

}  // namespace tests
