#pragma once

#include <string>
#include <string_view>

namespace traefik::check {

// Why Traefik cannot read a text as a URL (Go's url.Parse, which takes much that leads nowhere); a
// sentence, empty when it can.
std::string UrlProblem(std::string_view text);

}  // namespace traefik::check
