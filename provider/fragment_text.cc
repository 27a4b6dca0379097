#include "provider/fragment_text.h"

#include <memory>

#include <nlohmann/json.hpp>

namespace traefik {

// To JSON and back.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(RouterText, name, body, rule, old_syntax,
                                                middlewares, priority, parents, entry_points, tls,
                                                tls_options, tls_domains, has_resolver,
                                                observability)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Fragment, routers, services, servers_transports, middlewares,
                                   others)

}  // namespace traefik

namespace provider {

using nlohmann::json;

std::string FragmentsToText(const Fragments& fragments) {
  json out = json::array();
  for (const auto& [key, fragment] : fragments) out.push_back({key, *fragment});
  return out.dump();
}

std::expected<Fragments, std::string> ParseFragments(std::string_view text) {
  try {
    Fragments fragments;
    for (const json& item : json::parse(text)) {
      fragments.emplace(item.at(0).get<std::uint64_t>(), std::make_shared<const traefik::Fragment>(
                                                             item.at(1).get<traefik::Fragment>()));
    }
    return fragments;
  } catch (const json::exception& error) {
    return std::unexpected(error.what());
  }
}

}  // namespace provider
