#pragma once

#include <string>
#include <string_view>

namespace traefik::rules {

// Why gorilla/mux, which Traefik uses for rules of the v2 syntax, refuses a template as
// "/{id:[0-9]+}"; empty when it does not.
std::string TemplateProblem(std::string_view text);

}  // namespace traefik::rules
