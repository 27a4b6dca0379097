#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace orchestrator::docker {

// A time as the engine writes it (RFC 3339, "2026-01-31T12:00:00.123456789Z" or with an offset as
// "+02:00") as the engine takes it: Unix seconds with the same fraction. Nothing when it is no such
// time.
std::optional<std::string> ToUnixSeconds(std::string_view rfc3339);

// The whole Unix seconds of such a time; 0 where it is none.
std::int64_t WholeUnixSeconds(std::string_view rfc3339);

}  // namespace orchestrator::docker
