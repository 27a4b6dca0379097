#pragma once

namespace tests {

// From a committed change to the answer of a held poll, with 500 sites.
void BenchPoll();

}  // namespace tests
