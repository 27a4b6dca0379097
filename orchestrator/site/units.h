#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <string_view>

#include "orchestrator/site/site.h"

namespace orchestrator::site {

// "100MiB", "10MB", "5k", "1000": KiB MiB GiB KB MB GB B K M G count in 1024s, b k m g in 1000s, as
// Director reads them; "bytes" or nothing counts bytes. Errors are sentences for the person who
// typed.
std::expected<Bytes, std::string> ParseBytes(std::string_view text);

// "10s", "500ms", "2m", "1h": a whole number and a unit.
std::expected<std::chrono::milliseconds, std::string> ParseDuration(std::string_view text);

// The shortest text that ParseDuration reads back.
std::string FormatDuration(std::chrono::milliseconds duration);

}  // namespace orchestrator::site
