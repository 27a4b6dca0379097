#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>

namespace traefik::swarm {

// What Traefik takes where nothing is configured.
inline constexpr std::string_view kDefaultRule = "Host(`{{ normalize .Name }}`)";

// What a rule template (`defaultRule`, a Go template) may use of a service.
struct TemplateData {
  std::string name;                           // .Name
  std::map<std::string, std::string> labels;  // .Labels
};

// Runs of anything but letters and digits become one '-', none at the ends. All bytes of characters
// beyond ASCII count as letters.
std::string Normalize(std::string_view name);

// The text of a template. Of Go's templates it knows text, comments, if, else and end, `.Name`,
// `.Labels.key`, `index .Labels "key"`, texts, pipes, parentheses and the functions normalize,
// lower, upper, trim, trimPrefix, trimSuffix, replace, default, contains, hasPrefix, hasSuffix, eq,
// ne, not, and, or and printf (%s, %v); the error is a sentence that names what else it has.
std::expected<std::string, std::string> Evaluate(std::string_view text, const TemplateData& data);

}  // namespace traefik::swarm
