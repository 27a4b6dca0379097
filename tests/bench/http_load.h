#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace tests {

// Asks for `path` at 127.0.0.1 on so many connections, on each again and again, accepting gzip.
// Bodies are thrown away in the kernel, so that what is measured is the server and not its client.
// Throws std::runtime_error where an answer is not 200.
double RequestsPerSecond(std::uint16_t port, const std::string& path, int connections,
                         std::chrono::steady_clock::duration time);

}  // namespace tests
