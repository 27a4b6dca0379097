#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace traefik::rules {

enum class Protocol { kHttp, kTcp };
enum class Syntax { kV3, kV2 };

// What Traefik's muxer says of a rule: the hosts that it surely names (Host or HostSNI, not
// negated, in lower case, in their order), or why it refuses the rule, for the person who wrote it.
std::expected<std::vector<std::string>, std::string> CheckRule(std::string_view rule,
                                                               Protocol protocol = Protocol::kHttp,
                                                               Syntax syntax = Syntax::kV3);

// An IP address, or a range as 10.0.0.0/8.
bool IsAddressOrRange(std::string_view text);

}  // namespace traefik::rules
