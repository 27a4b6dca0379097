#pragma once

namespace tests {

// From a change of one site to its first answer through a real Traefik, at several sizes; and the
// same for routes in the file and Redis providers of the same Traefik, side by side.
void BenchRoute();

}  // namespace tests
