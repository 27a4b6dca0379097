#pragma once

namespace tests {

// A real Traefik with more and more sites, with the naive document (flat routers, plain JSON) and
// with ours: how long a change of one site takes, and how many requests a second are answered.
void BenchScale();

}  // namespace tests
