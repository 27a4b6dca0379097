#pragma once

namespace tests {

// Labels of one site to a configuration and back, and the check of a document of 100,000 routers.
void BenchCodec();

}  // namespace tests
